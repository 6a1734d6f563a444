"""The exchanges around another, as the index knows them: before and after it, at the same time, of the same model."""

import sqlite3
from dataclasses import dataclass
from statistics import median

from service.record.content_findings import OF_CHAT, OF_NODE, OF_WORKFLOW, CallsOf
from service.record.explanation import Surroundings
from service.search.index import PARTITION_NUMBERS

# The last of a model's exchanges say how fast it usually is; older ones may be of another machine.
_RATES = 1000
# Neighbours that the journal no longer has are passed over, up to so many.
_NEIGHBOURS = 20
_MOST_REPLAYS = 100
_MOST_TURNS = 1000
# A call of a node that lies further back is not worth the time to find it.
_CALLS_BACK = 200_000
# What a client names a conversation, another may name one of its own: "1", "default".
_SAME_PERSON = "user IS ?4 AND key IS ?5"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Ids of exchanges; None where there is none."""

    previous: str | None
    next: str | None


def surroundings(connection: sqlite3.Connection, number: int) -> Surroundings:
    """What went on at its Ollama when exchange ``number`` went there, or began, where it never did.

    Nothing is known of one that is not in the index.
    """
    row = connection.execute(
        "SELECT started_ms + coalesce(held_ms, 0), model, upstream FROM fact WHERE number = ?", (number,)
    ).fetchone()
    if row is None:
        return Surroundings(None, 0, None, 0)
    moment_ms, model, upstream = row
    # What another Ollama did is no reason for what this one did.
    in_flight, of_this_model = _in_flight(connection, number, moment_ms, model, upstream)
    last_used, rates = None, []
    if model is not None:
        (last_ms,) = connection.execute(
            "SELECT max(ended_ms) FROM fact INDEXED BY fact_model WHERE model = ? AND ended_ms <= ? AND number <> ?"
            " AND upstream IS ? AND held_ms IS NOT NULL",
            (model, moment_ms, number, upstream),
        ).fetchone()
        last_used = None if last_ms is None else (moment_ms - last_ms) / 1000
        rates = connection.execute(
            "SELECT rate FROM (SELECT rate, number FROM fact INDEXED BY fact_model WHERE model = ?"
            f" AND upstream IS ? ORDER BY ended_ms DESC LIMIT {_RATES}) WHERE rate IS NOT NULL AND number <> ?",
            (model, upstream, number),
        ).fetchall()
    return Surroundings(
        model_last_used=None if of_this_model else last_used,
        in_flight=in_flight,
        median_rate=median(rate for (rate,) in rates) / 1000 if rates else None,
        median_count=len(rates),
        model_in_use=of_this_model > 0,
    )


def neighbours(connection: sqlite3.Connection, number: int) -> tuple[list[int], list[int]]:
    """Numbers before and after ``number`` in the same execution, or else conversation, the nearest first."""
    row = connection.execute(
        "SELECT execution, conversation, workflow, user, key FROM fact WHERE number = ?", (number,)
    ).fetchone()
    if row is None or row[:2] == (None, None):
        return [], []
    execution, conversation, workflow, user, key = row
    group = "conversation" if execution is None else "execution"
    # Two workflows may count their executions alike; a call that does not say its workflow belongs to any.
    question = (
        f"SELECT number FROM fact INDEXED BY fact_{group} WHERE {group} = ?1"
        " AND (?2 IS NULL OR workflow IS NULL OR workflow = ?2)"
    )
    values: tuple[int | None, ...] = (execution, workflow, number)
    if execution is None:
        question, values = f"{question} AND {_SAME_PERSON}", (conversation, workflow, number, user, key)
    question += " AND number"
    before = connection.execute(f"{question} < ?3 ORDER BY number DESC LIMIT {_NEIGHBOURS}", values)
    after = connection.execute(f"{question} > ?3 ORDER BY number LIMIT {_NEIGHBOURS}", values)
    return [other for (other,) in before.fetchall()], [other for (other,) in after.fetchall()]


def conversation_length(connection: sqlite3.Connection, number: int) -> int:
    """How many exchanges are turns of its conversation, itself among them; 0: it is a turn of none."""
    row = connection.execute("SELECT conversation, user, key FROM fact WHERE number = ?", (number,)).fetchone()
    conversation, user, key = row or (None, None, None)
    (count,) = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM fact INDEXED BY fact_conversation WHERE conversation = ?1"
        f" AND {_SAME_PERSON} LIMIT {_MOST_TURNS})",
        (conversation, None, None, user, key),
    ).fetchone()
    return int(count)


def calls_before(connection: sqlite3.Connection, number: int) -> tuple[CallsOf, list[int]] | None:
    """What ``number`` is a call of, and the numbers of such calls before it, the nearest first.

    None: it is no call of a node, a workflow or a chat that others could be of too, or it repeats another.
    """
    row = connection.execute(
        "SELECT workflow, node, coalesce(conversation, execution), caller, task, operation, execution, user, key"
        " FROM fact WHERE number = ? AND replay_of IS NULL",
        (number,),
    ).fetchone()
    if row is None:
        return None
    workflow, node, group, *_, execution, user, key = row
    calls_of: CallsOf = OF_NODE
    person: tuple[int | None, ...] = ()
    source = "fact NOT INDEXED"
    if node is not None:
        same = "node = ?2 AND workflow IS ?1 AND caller IS ?4"
    elif workflow is not None:
        calls_of, same = OF_WORKFLOW, "workflow = ?1 AND node IS NULL"
    elif group is not None:
        column = "execution" if group == execution else "conversation"
        source, calls_of, same = f"fact INDEXED BY fact_{column}", OF_CHAT, f"{column} = ?3 AND caller IS ?4"
        if column == "conversation":
            same, person = f"{same} AND user IS ?9 AND key IS ?10", (user, key)
    else:
        return None
    before = connection.execute(
        f"SELECT number FROM {source} WHERE {same} AND task IS ?5 AND operation IS ?6 AND replay_of IS NULL"
        f" AND number < ?7 AND number > ?8 ORDER BY number DESC LIMIT {_NEIGHBOURS}",
        (*row[:6], number, number - _CALLS_BACK, *person),
    )
    return calls_of, [other for (other,) in before.fetchall()]


def replays(connection: sqlite3.Connection, number: int) -> list[int]:
    """Numbers of the newest exchanges that repeat ``number``, oldest first."""
    newest = connection.execute(
        "SELECT number FROM fact INDEXED BY fact_replay WHERE replay_of = ? ORDER BY number DESC LIMIT ?",
        (number, _MOST_REPLAYS),
    )
    return [other for (other,) in newest.fetchall()][::-1]


def _in_flight(
    connection: sqlite3.Connection, number: int, moment_ms: int, model: int | None, upstream: int | None
) -> tuple[int, int]:
    """How many others had gone there by ``moment_ms`` and not ended, and how many of those were of ``model``."""
    # What overlaps a moment may have ended long after it: only what is known of whole partitions tells where to look.
    count, of_model = connection.execute(
        "SELECT count(*), coalesce(sum(model = ?3), 0) FROM partition CROSS JOIN fact NOT INDEXED"
        f" ON fact.number BETWEEN partition.number * {PARTITION_NUMBERS}"
        f" AND partition.number * {PARTITION_NUMBERS} + {PARTITION_NUMBERS - 1}"
        " WHERE partition.min_started_ms <= ?1 AND partition.max_ended_ms > ?1"
        " AND started_ms + held_ms <= ?1 AND ended_ms > ?1 AND fact.number <> ?2 AND upstream IS ?4",
        (moment_ms, number, model, upstream),
    ).fetchone()
    return int(count), int(of_model)
