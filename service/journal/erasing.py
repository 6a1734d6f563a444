"""Erasing on demand: rows go, and nothing of them stays in the file.

SQLite marks what is deleted as free and leaves its bytes where they are. Here they are overwritten: each deletion with
``secure_delete``; then, step by step behind the exchanges, every free page of the file (a long request lay in
``open_exchange`` too, before it was answered) and the write-ahead log. A note in ``about`` remembers that this is to be
done, also over a crash. Files that were set aside as damaged are their owner's: they are named, not touched.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from service.journal.folder import JOURNAL
from service.journal.reader import Reader
from service.journal.space import Headroom
from service.journal.transaction import transaction

# One step holds up the writer, so it stays within some milliseconds.
ROWS_A_STEP: Final = 50
BYTES_A_STEP: Final = 2 << 20
_PAGES_A_STEP: Final = 128
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
    connection.execute("PRAGMA secure_delete = ON").fetchall()
    try:
        with transaction(connection):
            deleted = connection.execute(f"DELETE FROM exchange WHERE number IN ({some})").rowcount
            # Why a receiver refused a record may quote it.
            connection.execute(f"DELETE FROM parked WHERE number IN ({some})")
            connection.execute("INSERT OR REPLACE INTO about VALUES (?, 'yes')", (_TO_OVERWRITE,))
    finally:
        connection.execute("PRAGMA secure_delete = FAST").fetchall()
    return deleted


def overwrite_step(connection: sqlite3.Connection, headroom: Headroom) -> bool:
    """One step of overwriting what was freed. True: there is more to do at once.

    Outside a transaction. A reader that still looks at the old log is not waited for: the next tidying tries again.
    """
    if not connection.execute("SELECT count(*) FROM about WHERE name = ?", (_TO_OVERWRITE,)).fetchone()[0]:
        return False
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free:
        # Pages from the file's end take the place of free ones, and the file becomes shorter.
        connection.execute(f"PRAGMA incremental_vacuum({_PAGES_A_STEP})").fetchall()
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


def is_overwritten(reader: Reader) -> bool:
    """Whether nothing of what was erased stays in the journal's files."""
    return not reader.ask("SELECT 1 FROM about WHERE name = ?", (_TO_OVERWRITE,))


def set_aside(folder: Path) -> list[str]:
    """Names of damaged journals that were kept in ``folder``: they may hold what was erased."""
    return sorted(path.name for path in folder.glob(f"{JOURNAL}.corrupt-*"))
