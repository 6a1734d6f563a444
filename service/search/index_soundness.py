"""Whether the index holds only what was written into it.

SQLite keeps the kind of each value beside it and looks at neither: one damaged bit makes a text of a number, or another
number. Who counts such values fails or tells nonsense. The journal is right all the same, and the index is made anew
from it. Nothing that a client or an Ollama sends gets here, as ``columns_of`` lets none of it into a row.
"""

import sqlite3
from typing import Final

from service.search.index import FACT_COLUMNS

FAULTS: Final = (ArithmeticError, AttributeError, LookupError, TypeError)
"""What is raised where values of other kinds are counted. A ValueError is a mistake of whoever asks."""
NONSENSE: Final = "it held values that no index has"

_MOST: Final = (1 << 53) - 1
# What is always known, and between which numbers it lies.
_KNOWN: Final = {
    "ended_ms": (-_MOST, _MOST),
    "started_ms": (-_MOST, _MOST),
    "kind": (0, 2),
    "spot": (0, _MOST),
    "apart": (0, 3),
}
# All others may be unknown, and count from 0 to ``_MOST``, save these. ``asked`` may be any number.
_OTHERS: Final = {
    "is_truncated": (0, 1),
    "begun_ms": (-_MOST, _MOST),
    "load_begun_ms": (-_MOST, _MOST),
    "asked": (-(1 << 63), (1 << 63) - 1),
}


def _is_sound(column: str, is_known: bool, low: int, high: int) -> str:
    """What is so of each sound value of ``column``, as SQL."""
    condition = f"typeof({column}) = 'integer' AND {column} BETWEEN {low} AND {high}"
    return f"({condition})" if is_known else f"({column} IS NULL OR {condition})"


_SOUND_FACT: Final = " AND ".join(
    [
        *(_is_sound(name, name in _KNOWN, *(_KNOWN | _OTHERS).get(name, (0, _MOST))) for name in FACT_COLUMNS[1:]),
        # What lasted for an unknown time has no height.
        "(request_ms IS NULL) = (spot < 4)",
    ]
)
_SOUND_PARTITION: Final = " AND ".join(
    _is_sound(column, True, -_MOST, _MOST) for column in ("min_started_ms", "min_ended_ms", "max_ended_ms", "is_merged")
)
_SOUND_NAME: Final = f"typeof(text) = 'text' AND {_is_sound('newest_partition', True, 0, _MOST)}"
_UNSOUND: Final = tuple(
    f"SELECT EXISTS (SELECT 1 FROM {table} WHERE NOT ({condition}))"
    for table, condition in (("partition", _SOUND_PARTITION), ("name", _SOUND_NAME), ("fact", _SOUND_FACT))
)


def is_sound(connection: sqlite3.Connection) -> bool:
    """Look at all that is counted. Of a million records that takes about a second."""
    return not any(connection.execute(question).fetchone()[0] for question in _UNSOUND)
