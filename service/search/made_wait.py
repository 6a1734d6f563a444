"""Who made others wait: while a call waits for a model, those that a model works for share its waiting among them.

It tells who was there, not who was to blame. Where nobody was and a model was being loaded, that is told apart, and
nobody is named. Calls of the same name do not make each other wait.
"""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from service.search.index_query import NumberRange

# What a call takes beside the work itself is no waiting.
_LEAST_MS: Final = 100
# Python's global lock is let go after so many steps: an exchange never waits for the counting.
_STEPS_BETWEEN_PAUSES: Final = 500

_HAS_WORKED: Final = "(works_ms > 0 AND begun_ms IS NOT NULL)"
_HAS_WAITED: Final = f"(waited_ms >= {_LEAST_MS} AND begun_ms IS NOT NULL)"
_HAS_LOADED: Final = "(loads_ms > 0 AND load_begun_ms IS NOT NULL)"
_NEVER: Final = 1 << 62
_START: Final = (
    f"min(iif({_HAS_WAITED}, begun_ms - waited_ms, {_NEVER}), iif({_HAS_WORKED}, begun_ms, {_NEVER}),"
    f" iif({_HAS_LOADED}, load_begun_ms, {_NEVER}))"
)
_TOLD: Final = (
    f"{_START}, begun_ms, iif({_HAS_WORKED}, works_ms, 0), iif({_HAS_WAITED}, waited_ms, 0), load_begun_ms,"
    f" iif({_HAS_LOADED}, loads_ms, 0), upstream, number IN (SELECT number FROM temp.call)"
)
_WAIT, _WORK, _LOAD = 0, 1, 2
_OTHERS: Final = -1
"""In place of a name, that of calls which nobody asks about."""

_Names = tuple[int | None, ...]
"""The ids of a call's names, one for each column that is asked about."""

_Change = tuple[int, int, int, int, int | None, _Names]
"""At so many milliseconds one more (1) or one fewer (-1); a number of its own; what it does, at which Ollama, whose."""


@dataclass(frozen=True, slots=True)
class MadeWait:
    """Seconds that others waited, for each column ``by`` the ids of its names, and ``load``: what all waited while
    models were loaded and none worked."""

    by: tuple[dict[int | None, float], ...]
    load: float


class _Occupied(NamedTuple):
    """Milliseconds; what lasted 0 was not."""

    start: int
    begun: int
    works: int
    waited: int
    load_begun: int
    loads: int
    upstream: int | None
    is_asked_about: int
    names: _Names

    @property
    def end(self) -> int:
        """When the last of what it does is over."""
        return max(self.begun + self.works if self.works or self.waited else 0, self.load_begun + self.loads)

    @property
    def waited_for_its_load(self) -> int:
        """How long it waited while its model was loaded."""
        if not self.waited or not self.loads:
            return 0
        both = min(self.begun, self.load_begun + self.loads) - max(self.begun - self.waited, self.load_begun)
        return max(0, both)

    def changes(self, number: int) -> Iterator[_Change]:
        """What begins and ends with it. ``number`` is its own."""
        if self.works:
            who = self.names if self.is_asked_about else (_OTHERS,) * len(self.names)
            yield self.begun, 1, number, _WORK, self.upstream, who
            yield self.begun + self.works, -1, number, _WORK, self.upstream, who
        if self.waited:
            yield self.begun - self.waited, 1, number, _WAIT, self.upstream, self.names
            yield self.begun, -1, number, _WAIT, self.upstream, self.names
        if self.loads:
            yield self.load_begun, 1, number, _LOAD, self.upstream, ()
            yield self.load_begun + self.loads, -1, number, _LOAD, self.upstream, ()


class _AtOllama:
    """How many of each name work and wait at one Ollama, and for how many a model is loaded, since ``before`` (ms)."""

    __slots__ = ("all_waiting", "all_working", "before", "loading", "waiting", "working")

    def __init__(self, columns: int) -> None:
        self.loading = self.all_working = self.all_waiting = self.before = 0
        self.working: list[dict[int | None, int]] = [{} for _ in range(columns)]
        self.waiting: list[dict[int | None, int]] = [{} for _ in range(columns)]


