"""``tail``: exchanges as they end, from the journal alone; the recorder need not be asked, or even run yet."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import click

from service.cli.command_line import option
from service.cli.environment import current_settings
from service.cli.filter_options import takes_filter
from service.cli.screen import note, say_json
from service.cli.terminal import columns, is_terminal, plain, styled
from service.journal import JournalError
from service.search.filters import Filter
from service.settings import Settings

if TYPE_CHECKING:
    from service.journal.reader import Reader
    from service.search.indexing import Indexer
    from service.search.matching import Matches, PageEntry

T = TypeVar("T")
AsJson = Annotated[bool, option("--json", help="Print JSON, one line an exchange, for programs.")]
Lines = Annotated[int, option("--lines", "-n", min=0, help="How many of the last ones to begin with.")]
_LOOK_SECONDS = 0.2
_RETRY_SECONDS = 1.0
_AT_ONCE = 200


@takes_filter(leave_out=["before", "after", "to"])
def tail(wanted: Filter, lines: Lines = 10, as_json: AsJson = False) -> None:
    """Show exchanges as they end, until Ctrl-C. Begins with the last ones."""
    from service.cli.exchange_line import row
    from service.cli.listing import now, summary_of
    from service.record.conversation import opening
    from service.record.record import Record

    draws = is_terminal()
    with suppress(KeyboardInterrupt):
        for entry in follow(current_settings(), wanted, lines):
            record = Record(entry.line)
            if as_json:
                say_json(summary_of(entry))
            elif draws:
                click.echo(styled(row(record, opening(record), columns(), now())), color=True)
            else:
                click.echo(plain(row(record, opening(record), None)))


def follow(
    settings: Settings, wanted: Filter, lines: int, pause: Callable[[float], Any] = time.sleep
) -> "Iterator[PageEntry]":
    """The last ``lines`` exchanges that ``wanted`` lets through, oldest first, then each that ends, without an end.

    ``pause`` waits so many seconds between two looks. What is in the way is noted once and waited for.
    """
    from service.cli.listing import entries
    from service.journal.reader import Reader
    from service.search.indexing import Indexer
    from service.search.matching import Matches

    reader, search, indexer = Reader(settings.data_dir), Matches(settings.data_dir), Indexer(settings.data_dir)
    patiently = _Patience(settings.data_dir, pause)
    try:
        seen = patiently(lambda: _reached(reader, indexer, search, wanted))
        last = patiently(lambda: list(entries(search, replace(wanted, before=seen + 1), lines)))
        yield from reversed(last)
        while True:
            pause(_LOOK_SECONDS)
            newest = patiently(reader.newest_number)
            if newest < seen:
                note("The journal was made anew.")
                seen = 0
            if newest != seen:
                newest = patiently(lambda: _reached(reader, indexer, search, wanted))
                yield from _ended_between(seen, newest, wanted, search, reader, patiently)
                seen = newest
    finally:
        reader.close()
        search.close()
        indexer.close()


def _ended_between(
    seen: int, newest: int, wanted: Filter, search: "Matches", reader: "Reader", patiently: "_Patience"
) -> "Iterator[PageEntry]":
    """What ``wanted`` lets through after number ``seen`` up to ``newest``, oldest first."""
    from service.search.matching import PageEntry

    ended = replace(wanted, after=seen, before=newest + 1)
    numbers = patiently(lambda: [number for batch in search.numbers(ended) for number in batch])[::-1]
    for start in range(0, len(numbers), _AT_ONCE):
        some = ",".join(map(str, numbers[start : start + _AT_ONCE]))
        question = f"SELECT number, line FROM exchange WHERE number IN ({some}) ORDER BY number"
        for row in patiently(partial(reader.ask, question)):
            yield PageEntry(*row)


def _reached(reader: "Reader", indexer: "Indexer", search: "Matches", wanted: Filter) -> int:
    """Up to which number can be looked. Where the index is asked, it is brought there first."""
    newest = reader.newest_number()
    if not wanted.has_conditions:
        return newest
    try:
        while (step := indexer.step()).behind:
            pass
    except (sqlite3.Error, OSError):
        # A folder that only the recorder may write to: what it has not indexed yet comes at the next look.
        return search.reached()
    return step.number


@dataclass(frozen=True, slots=True)
class _Patience:
    """Asks until there is an answer, with a ``pause`` of so many seconds between; what is in the way is noted once."""

    folder: Path
    pause: Callable[[float], Any]

    def __call__(self, ask: Callable[[], T]) -> T:
        is_noted = False
        while True:
            try:
                return ask()
            except JournalError as trouble:
                if not is_noted:
                    from service.cli.journal_access import why_unread

                    note(f"Waiting. {why_unread(trouble, self.folder)}")
                    is_noted = True
                self.pause(_RETRY_SECONDS)
