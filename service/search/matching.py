"""The exchanges that a filter lets through: a page of them, all their numbers, how many they are.

The index knows which exchanges there are, the journal has their records. A list without conditions comes from the
journal alone, so that what ended a moment ago, or is not indexed yet, is never missing from it.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from service.journal.damage import noted_damage
from service.journal.reader import LAST_NUMBER, Reader
from service.search.filters import Filter
from service.search.index_query import IndexFile, number_ranges

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


class Matches:
    """Reads ``folder``'s index and journal, from any threads.

    Every method raises JournalError when one of both is not there, cannot be read or takes too long, and ValueError
    when the filter's text is malformed. None may run in the event loop.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = IndexFile(folder)
        self.journal = Reader(folder, seconds=TOTAL_SECONDS)

    def page(self, wanted: Filter, limit: int) -> Page:
        """The newest exchanges that ``wanted`` lets through, newest first, at most ``limit``.

        One that the journal no longer has is left out.
        """
        page = self._find(wanted, limit, PAGE_SECONDS)
        passed_before = self.journal.passed_over
        found = self.journal.ask_of("SELECT number, length(line) FROM exchange WHERE number IN", page.numbers)
        sizes = sorted(found, reverse=True)
        shown: list[int] = []
        size = 0
        for number, length in sizes:
            size += length
            if shown and size > _PAGE_BYTES:
                break
            shown.append(number)
        rows = sorted(self.journal.ask_of("SELECT number, line FROM exchange WHERE number IN", shown), reverse=True)
        next_before = page.next_before if len(shown) == len(sizes) else shown[-1]
        # Two lists at once may each count what the other passed over: too many, never none.
        unreadable = self.journal.passed_over - passed_before
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
            return self.journal.count(after, before)
        ids = self.numbers_of(wanted)
        with self.index.snapshot(TOTAL_SECONDS) as connection:
            return sum(
                connection.execute(f"SELECT count(*) {part.source}", part.values).fetchone()[0]
                for part in number_ranges(connection, wanted, ids)
            )

    def numbers_of(self, wanted: Filter) -> list[int] | None:
        """The numbers of the exchanges whose ids ``wanted`` asks for; None: it asks for none."""
        if not wanted.exchange:
            return None
        marks = ",".join("?" * len(wanted.exchange))
        rows = self.journal.ask(f"SELECT number FROM exchange WHERE id IN ({marks})", wanted.exchange)
        return sorted(number for (number,) in rows)

    def reached(self) -> int:
        """Up to which number the index goes."""
        with self.index.snapshot(PAGE_SECONDS) as connection:
            row = connection.execute("SELECT CAST(value AS INTEGER) FROM about WHERE name = 'number'").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        """Close all files. May be called twice."""
        self.index.close()
        self.journal.close()

    def _find(self, wanted: Filter, limit: int, seconds: float) -> _Numbers:
        if not wanted.has_conditions:
            before, after = _ends(wanted)
            return _cut(self.journal.numbers_between(after, before, limit + 1), limit)
        numbers: list[int] = []
        deadline = time.monotonic() + seconds
        ids = self.numbers_of(wanted)
        with self.index.snapshot(TOTAL_SECONDS) as connection:
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


def _cut(numbers: list[int], limit: int) -> _Numbers:
    return _Numbers(numbers[:limit], numbers[limit - 1] if len(numbers) > limit else None)


def _ends(wanted: Filter) -> tuple[int, int]:
    before = LAST_NUMBER if wanted.before is None else wanted.before
    return before, -1 if wanted.after is None else wanted.after
