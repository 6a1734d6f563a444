"""Who made others wait: while a call waits for a model, those that a model works for share its waiting among them.

It tells who was there, not who was to blame. Where nobody was and a model was being loaded, that is told apart, and
nobody is named. Calls of the same name do not make each other wait.
"""

import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.search.index_query import NumberRange

# What a call takes beside the work itself is no waiting.
_LEAST_MS: Final = 100
# Python's global lock is let go after so many steps: an exchange never waits for the counting.
_STEPS_BETWEEN_PAUSES: Final = 500

_HAS_WORKED: Final = "works_ms > 0 AND begun_ms IS NOT NULL"
_HAS_WAITED: Final = f"waited_ms >= {_LEAST_MS}"
_HAS_LOADED: Final = "loads_ms > 0"
_WORK, _WAIT, _LOAD = 1, 0, 2
_OTHERS: Final = -1
"""In place of a name, that of calls which nobody asks about."""

# When a call begins and ends to work, to wait, and to have its model loaded: (the moment, how many more, what it does,
# of which calls)
_CHANGES: Final = (
    ("begun_ms", 1, _WORK, _HAS_WORKED),
    ("begun_ms + works_ms", -1, _WORK, _HAS_WORKED),
    ("begun_ms - waited_ms", 1, _WAIT, _HAS_WAITED),
    ("begun_ms", -1, _WAIT, _HAS_WAITED),
    ("load_begun_ms", 1, _LOAD, _HAS_LOADED),
    ("load_begun_ms + loads_ms", -1, _LOAD, _HAS_LOADED),
)


_Change = tuple[int, int, int, int | None, int | None]
"""At so many milliseconds one more (1) or one fewer (-1) does what _CHANGES says; the ids of its name and Ollama."""


@dataclass(frozen=True, slots=True)
class MadeWait:
    """Seconds: ``by`` the id of each name what others waited; ``load``: what all did while only models were loaded."""

    by: dict[int | None, float]
    load: float


class _AtOllama:
    """How many of each name work and wait at one Ollama, and for how many a model is loaded, since ``before`` (ms)."""

    __slots__ = ("before", "loading", "waiting", "working")

    def __init__(self) -> None:
        self.loading = 0
        self.working: dict[int | None, int] = {}
        self.waiting: dict[int | None, int] = {}
        self.before = 0


def made_wait(connection: sqlite3.Connection, name: str, ranges: Sequence[NumberRange]) -> MadeWait:
    """How long calls of other names waited while those of each name were at work; ``name`` is a column of fact.

    All that wait and work in ``ranges`` count; the answer is about those at work whose number is in ``temp.call``. The
    seconds of one that waits are divided among all that are at work just then. While a model is loaded all that wait
    count, those that it is loaded for as well.
    """
    load = 0.0
    made: Counter[int | None] = Counter()
    ollamas: defaultdict[int | None, _AtOllama] = defaultdict(_AtOllama)
    for ms, by, does, who, upstream in _changes(connection, name, ranges):
        # Who works at one Ollama makes nobody wait at another.
        at = ollamas[upstream]
        if at.waiting and at.working and ms != at.before:
            _divide(made, at.working, at.waiting, (ms - at.before) / 1000)
        elif at.waiting and at.loading:
            load += sum(at.waiting.values()) * (ms - at.before) / 1000
        at.before = ms
        if does == _LOAD:
            at.loading += by
            continue
        one = at.working if does == _WORK else at.waiting
        count = one.get(who, 0) + by
        if count:
            one[who] = count
        else:
            del one[who]
    del made[_OTHERS]
    return MadeWait(dict(made), load)


def _divide(
    made: Counter[int | None], working: dict[int | None, int], waiting: dict[int | None, int], seconds: float
) -> None:
    all_working, all_waiting = sum(working.values()), sum(waiting.values())
    for name, count in working.items():
        made[name] += seconds * count / all_working * (all_waiting - waiting.get(name, 0))  # type: ignore[assignment]


def _changes(connection: sqlite3.Connection, name: str, ranges: Sequence[NumberRange]) -> Iterator[_Change]:
    connection.execute("DROP TABLE IF EXISTS temp.change")
    connection.execute("CREATE TEMP TABLE change(ms, change, does, name, upstream)")
    try:
        for part in ranges:
            for moment, by, does, condition in _CHANGES:
                who = f"iif(number IN (SELECT number FROM temp.call), {name}, {_OTHERS})" if does == _WORK else name
                change = f"{moment}, {by}, {does}, {who}, upstream"
                connection.execute(
                    f"INSERT INTO change SELECT {change} {part.source} AND {condition}",
                    part.values,
                )
        for step, row in enumerate(connection.execute("SELECT * FROM change ORDER BY ms, change")):
            yield row
            if step % _STEPS_BETWEEN_PAUSES == 0:
                time.sleep(0)
    finally:
        connection.execute("DROP TABLE temp.change")
