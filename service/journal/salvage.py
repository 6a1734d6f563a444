"""A damaged journal: set aside, never deleted, and read as far as it can be read."""

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from service.journal.reader import COLUMNS
from service.journal.transaction import transaction

_ROWS_A_COMMIT = 50
# A start must not wait for hours. What is not read in this time is still in the file that was set aside.
SECONDS = 30.0
_FORGET_AFTER = 1 << 20
_COLUMNS = ", ".join(COLUMNS)
_READ = f"SELECT {_COLUMNS} FROM exchange WHERE number > ? ORDER BY number LIMIT ?"
_APPEND = f"INSERT OR IGNORE INTO exchange({_COLUMNS}) VALUES ({','.join('?' * len(COLUMNS))})"


@dataclass(frozen=True, slots=True)
class Saved:
    """How many records were copied, and whether nothing had to be left behind."""

    records: int
    is_everything_read: bool


def set_aside(path: Path) -> Path:
    """Rename the journal and its write-ahead log, which belong together. Returns the new name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    count = 1
    while target.exists():
        count += 1
        target = path.with_name(f"{path.name}.corrupt-{stamp}-{count}")
    path.rename(target)
    with contextlib.suppress(FileNotFoundError):
        path.with_name(path.name + "-wal").rename(target.with_name(target.name + "-wal"))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    return target


def copy_what_is_readable(damaged: Path, fresh: sqlite3.Connection, seconds: float = SECONDS) -> Saved:
    """Copy from ``damaged`` into ``fresh``, keeping the records' numbers so that cursors stay right. Never raises."""
    old = sqlite3.connect(f"file:{quote(str(damaged))}?mode=ro", uri=True, isolation_level=None)
    records, is_everything_read = 0, True
    try:
        for table in ("about", "cursor", "parked", "open_exchange"):
            is_everything_read &= _copy_table(old, fresh, table)
        deadline = time.monotonic() + seconds
        for rows in _readable_rows(old):
            if rows is None or time.monotonic() > deadline:
                is_everything_read = False
            if time.monotonic() > deadline:
                break
            records += _append(fresh, rows or [])
        _keep_numbers_growing(fresh)
    except sqlite3.Error:
        is_everything_read = False
    finally:
        old.close()
        _remove_traces_of_reading(damaged)
    return Saved(records, is_everything_read)


def _remove_traces_of_reading(damaged: Path) -> None:
    with contextlib.suppress(OSError):
        damaged.with_name(damaged.name + "-shm").unlink(missing_ok=True)
        log = damaged.with_name(damaged.name + "-wal")
        if log.exists() and not log.stat().st_size:
            log.unlink()


def _copy_table(old: sqlite3.Connection, fresh: sqlite3.Connection, table: str) -> bool:
    try:
        rows = old.execute(f"SELECT * FROM {table}").fetchall()
        if rows:
            marks = ",".join("?" * len(rows[0]))
            with transaction(fresh):
                fresh.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)
    except sqlite3.Error:
        return False
    return True


def _readable_rows(old: sqlite3.Connection) -> Iterator[list[tuple[Any, ...]] | None]:
    """Rows in some portions; None wherever some could not be read and were passed over."""
    number, step = 0, 1
    while step < _FORGET_AFTER:
        rows: list[tuple[Any, ...]] = []
        try:
            # One by one: those before a damaged one are wanted too.
            for row in old.execute(_READ, (number, _ROWS_A_COMMIT)):
                rows.append(row)  # noqa: PERF402 - a list() would lose them
        except sqlite3.DatabaseError:
            yield rows
            yield None
            number = (rows[-1][0] if rows else number) + step
            # Behind a damaged page there may be more; each further failure looks twice as far ahead.
            step = 1 if rows else 2 * step
            continue
        if not rows:
            return
        yield rows
        number, step = rows[-1][0], 1


def _append(fresh: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> int:
    sound = [row for row in rows if _is_sound(row)]
    with transaction(fresh):
        return fresh.executemany(_APPEND, sound).rowcount


def _is_sound(row: tuple[Any, ...]) -> bool:
    kinds = (int, str, int, int, str, str, str, str | None, bytes, bytes, bytes)
    return len(row) == len(kinds) and all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True))


def _keep_numbers_growing(fresh: sqlite3.Connection) -> None:
    """A number that a receiver has seen must not be given to another record, or that one would never be shipped."""
    with transaction(fresh):
        (newest,) = fresh.execute(
            "SELECT max(coalesce((SELECT max(number) FROM cursor), 0), coalesce((SELECT max(number) FROM exchange), 0))"
        ).fetchone()
        fresh.execute("DELETE FROM sqlite_sequence WHERE name = 'exchange'")
        fresh.execute("INSERT INTO sqlite_sequence VALUES ('exchange', ?)", (newest,))
