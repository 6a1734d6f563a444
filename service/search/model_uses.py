"""Which calls used models before another, so that somebody can tell whose call made Ollama load a model anew."""

import sqlite3
from typing import Final

from service.search.index_columns import OTHER, REFUSED

# The nearest of other models say enough.
_MOST_OTHERS: Final = 5
# What lies further back than the last call of its model, by numbers, is not looked through.
_CALLS_BACK: Final = 20_000

# A load and an unload are no calls that compute, but they use a model.
_USES: Final = (
    f"(apart NOT IN ({REFUSED}, {OTHER}) OR operation IN (SELECT id FROM name WHERE text IN ('load', 'unload')))"
)
# At the same Ollama it was in use before the one that is asked about went there, and had ended when that did. Whatever
# never went there has no ``held_ms``, and so used nothing.
_BEFORE: Final = "started_ms + held_ms <= ?2 AND ended_ms <= ?3 AND number <> ?1 AND upstream IS ?5"


def used_before(connection: sqlite3.Connection, number: int) -> list[int]:
    """Numbers of the calls that used models of its Ollama before ``number`` did, newest first; the last of its model.

    Empty where no such call of its model is known.
    """
    row = connection.execute(
        "SELECT started_ms + coalesce(held_ms, 0), ended_ms, model, upstream FROM fact WHERE number = ?", (number,)
    ).fetchone()
    if row is None or row[2] is None:
        return []
    given = (number, *row)
    last = connection.execute(
        f"SELECT number FROM fact INDEXED BY fact_model WHERE model = ?4 AND {_BEFORE} AND {_USES}"
        " ORDER BY ended_ms DESC LIMIT 1",
        given,
    ).fetchone()
    if last is None:
        return []
    others = connection.execute(
        f"SELECT number FROM fact NOT INDEXED WHERE number > ?6 AND number < ?1 AND {_BEFORE} AND {_USES}"
        f" AND model IS NOT NULL AND model <> ?4 ORDER BY number DESC LIMIT {_MOST_OTHERS}",
        (*given, max(last[0], number - _CALLS_BACK)),
    )
    return [*(other for (other,) in others.fetchall()), last[0]]
