"""What a shell offers at the Tab key: ids, and the names that filters take. Nothing where there is no journal."""

import contextlib
import io
import sqlite3
from collections.abc import Callable, Iterator

import click

from service.search.parameters import NAME_FIELDS

_MOST_OFFERED = 30


def complete_id(incomplete: str) -> list[tuple[str, str]]:
    """The newest exchanges whose ids begin so, each with what it is."""
    from service.cli.environment import current_settings
    from service.cli.exchange_line import moment, who
    from service.journal import JournalError
    from service.journal.reader import Reader
    from service.record.record import Record

    begin = incomplete.strip().lower()
    if not set(begin) <= set("0123456789abcdef"):
        return []
    with _in_silence(), contextlib.suppress(JournalError, sqlite3.Error, OSError):
        reader = Reader(current_settings().data_dir)
        try:
            rows = reader.ask(
                "SELECT id, line FROM exchange WHERE id >= ? AND id <= ? ORDER BY id DESC LIMIT ?",
                (begin, begin.ljust(32, "f"), _MOST_OFFERED),
            )
        finally:
            reader.close()
        records = [(str(identifier), Record(line)) for identifier, line in rows]
        return [(name, f"{moment(record.time)} {who(record)} {_plain(record.model)}") for name, record in records]
    return []


def completes_values(name: str) -> Callable[[str], list[str]] | None:
    """Offers the values that the filter ``name`` can have in the journal; None where it takes no names."""
    return _values_of(name) if name in NAME_FIELDS else None


def _values_of(name: str) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        from service.cli.environment import current_settings
        from service.journal import JournalError
        from service.search.filters import Filter
        from service.search.search import Search

        with _in_silence(), contextlib.suppress(JournalError, sqlite3.Error, OSError):
            search = Search(current_settings().data_dir)
            try:
                # The index as it is: bringing it up to date could take longer than anybody waits for a key.
                found = [value for value, _ in search.values(name, Filter())]
            finally:
                search.close()
            return [value for value in map(_plain, found) if value and value.startswith(incomplete)][:_MOST_OFFERED]
        return []

    return complete


def _plain(text: str | None) -> str:
    """Of what was recorded only that which a terminal shows as it is."""
    return text if text and text.isprintable() else ""


@contextlib.contextmanager
def _in_silence() -> Iterator[None]:
    """A wrong setting stops a command with a sentence; at a key nobody wants to read it."""
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(click.exceptions.Exit):
        yield
