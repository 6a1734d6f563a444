"""A journal that somebody deleted, moved or replaced while it was open: what is still open is read out of it."""

import contextlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.journal.reader import COLUMNS
from service.journal.transaction import transaction

_SECONDS: Final = 120.0
_BYTES_AT_ONCE: Final = 8 << 20
_ROWS_AT_ONCE: Final = 500
_OTHERS: Final = COLUMNS[1:]
_READ: Final = f"SELECT {', '.join(COLUMNS)} FROM exchange WHERE number > ? ORDER BY number"
_MARKS: Final = ",".join("?" * len(COLUMNS))
_APPEND: Final = f"INSERT OR IGNORE INTO exchange({', '.join(COLUMNS)}) VALUES ({_MARKS})"
# Where another record has the number: the id decides whether it is the same one.
_APPEND_ANEW: Final = f"INSERT OR IGNORE INTO exchange({', '.join(_OTHERS)}) VALUES ({','.join('?' * len(_OTHERS))})"

FileIds = dict[str, tuple[int, int]]
"""Device and inode of the journal (""), its log ("-wal") and the log's index ("-shm")."""


@dataclass(frozen=True, slots=True)
class Rescued:
    """How many records were copied into the file that has the journal's name now, and how many could not be."""

    records: int
    lost: int


def file_ids(path: Path) -> FileIds:
    """Of those of the three files that are there."""
    ids: FileIds = {}
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(OSError):
            status = path.with_name(path.name + suffix).stat()
            ids[suffix] = status.st_dev, status.st_ino
    return ids


def leave(connection: sqlite3.Connection, path: Path, ours: FileIds) -> None:
    """Take our log away from ``path``: SQLite would work it into whatever file has the journal's name next.

    ``connection`` keeps it open, and can be read as before.
    """
    with contextlib.suppress(sqlite3.Error):
        # Whoever moved the file finds all in it.
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    there = file_ids(path)
    for suffix in ("-wal", "-shm"):
        if suffix in there and there[suffix] == ours.get(suffix):
            with contextlib.suppress(OSError):
                path.with_name(path.name + suffix).unlink()


def copy_what_is_open(old: sqlite3.Connection, fresh: sqlite3.Connection) -> Rescued:
    """Copy all records, cursors and open exchanges that are not in ``fresh`` yet. Raises sqlite3.Error of ``fresh``."""
    records, number, deadline = 0, 0, time.monotonic() + _SECONDS
    try:
        (wanted,) = old.execute("SELECT count(*) FROM exchange").fetchone()
        for table in ("about", "cursor", "open_exchange"):
            rows = old.execute(f"SELECT * FROM {table}").fetchall()
            if rows:
                with transaction(fresh):
                    marks = ",".join("?" * len(rows[0]))
                    fresh.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)
    except sqlite3.Error:
        wanted = 0
    (before,) = fresh.execute("SELECT count(*) FROM exchange").fetchone()
    while time.monotonic() < deadline:
        rows, size = [], 0
        with contextlib.suppress(sqlite3.Error):
            for row in old.execute(_READ, (number,)):
                rows.append(row)
                size += len(row[-1]) + len(row[-2]) + len(row[-3])
                if size > _BYTES_AT_ONCE or len(rows) >= _ROWS_AT_ONCE:
                    break
        if not rows:
            break
        with transaction(fresh):
            for row in rows:
                if not fresh.execute(_APPEND, row).rowcount:
                    fresh.execute(_APPEND_ANEW, row[1:])
        number, records = rows[-1][0], records + len(rows)
    (after,) = fresh.execute("SELECT count(*) FROM exchange").fetchone()
    _copy_parked(old, fresh)
    return Rescued(after - before, max(0, wanted - records))


def _copy_parked(old: sqlite3.Connection, fresh: sqlite3.Connection) -> None:
    # By the exchange's id: its number may be another one now.
    with contextlib.suppress(sqlite3.Error):
        rows = old.execute(
            "SELECT receiver, id, reason, detail, parked_ns FROM parked JOIN exchange USING (number)"
        ).fetchall()
        with transaction(fresh):
            fresh.executemany(
                "INSERT OR IGNORE INTO parked SELECT ?1, number, ?3, ?4, ?5 FROM exchange WHERE id = ?2", rows
            )
