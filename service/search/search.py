"""Exchanges are searched: a page of them, all their numbers, what they add up to, and what surrounds one of them.

The index knows which exchanges there are, the journal has their records. A list without conditions comes from the
journal alone, so that what ended a moment ago, or is not indexed yet, is never missing from it.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.journal.damage import noted_damage
from service.journal.reader import LAST_NUMBER, Bodies, KeptRecord, Reader
from service.record.content_findings import CallsOf
from service.record.explanation import Surroundings
from service.record.record import Record
from service.search import model_uses, neighbours, totals
from service.search.failed_requests import failed_requests
from service.search.failure_groups import FailureReport, grouped, with_records
from service.search.filters import Filter, without
from service.search.index_query import IndexFile, number_ranges
from service.search.neighbours import Neighbours
from service.search.quarter_hours import Quarter, quarter_hours
from service.search.recent_numbers import RecentNumbers, recent_numbers
from service.search.timeline import Timeline, draw_timeline
from service.search.totals import Group

# A page that is hard to find comes in parts, so that its reader sees something. Totals take longer and come whole.
PAGE_SECONDS = 0.1
TOTAL_SECONDS = 30.0
# A line has up to 240 kB: a page of such ones ends early.
_PAGE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One exchange in a page: its number, and its line as it is in the journal."""

    number: int
    line: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """``next_before`` is where to go on (a Filter's ``before``), None at the end.

    ``is_complete`` is False when the time for one answer was over before the page was full, or while the journal is
    damaged. ``unreadable`` exchanges would be in it, and lie in a damaged part.
    """

    entries: list[PageEntry]
    next_before: int | None
    is_complete: bool
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class _Numbers:
    numbers: list[int]
    next_before: int | None = None
    is_complete: bool = True


