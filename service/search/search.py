"""Exchanges are searched: which there are, what they add up to, and what surrounds one of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from service.journal.reader import Bodies, KeptRecord
from service.record.content_findings import CallsOf
from service.record.explanation import Surroundings
from service.record.record import Record
from service.search import model_uses, neighbours, totals
from service.search.failed_requests import failed_requests
from service.search.failure_groups import FailureReport, grouped, with_records
from service.search.filters import Filter, without
from service.search.matching import TOTAL_SECONDS, Matches, Page
from service.search.neighbours import Neighbours
from service.search.quarter_hours import Quarter, quarter_hours
from service.search.recent_numbers import RecentNumbers, recent_numbers
from service.search.timeline import Timeline, draw_timeline
from service.search.totals import Group, MachineUse

# So many bytes of lines are read at a time.
_READ_BYTES = 8 << 20


class Search:
    """Reads ``folder``'s index and journal, from any threads.

    Every method raises JournalError when one of both is not there, cannot be read or takes too long, and ValueError
    when the filter's text is malformed. None may run in the event loop.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.matches = Matches(folder)
        self._index, self._journal = self.matches.index, self.matches.journal

    def page(self, wanted: Filter, limit: int) -> Page:
        """The newest exchanges that ``wanted`` lets through, newest first, at most ``limit``.

        One that the journal no longer has is left out.
        """
        return self.matches.page(wanted, limit)

    def numbers(self, wanted: Filter, batch: int = 1000) -> Iterator[list[int]]:
        """The numbers of all that ``wanted`` lets through, newest first, some at a time."""
        return self.matches.numbers(wanted, batch)

    def count(self, wanted: Filter) -> int:
        """How many exchanges ``wanted`` lets through."""
        return self.matches.count(wanted)

    def timeline(self, wanted: Filter, columns: int = 450) -> Timeline:
        """What to draw of all that ``wanted`` lets through, and what it adds up to."""
        ids = self.matches.numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return draw_timeline(connection, wanted, ids, columns)

    def values(self, field: str, wanted: Filter, limit: int = 100) -> list[tuple[str, int]]:
        """The names in ``field`` (of filters.NAME_FIELDS) and how many exchanges have each, most frequent first.

        The condition on that field itself is left aside: these are the values that it could have instead.
        """
        ids = self.matches.numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return totals.values(connection, field, without(wanted, field), ids, limit)

    def use(self, wanted: Filter, by: str) -> MachineUse:
        """What the exchanges add up to for each name in the field ``by``, and how long loading made calls wait."""
        return self.use_by_each(wanted, [by])[0]

    def use_by_each(self, wanted: Filter, fields: Sequence[str]) -> list[MachineUse]:
        """The same for each of ``fields``, in little more time than for one."""
        ids = self.matches.numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return totals.use(connection, fields, wanted, ids)

    def stats(self, wanted: Filter, by: str) -> list[Group]:
        """The groups of ``use`` alone."""
        return self.use(wanted, by).groups

    def failures(self, wanted: Filter) -> FailureReport:
        """What failed of all that ``wanted`` lets through, by its cause, and who got an answer all the same."""
        ids = self.matches.numbers_of(wanted)
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            report = grouped(*failed_requests(connection, wanted, ids))
        shown = {number for group in report.groups for request in group.requests for number in request.numbers}
        return with_records(report, self._ids(sorted(shown)), self._lines(report.examples))

    def quarter_hours(self, wanted: Filter) -> list[Quarter]:
        """How busy models were, quarter of an hour by quarter."""
        ids = self.matches.numbers_of(wanted)
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
        """The ids of the exchanges before and after it in the same execution or conversation."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            before, after = neighbours.neighbours(connection, number)
        ids = self._ids(before + after)
        return Neighbours(
            next((ids[other] for other in before if other in ids), None),
            next((ids[other] for other in after if other in ids), None),
        )

    def conversation_length(self, number: int) -> int:
        """How many exchanges are turns of its conversation, itself among them, at most a thousand; 0: of none."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            return neighbours.conversation_length(connection, number)

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
        for kept in self._journal.records(numbers, Bodies.NONE, _READ_BYTES):
            yield Record(kept.row.line)

    def replays(self, number: int) -> list[str]:
        """The ids of the exchanges that repeat exchange ``number``, oldest first."""
        with self._index.snapshot(TOTAL_SECONDS) as connection:
            numbers = neighbours.replays(connection, number)
        ids = self._ids(numbers)
        return [ids[number] for number in numbers if number in ids]

    def reached(self) -> int:
        """Up to which number the index goes."""
        return self.matches.reached()

    def close(self) -> None:
        """Close all files. May be called twice."""
        self.matches.close()

    def _lines(self, numbers: Sequence[int]) -> dict[int, bytes]:
        return dict(self._journal.ask_of("SELECT number, line FROM exchange WHERE number IN", numbers))

    def _ids(self, numbers: Sequence[int]) -> dict[int, str]:
        return dict(self._journal.ask(f"SELECT number, id FROM exchange WHERE number IN ({_list(numbers)})"))


def _list(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))
