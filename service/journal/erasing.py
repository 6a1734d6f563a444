"""Erasing on demand: rows go, and nothing of them stays in the file.

SQLite marks what is deleted as free and leaves its bytes where they are. Here they are overwritten. Each deletion
runs with ``secure_delete``. Then, step by step behind the exchanges, three more places are overwritten:

* every free page of the file, as a long request lay in ``open_exchange`` too before it was answered;
* the rows of ``open_exchange``, as SQLite leaves copies behind of rows that it moves from page to page;
* the write-ahead log.

A note in ``about`` remembers what is to be done and survives a crash. Files that were set aside as damaged are their
owner's: they are named, not touched.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from service.journal.folder import JOURNAL
from service.journal.reader import Reader
from service.journal.space import Headroom, vacuum
from service.journal.transaction import transaction

# One step holds up the writer, so it stays within some milliseconds.
ROWS_A_STEP: Final = 50
BYTES_A_STEP: Final = 2 << 20
_PAGES_A_STEP: Final = 32
_OPEN_BYTES_AT_ONCE: Final = 8 << 20
_TO_OVERWRITE: Final = "free pages to overwrite"


def steps(reader: Reader, numbers: Sequence[int]) -> list[list[int]]:
    """``numbers`` in parts that one step may take; those that the journal no longer has are left out."""
    parts: list[list[int]] = []
    held = 0
    for first in range(0, len(numbers), 500):
        some = ",".join(map(str, map(int, numbers[first : first + 500])))
        sizes = reader.ask(
            "SELECT number, length(line) + length(request) + length(response) FROM exchange"
            f" WHERE number IN ({some}) ORDER BY number"
        )
        for number, size in sizes:
            if not parts or len(parts[-1]) >= ROWS_A_STEP or held + size > BYTES_A_STEP:
                parts.append([])
                held = 0
            parts[-1].append(number)
            held += size
    return parts


def erase_records(connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
    """Delete the records with these ``numbers`` (one step's) and what was parked of them. How many there were."""
    some = ",".join(map(str, map(int, numbers)))
    with _overwriting(connection), transaction(connection):
        deleted = connection.execute(f"DELETE FROM exchange WHERE number IN ({some})").rowcount
        # Why a receiver refused a record may quote it.
        connection.execute(f"DELETE FROM parked WHERE number IN ({some})")
        connection.execute("INSERT OR REPLACE INTO about VALUES (?, 'yes')", (_TO_OVERWRITE,))
    return deleted


def erase_open(connection: sqlite3.Connection) -> int:
    """Delete what a killed recorder left of exchanges that were under way. How many there were. None may run."""
    with _overwriting(connection), transaction(connection):
        deleted = connection.execute("DELETE FROM open_exchange").rowcount
        connection.execute("INSERT OR REPLACE INTO about VALUES (?, 'yes')", (_TO_OVERWRITE,))
    return deleted


def overwrite_step(connection: sqlite3.Connection, headroom: Headroom) -> bool:
    """One step of overwriting what was freed. True: there is more to do at once.

    Outside a transaction. A reader that still looks at the old log is not waited for: the next tidying tries again.
    """
    if not connection.execute("SELECT count(*) FROM about WHERE name = ?", (_TO_OVERWRITE,)).fetchone()[0]:
        return False
    if _has_free_pages(connection):
        # Pages from the file's end take the place of free ones, and the file becomes shorter.
        vacuum(connection, min(_PAGES_A_STEP, headroom.most_pages))
        return True
    if not _write_open_rows_anew(connection):
        return False
    if _has_free_pages(connection):
        return True
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0").fetchone()
    try:
        (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}").fetchone()
    if not is_busy:
        headroom.reserve_log()
        connection.execute("DELETE FROM about WHERE name = ?", (_TO_OVERWRITE,))
    return False


def overwrite_all(connection: sqlite3.Connection, headroom: Headroom, seconds: float) -> bool:
    """All that is to be overwritten, for whoever has the journal to himself. False: not within ``seconds``."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if overwrite_step(connection, headroom):
            continue
        if not connection.execute("SELECT count(*) FROM about WHERE name = ?", (_TO_OVERWRITE,)).fetchone()[0]:
            return True
        time.sleep(0.05)
    return False


def is_overwritten(reader: Reader) -> bool:
    """Whether nothing of what was erased stays in the journal's files."""
    return not reader.ask("SELECT 1 FROM about WHERE name = ?", (_TO_OVERWRITE,))


def set_aside(folder: Path) -> list[str]:
    """Names of damaged journals that were kept in ``folder``: they may hold what was erased."""
    return sorted(path.name for path in folder.glob(f"{JOURNAL}.corrupt-*"))


@contextmanager
def _overwriting(connection: sqlite3.Connection) -> Iterator[None]:
    """What is deleted inside is overwritten in the same transaction."""
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        yield
    finally:
        connection.execute("PRAGMA secure_delete = FAST").fetchall()


def _has_free_pages(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA freelist_count").fetchone()[0])


def _write_open_rows_anew(connection: sqlite3.Connection) -> bool:
    """Put the rows of what is being answered on fresh pages. False: they are too large for one step just now."""
    (size,) = connection.execute("SELECT coalesce(sum(length(head) + length(tail)), 0) FROM open_exchange").fetchone()
    if size > _OPEN_BYTES_AT_ONCE:
        return False
    with _overwriting(connection), transaction(connection):
        rows = connection.execute("SELECT * FROM open_exchange ORDER BY rowid").fetchall()
        # Without a condition SQLite empties whole pages.
        connection.execute("DELETE FROM open_exchange")
        connection.executemany("INSERT INTO open_exchange VALUES (?, ?, ?, ?)", rows)
    return True