class Search:
    """Reads ``folder``'s index and journal, from any threads.

    Every method raises JournalError when one of both is not there, cannot be read or takes too long, and ValueError
    when the filter's text is malformed. None may run in the event loop.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = IndexFile(folder)
        self._journal = Reader(folder, seconds=TOTAL_SECONDS)

    def page(self, wanted: Filter, limit: int) -> Page:
        """The newest exchanges that ``wanted`` lets through, newest first, at most ``limit``.

        One that the journal no longer has is left out.
        """
        page = self._find(wanted, limit, PAGE_SECONDS)
        passed_before = self._journal.passed_over
        found = self._journal.ask_of("SELECT number, length(line) FROM exchange WHERE number IN", page.numbers)
        sizes = sorted(found, reverse=True)
        shown: list[int] = []
        size = 0
        for number, length in sizes:
            size += length
            if shown and size > _PAGE_BYTES:
                break
            shown.append(number)
        rows = sorted(self._journal.ask_of("SELECT number, line FROM exchange WHERE number IN", shown), reverse=True)
        next_before = page.next_before if len(shown) == len(sizes) else shown[-1]
        # Two lists at once may each count what the other passed over: too many, never none.
        unreadable = self._journal.passed_over - passed_before
        is_complete = page.is_complete and not unreadable and noted_damage(self.folder) is None
        return Page([PageEntry(*row) for row in rows], next_before, is_complete, unreadable)

    def numbers(self, wanted: Filter, batch: int = 1000) -> Iterator[list[int]]:
        """The numbers of all that ``wanted`` lets through, newest first, some at a time."""
        before: int | None = wanted.before
        while True:
            some = self._find(replace(wanted, before=before), batch, TOTAL_SECONDS)
            if some.numbers:
                yield some.numbers
            if some.next_before is None:
                return
            before = some.next_before

    def count(self, wanted: Filter) -> int:
        """How many exchanges ``wanted`` lets through."""
        if not wanted.has_conditions:
            before, after = _ends(wanted)
            return self._journal.count(after, before)
        ids = self._numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return sum(
                connection.execute(f"SELECT count(*) {part.source}", part.values).fetchone()[0]
                for part in number_ranges(connection, wanted, ids)
            )

    def timeline(self, wanted: Filter, columns: int = 450) -> Timeline:
        """What to draw of all that ``wanted`` lets through, and what it adds up to."""
        ids = self._numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return draw_timeline(connection, wanted, ids, columns)

    def values(self, field: str, wanted: Filter, limit: int = 100) -> list[tuple[str, int]]:
        """The names in ``field`` (of filters.NAME_FIELDS) and how many exchanges have each, most frequent first.

        The condition on that field itself is left aside: these are the values that it could have instead.
        """
        ids = self._numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return totals.values(connection, field, without(wanted, field), ids, limit)

    def stats(self, wanted: Filter, by: str) -> list[Group]:
        """What the exchanges add up to for each name in the field ``by``, the largest group first."""
        ids = self._numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return totals.groups(connection, by, wanted, ids)

    def failures(self, wanted: Filter) -> FailureReport:
        """What failed of all that ``wanted`` lets through, by its cause, and who got an answer all the same."""
        ids = self._numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            requests, is_complete = failed_requests(connection, wanted, ids)
        report = grouped(requests, is_complete)
        shown = {number for group in report.groups for request in group.requests for number in request.numbers}
        return with_records(report, self._ids(sorted(shown)), self._lines(report.examples))

    def quarter_hours(self, wanted: Filter) -> list[Quarter]:
        """How busy models were, quarter of an hour by quarter."""
        ids = self._numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return quarter_hours(connection, wanted, ids)

    def recent_numbers(self, now_ns: int) -> RecentNumbers:
        """How the last minutes went, for alerts."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return recent_numbers(connection, now_ns)

    def surroundings(self, number: int) -> Surroundings:
        """What went on around exchange ``number``, as far as the index knows it."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return neighbours.surroundings(connection, number)

    def neighbours(self, number: int) -> Neighbours:
        """The ids of the exchanges before and after it in the same execution."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            before, after = neighbours.neighbours(connection, number)
        ids = self._ids(before + after)
        return Neighbours(
            next((ids[other] for other in before if other in ids), None),
            next((ids[other] for other in after if other in ids), None),
        )

    def call_before(self, number: int) -> tuple[CallsOf, KeptRecord] | None:
        """The previous call of the same node, workflow or chat, with its kept request; None: there is none."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            found = neighbours.calls_before(connection, number)
        if found is None:
            return None
        calls_of, numbers = found
        kept = next(self._journal.records(numbers, Bodies.REQUEST, 1), None)
        return None if kept is None else (calls_of, kept)

    def models_used_before(self, number: int) -> tuple[Record, ...]:
        """The calls that used models before ``number``, newest first, as far back as the last one of its own model."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            numbers = model_uses.used_before(connection, number)
        lines = self._lines(numbers)
        return tuple(Record(lines[other]) for other in numbers if other in lines)

    def records_of(self, numbers: Sequence[int]) -> Iterator[Record]:
        """The records with these ``numbers``, in their order, without those that the journal no longer has."""
        for kept in self._journal.records(numbers, Bodies.NONE, _PAGE_BYTES):
            yield Record(kept.row.line)

    def replays(self, number: int) -> list[str]:
        """The ids of the exchanges that repeat exchange ``number``, oldest first."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            numbers = neighbours.replays(connection, number)
        ids = self._ids(numbers)
        return [ids[number] for number in numbers if number in ids]

    def reached(self) -> int:
        """Up to which number the index goes."""
        with self._index.snapshot(PAGE_SECONDS) as connection:
            row = connection.execute("SELECT value FROM about WHERE name = 'number'").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Close all files. May be called twice."""
        self._index.close()
        self._journal.close()

    def _find(self, wanted: Filter, limit: int, seconds: float) -> _Numbers:
        if not wanted.has_conditions:
            before, after = _ends(wanted)
            return _cut(self._journal.numbers_between(after, before, limit + 1), limit)
        numbers: list[int] = []
        deadline = time.monotonic() + seconds
        ids = self._numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            for part in number_ranges(connection, wanted, ids):
                # One more than the limit says that there is more.
                rest = limit + 1 - len(numbers)
                question = f"SELECT number {part.source} ORDER BY number DESC LIMIT {rest:d}"
                numbers += [number for (number,) in connection.execute(question, part.values)]
                if len(numbers) > limit:
                    break
                if time.monotonic() > deadline:
                    return _Numbers(numbers, part.first, is_complete=False)
        return _cut(numbers, limit)

    def _numbers_of(self, wanted: Filter) -> list[int] | None:
        if not wanted.exchange:
            return None
        marks = ",".join("?" * len(wanted.exchange))
        rows = self._journal.ask(f"SELECT number FROM exchange WHERE id IN ({marks})", wanted.exchange)
        return sorted(number for (number,) in rows)

    def _lines(self, numbers: Sequence[int]) -> dict[int, bytes]:
        return dict(self._journal.ask_of("SELECT number, line FROM exchange WHERE number IN", numbers))

    def _ids(self, numbers: Sequence[int]) -> dict[int, str]:
        return dict(self._journal.ask(f"SELECT number, id FROM exchange WHERE number IN ({_list(numbers)})"))


def _cut(numbers: list[int], limit: int) -> _Numbers:
    return _Numbers(numbers[:limit], numbers[limit - 1] if len(numbers) > limit else None)


def _ends(wanted: Filter) -> tuple[int, int]:
    before = LAST_NUMBER if wanted.before is None else wanted.before
    return before, -1 if wanted.after is None else wanted.after


def _list(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))
