"""Whether the journal is sound, and what is in it: ``ollama-recorder journal check``. The recorder may be running."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.journal import JournalError
from service.journal.folder import JOURNAL
from service.journal.reader import Reader
from service.journal.salvage import is_line_of
from service.record.timestamps import write_time

# Reading every page of a journal of many gigabytes takes minutes.
_CHECK_SECONDS = 3600.0
_MOST_PROBLEMS = 20
_LINES_AT_ONCE, _BYTES_AT_ONCE = 500, 16_000_000
_ENDED = "SELECT ended_ns FROM exchange ORDER BY number"


@dataclass(frozen=True, slots=True)
class JournalReport:
    """The state of a journal. ``lag`` counts the records that a receiver has not got yet, by receiver.

    Times are RFC 3339. ``problems`` are SQLite's own words, or name records with a
    line that is not theirs; an empty list says that the file is sound.
    """

    file: str
    instance: str | None
    problems: list[str]
    records: int
    oldest: str | None
    newest: str | None
    newest_number: int
    open_exchanges: int
    lag: dict[str, int]
    parked: dict[str, int]
    file_bytes: int
    free_bytes_in_file: int
    free_bytes_on_disk: int
    set_aside: list[str]


def check(folder: Path) -> JournalReport:
    """Read every page of ``folder``'s journal. Raises JournalError when there is none that can be opened."""
    reader = Reader(folder, seconds=_CHECK_SECONDS)
    try:
        problems = _problems(reader) or _wrong_lines(reader)
        if problems:
            reader.tell_damage(problems[0])
        (records,) = _ask_if_readable(reader, problems, "SELECT count(*) FROM exchange", (0,))
        (oldest,) = _ask_if_readable(reader, problems, f"SELECT ({_ENDED} LIMIT 1)", (None,))
        (newest,) = _ask_if_readable(reader, problems, f"SELECT ({_ENDED} DESC LIMIT 1)", (None,))
        (open_exchanges,) = _ask_if_readable(reader, problems, "SELECT count(*) FROM open_exchange", (0,))
        pages = reader.ask("PRAGMA freelist_count")[0][0] * reader.ask("PRAGMA page_size")[0][0]
        return JournalReport(
            file=str(folder / JOURNAL),
            instance=_ask_if_readable(
                reader, problems, "SELECT max(value) FROM about WHERE name = 'instance'", (None,)
            )[0],
            problems=problems,
            records=records,
            oldest=_written(oldest),
            newest=_written(newest),
            newest_number=reader.newest_number(),
            open_exchanges=open_exchanges,
            lag={name: _lag(reader, problems, number) for name, number in reader.cursors().items()},
            parked=dict(reader.ask("SELECT receiver, count(*) FROM parked GROUP BY receiver")),
            file_bytes=reader.size_in_bytes(),
            free_bytes_in_file=pages,
            free_bytes_on_disk=shutil.disk_usage(folder).free,
            set_aside=sorted(
                path.name for path in folder.glob(f"{JOURNAL}.corrupt-*") if not path.name.endswith("-wal")
            ),
        )
    finally:
        reader.close()


def _problems(reader: Reader) -> list[str]:
    try:
        problems = [str(text) for (text,) in reader.ask(f"PRAGMA integrity_check({_MOST_PROBLEMS})")]
    except JournalError as error:
        if not isinstance(error.__cause__, sqlite3.DatabaseError):
            raise
        return [str(error)]
    return [] if problems == ["ok"] else problems


def _wrong_lines(reader: Reader) -> list[str]:
    """Records whose line is no JSON any more, or of another exchange: SQLite has no checksum that would tell."""
    problems: list[str] = []
    number = 0
    try:
        while len(problems) < _MOST_PROBLEMS and (rows := reader.read_after(number, _LINES_AT_ONCE, _BYTES_AT_ONCE)):
            problems += [
                f"record {row.number}: its line is not that of exchange {row.id}"
                for row in rows
                if not is_line_of(row.line, row.id)
            ]
            number = rows[-1].number
    except JournalError as error:
        problems.append(str(error))
    return problems[:_MOST_PROBLEMS]


def _ask_if_readable(reader: Reader, problems: list[str], question: str, otherwise: tuple[Any]) -> tuple[Any, ...]:
    try:
        return reader.ask(question)[0]
    except JournalError as error:
        problems.append(str(error))
        return otherwise


def _lag(reader: Reader, problems: list[str], number: int) -> int:
    return int(
        _ask_if_readable(reader, problems, f"SELECT count(*) FROM exchange WHERE number > {int(number)}", (0,))[0]
    )


def _written(time_ns: int | None) -> str | None:
    return None if time_ns is None else write_time(time_ns, 3)
