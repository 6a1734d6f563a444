"""A damaged journal is read page by page, as far as it can be read, into a new file beside it."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from service import events
from service.journal.file_pages import FilePages
from service.journal.folder import SALVAGED, make_private_file
from service.journal.leaf_cells import MISSING, LeafRow, read_leaf
from service.journal.reader import COLUMNS
from service.journal.schema import STEPS, prepare
from service.journal.transaction import transaction
from service.journal.unread_files import note_unread
from service.record.record import Record

_ROWS_A_COMMIT: Final = 500
_BYTES_A_COMMIT: Final = 8 << 20
# A start must not wait for hours. What is not read in this time is still in the file that was set aside.
SECONDS: Final = 120.0
_APPEND: Final = f"INSERT OR IGNORE INTO exchange({', '.join(COLUMNS)}) VALUES ({','.join('?' * len(COLUMNS))})"
_KINDS: Final = (int, str, int, int, str, str, str, str | None, bytes, bytes, bytes)
_ID_DIGITS: Final = frozenset("0123456789abcdef")
_STEP_NAMES: Final = frozenset(name for name, _ in STEPS)


@dataclass(frozen=True, slots=True)
class Saved:
    """How many records were copied, of how many the kept bodies could not be, and whether nothing was left behind.

    ``unread`` counts what could not be read: a row each, or a page of which nobody knows what was in it.
    """

    records: int
    without_bodies: int
    unread: int
    is_everything_read: bool


def rebuild(damaged: Path) -> Saved:
    """Write ``journal.salvaged`` beside ``damaged``: a journal with all of it that can be read, safely on the disk.

    Nobody sees it before it is renamed, so that no receiver gets later records before earlier ones. Raises
    sqlite3.Error and OSError when it cannot be made at all.
    """
    path = damaged.with_name(SALVAGED)
    for suffix in ("", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    make_private_file(path)
    fresh = sqlite3.connect(path, isolation_level=None)
    try:
        # It is made anew when the process dies before its end.
        fresh.execute("PRAGMA synchronous = OFF")
        fresh.execute("PRAGMA journal_mode = MEMORY").fetchall()
        prepare(fresh)
        saved = copy_what_is_readable(damaged, fresh)
        if not saved.is_everything_read:
            # A file without room for a line has none for records either: they are still in the damaged one.
            with contextlib.suppress(sqlite3.Error):
                note_unread(fresh, saved.records)
    finally:
        fresh.close()
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return saved


def copy_what_is_readable(damaged: Path, fresh: sqlite3.Connection, seconds: float = SECONDS) -> Saved:
    """Copy from ``damaged`` into ``fresh``, keeping the records' numbers so that cursors stay right.

    Never raises for what is in ``damaged``, nor when ``fresh`` has no room for all of it.
    """
    copy = _Copy(fresh)
    is_complete = False
    try:
        with FilePages(damaged) as pages:
            deadline = time.monotonic() + seconds
            copy.unread += pages.is_shorter
            for number in range(1, pages.count + 1):
                if pages.is_outside_trees(number) or pages.is_free(number):
                    continue
                leaf = read_leaf(pages, number)
                copy.unread += leaf.unread
                for row in leaf.rows:
                    copy.add(row)
                if time.monotonic() > deadline:
                    break
            else:
                is_complete = True
        copy.commit()
        copy.keep_numbers_growing()
    except (sqlite3.Error, OSError):
        is_complete = False
    return Saved(copy.records, copy.without_bodies, copy.unread, is_complete and not copy.unread)


def tell(damaged: Path, error: str, saved: Saved) -> None:
    """Log and count what was saved of ``damaged``."""
    if saved.without_bodies:
        events.emit(events.BodiesLost(saved.without_bodies, "damage"))
    events.emit(events.JournalSetAside(damaged.name, error, saved.records, saved.unread, saved.is_everything_read))


class _Copy:
    """Takes rows of any table in any order, and puts each where its columns say that it belongs."""

    def __init__(self, fresh: sqlite3.Connection) -> None:
        self.records = self.without_bodies = self.unread = 0
        self._fresh = fresh
        self._newest = 0
        self._rows: list[tuple[Any, ...]] = []
        self._bytes = 0

    def add(self, row: LeafRow) -> None:
        values = row.values
        if len(values) == len(COLUMNS):
            self._add_record(row)
        elif len(values) == 4 and row.number:
            self._put(values, (str, str, bytes, bytes), "open_exchange")
        elif len(values) == 5 and not row.number:
            self._put(values, (str, int, str, str, int), "parked")
        elif len(values) == 2:
            self._add_pair(row)

    def _add_pair(self, row: LeafRow) -> None:
        name, value = row.values
        if not isinstance(name, str):
            self.unread += 1
        elif row.number:
            if name == "exchange" and isinstance(value, int):
                self._newest = max(self._newest, value)
        elif isinstance(value, str):
            self._put(row.values, (str, str), "about")
        elif isinstance(value, int) and not _is_id(name) and name not in _STEP_NAMES:
            # The indexes of ids and of steps have pairs of this kind as well.
            self._put(row.values, (str, int), "cursor")

    def _add_record(self, row: LeafRow) -> None:
        values = (row.number, *row.values[1:])
        if values[-1] is MISSING or values[-2] is MISSING:
            # The record itself is whole: only the kept bytes of its bodies are gone.
            values = (*values[:-2], b"", b"")
            self.without_bodies += 1
        if not is_sound(values):
            self.unread += 1
            return
        self._rows.append(values)
        self._bytes += len(values[-1]) + len(values[-2]) + len(values[-3])
        if len(self._rows) >= _ROWS_A_COMMIT or self._bytes > _BYTES_A_COMMIT:
            self.commit()

    def _put(self, values: Sequence[Any], kinds: Sequence[type], table: str) -> None:
        if not _fit(values, kinds):
            self.unread += 1
            return
        with transaction(self._fresh):
            self._fresh.execute(f"INSERT OR IGNORE INTO {table} VALUES ({','.join('?' * len(kinds))})", values)

    def commit(self) -> None:
        rows, self._rows, self._bytes = self._rows, [], 0
        if rows:
            with transaction(self._fresh):
                self.records += self._fresh.executemany(_APPEND, rows).rowcount

    def keep_numbers_growing(self) -> None:
        """A number that a receiver has seen must not be given to another record: that one would never be shipped."""
        with transaction(self._fresh):
            (newest,) = self._fresh.execute(
                "SELECT max(?, coalesce((SELECT max(number) FROM cursor), 0),"
                " coalesce((SELECT max(number) FROM exchange), 0))",
                (self._newest,),
            ).fetchone()
            self._fresh.execute("DELETE FROM sqlite_sequence WHERE name = 'exchange'")
            self._fresh.execute("INSERT INTO sqlite_sequence VALUES ('exchange', ?)", (newest,))


def is_sound(values: tuple[Any, ...]) -> bool:
    """Whether a row has a record in it, whose line is whole and of the same exchange."""
    return _fit(values, _KINDS) and values[0] > 0 and is_line_of(values[8], values[1])


def is_line_of(line: bytes, identifier: str) -> bool:
    """Whether a record's line is a whole JSON object, and of no other exchange than the one with this id."""
    try:
        values = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return isinstance(values, dict) and Record(line, values).exchange in (identifier, None)


def _fit(values: Sequence[Any], kinds: Sequence[Any]) -> bool:
    return len(values) == len(kinds) and all(isinstance(value, kind) for value, kind in zip(values, kinds, strict=True))


def _is_id(name: str) -> bool:
    return len(name) == 32 and _ID_DIGITS.issuperset(name)