class _Sums:
    """Takes changes in their order, and adds up (seconds)."""

    def __init__(self, columns: int) -> None:
        self.load = 0.0
        self.made: tuple[defaultdict[int | None, float], ...] = tuple(defaultdict(float) for _ in range(columns))
        self._ollamas: defaultdict[int | None, _AtOllama] = defaultdict(lambda: _AtOllama(columns))

    def take(self, change: _Change) -> None:
        """The next change."""
        ms, by, _, does, upstream, names = change
        # Who works at one Ollama makes nobody wait at another.
        at = self._ollamas[upstream]
        if at.all_waiting and ms != at.before:
            if at.all_working:
                self._divide(at, (ms - at.before) / 1000)
            elif at.loading:
                self.load += at.all_waiting * (ms - at.before) / 1000
        at.before = ms
        if does == _LOAD:
            at.loading += by
        elif does == _WORK:
            at.all_working += by
            _count(at.working, names, by)
        else:
            at.all_waiting += by
            _count(at.waiting, names, by)

    def _divide(self, at: _AtOllama, seconds: float) -> None:
        for made, working, waiting in zip(self.made, at.working, at.waiting, strict=True):
            for name, count in working.items():
                made[name] += seconds * count / at.all_working * (at.all_waiting - waiting.get(name, 0))


def _count(ones: list[dict[int | None, int]], names: _Names, by: int) -> None:
    for one, who in zip(ones, names, strict=True):
        count = one.get(who, 0) + by
        if count:
            one[who] = count
        else:
            del one[who]


def made_wait(connection: sqlite3.Connection, columns: Sequence[str], ranges: Sequence[NumberRange]) -> MadeWait:
    """How long calls of other names waited while those of each name were at work; ``columns`` are names in fact.

    All that wait and work in ``ranges`` count; the answer is about those at work whose number is in ``temp.call``. The
    seconds of one that waits are divided among all that are at work just then. While a model is loaded all that wait
    count, those that it is loaded for as well.
    """
    sums = _Sums(len(columns))
    # What is still to come of the calls that have begun; and one that began when nothing was going on.
    coming: list[_Change] = []
    alone: _Occupied | None = None
    for step, call in enumerate(_calls(connection, columns, ranges)):
        if step % _STEPS_BETWEEN_PAUSES == 0:
            time.sleep(0)
        if alone is not None:
            if alone.end <= call.start:
                # As with most calls, nobody was there whom it could make wait.
                sums.load += alone.waited_for_its_load / 1000
            else:
                _begin(coming, alone, -step)
        while coming and coming[0][0] < call.start:
            sums.take(heappop(coming))
        alone = None if coming else call
        if alone is None:
            _begin(coming, call, step)
    if alone is not None:
        sums.load += alone.waited_for_its_load / 1000
    while coming:
        sums.take(heappop(coming))
    for made in sums.made:
        made.pop(_OTHERS, None)
    return MadeWait(tuple(map(dict, sums.made)), sums.load)


def _begin(coming: list[_Change], call: _Occupied, number: int) -> None:
    # Moments may be equal, and names do not compare.
    for place, change in enumerate(call.changes(6 * number)):
        heappush(coming, (*change[:2], change[2] + place, *change[3:]))


def _calls(
    connection: sqlite3.Connection, columns: Sequence[str], ranges: Sequence[NumberRange]
) -> Iterator[_Occupied]:
    """Those that worked, waited or were loaded for, in the order in which that began."""
    if not ranges:
        return
    told = ", ".join((_TOLD, *columns))
    does_something = f"({_HAS_WORKED} OR {_HAS_WAITED} OR {_HAS_LOADED})"
    question = " UNION ALL ".join(f"SELECT {told} {part.source} AND {does_something}" for part in ranges)
    values: list[Any] = [value for part in ranges for value in part.values]
    for start, begun, works, waited, load_begun, loads, upstream, is_asked_about, *names in connection.execute(
        f"{question} ORDER BY 1", values
    ):
        yield _Occupied(
            start, begun or 0, works, waited, load_begun or 0, loads, upstream, is_asked_about, tuple(names)
        )
