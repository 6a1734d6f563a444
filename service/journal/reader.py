"""The journal's reading side, for receivers, pages and commands. It cannot write, and every question has a time limit.

Here is also the one list of the columns of a record's row.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from service.journal import JournalError
from service.journal.damage import damage_error, note_damage
from service.journal.folder import JOURNAL
from service.journal.parked_records import ParkedRecord
from service.journal.read_only import open_to_read
from service.journal.transaction import is_damage, is_empty
from service.journal.whole_rows import NO_RECORD, is_whole

READ_SECONDS = 5.0
LAST_NUMBER = (1 << 63) - 1
"""The largest number that SQLite can give a row: no record comes after it."""

# SQLite asks after so many of its instructions whether to go on: a millisecond of work or so.
_INSTRUCTIONS_BETWEEN_LOOKS = 20_000
# Scattered records of a large journal are a turn of a slow disk each: few are asked for at once.
_NUMBERS_AT_ONCE = 250


# Neither is frozen: that takes longer to make, and exports make one for each record. Nobody sets a field later.
@dataclass(slots=True)
class Row:
    """One record as receivers need it. ``line`` is the contract's JSON object; times are Unix nanoseconds."""

    number: int
    id: str
    started_ns: int
    ended_ns: int
    method: str
    operation: str
    outcome: str
    parent_span_id: str | None
    line: bytes


@dataclass(slots=True)
class KeptRecord:
    """One record with the kept bytes of its bodies (empty when there were none, or no room for them)."""

    row: Row
    request: bytes
    response: bytes


COLUMNS: tuple[str, ...] = (*(field.name for field in fields(Row)), "request", "response")
"""The columns of table ``exchange``: those of a Row, then the kept bytes of both bodies."""

_BLOBS = ("line", "request", "response")
# SQLite keeps a value's kind beside it: one damaged bit makes a text of bytes, and nothing else tells of the damage.
_KIND = {name: "BLOB" if name in _BLOBS else "TEXT" for name in COLUMNS} | {
    field.name: "INTEGER" for field in fields(Row) if field.type is int
}
_ROW = ", ".join(f"CAST({name} AS {_KIND[name]})" for name in COLUMNS[:-2])


class Bodies(StrEnum):
    """Which kept bytes of a record are read from the disk: their columns, as SQL. The others are empty."""

    NONE = "x'', x''"
    REQUEST = "CAST(request AS BLOB), x''"
    BOTH = "CAST(request AS BLOB), CAST(response AS BLOB)"


class Reader:
    """Reads ``folder``'s journal from any thread, one question at a time.

    Every method raises JournalError when there is no journal yet, it cannot be read, or the answer takes more than
    ``seconds``. A file that was set aside or put in its place while we look is noticed at the next question.
    ``passed_over`` counts the records that could not be read because they lie in a damaged part of the file.
    """

    def __init__(self, folder: Path, *, seconds: float = READ_SECONDS) -> None:
        self.passed_over = 0
        self._path = folder / JOURNAL
        self._seconds = seconds
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._deadline = 0.0

    def read_after(self, number: int, limit: int, max_bytes: int) -> list[Row]:
        """At most ``limit`` records after ``number`` in their order, lines of at most ``max_bytes`` together.

        One record comes even when its line alone is larger. Those that lie before a damaged page come; the next call
        then raises, and the recorder sets the file aside.
        """
        rows: list[Row] = []
        size = 0
        try:
            with self._asking() as connection:
                # Fetched one by one: what would be too much is not read from the disk.
                for values in connection.execute(
                    f"SELECT {_ROW} FROM exchange WHERE number > ? ORDER BY number LIMIT ?", (number, limit)
                ):
                    if not is_whole(values) or values[0] <= (rows[-1].number if rows else number):
                        raise damage_error(NO_RECORD)
                    row = Row(*values)
                    size += len(row.line)
                    if rows and size > max_bytes:
                        break
                    rows.append(row)
        except JournalError:
            if not rows:
                raise
        return rows

    def record(self, identifier: str) -> KeptRecord | None:
        """The record of exchange ``identifier``; None when there is none (any more)."""
        rows = self.ask(f"SELECT {_ROW}, {Bodies.BOTH} FROM exchange WHERE id = ?", (identifier,))
        if rows and not is_whole(rows[0]):
            self.tell_damage(NO_RECORD)
            raise JournalError(f"the journal cannot be read: {NO_RECORD}")
        return _kept(rows[0]) if rows else None

    def records(self, numbers: Sequence[int], bodies: Bodies, most_bytes: int) -> Iterator[KeptRecord]:
        """The records with these ``numbers``, in that order; those that the journal no longer has are left out.

        Holds about ``most_bytes`` of lines and ``bodies``, and one record at most.
        """
        for start in range(0, len(numbers), _NUMBERS_AT_ONCE):
            for part in self._parts(numbers[start : start + _NUMBERS_AT_ONCE], bodies, most_bytes):
                yield from self._read(part, bodies)

    def _parts(self, numbers: Sequence[int], bodies: Bodies, most_bytes: int) -> Iterator[list[int]]:
        # The length of a BLOB stands at the beginning of its row: its bytes are not read for it.
        size = " + ".join(f"length({column})" for column in _BLOBS if column in f"line {bodies}")
        question = f"SELECT number, {size} FROM exchange WHERE number IN"
        sizes = dict(self.ask_of(question, numbers))
        part: list[int] = []
        held = 0
        for number in numbers:
            if number not in sizes:
                continue
            if part and held + sizes[number] > most_bytes:
                yield part
                part, held = [], 0
            part.append(number)
            held += sizes[number]
        if part:
            yield part

    def _read(self, part: list[int], bodies: Bodies) -> Iterator[KeptRecord]:
        question = f"SELECT {_ROW}, {bodies} FROM exchange WHERE number IN"
        rows = {values[0]: values for values in self.ask_of(question, part)}
        for number in part:
            # Let go of one by one: whoever takes them may hold them for long.
            if values := rows.pop(number, None):
                yield _kept(values)

    def newest_number(self) -> int:
        """The number of the newest record; 0 when there never was one."""
        rows = self.ask("SELECT seq FROM sqlite_sequence WHERE name = 'exchange'")
        return int(rows[0][0]) if rows else 0

    def count(self, after: int = -1, before: int = LAST_NUMBER) -> int:
        """How many records there are between these two numbers, both left out."""
        # Asked of the small index of ids: to look through the table is to read the whole journal.
        question = (
            "SELECT count(*) FROM exchange INDEXED BY sqlite_autoindex_exchange_1 WHERE number > ? AND number < ?"
        )
        return int(self.ask(question, (after, before))[0][0])

    def cursors(self) -> dict[str, int]:
        """Up to which number each receiver has everything."""
        return dict(self.ask("SELECT receiver, number FROM cursor"))

    def oldest_unshipped_ended_ns(self, receiver: str) -> int | None:
        """When the oldest record that ``receiver`` has not got yet ended; None when it has everything."""
        rows = self.ask(
            "SELECT ended_ns FROM exchange"
            " WHERE number > coalesce((SELECT number FROM cursor WHERE receiver = ?), 0) ORDER BY number LIMIT 1",
            (receiver,),
        )
        return int(rows[0][0]) if rows else None

    def parked(self, receiver: str | None = None, limit: int = 100) -> list[ParkedRecord]:
        """Parked records, newest first; of all receivers when none is named."""
        rows = self.ask(
            "SELECT receiver, number, reason, detail, parked_ns FROM parked"
            " WHERE ?1 IS NULL OR receiver = ?1 ORDER BY number DESC LIMIT ?2",
            (receiver, limit),
        )
        return [ParkedRecord(*values) for values in rows]

    def instance(self) -> str:
        """The host's name when the journal was made."""
        return str(self.ask("SELECT value FROM about WHERE name = 'instance'")[0][0])

    def file_number(self) -> int:
        """The inode of the journal's file, by which two journals of one host are told apart. Raises OSError."""
        return self._path.stat().st_ino

    def size_in_bytes(self) -> int:
        """What the journal takes on the disk, its write-ahead log included. Asks the file system only."""
        size = 0
        for path in (self._path, self._path.with_name(JOURNAL + "-wal")):
            with contextlib.suppress(OSError):
                size += path.stat().st_size
        return size

    def ask(self, question: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows that answer ``question`` in SQL."""
        with self._asking() as connection:
            return connection.execute(question, values).fetchall()

    def tell_damage(self, reason: str) -> None:
        """Let the recorder know that the file last asked is damaged: it sets it aside, now or at its next start."""
        note_damage(self._path.parent, self._inode, reason)

    def close(self) -> None:
        with self._lock:
            self._disconnect()

    def numbers_between(self, after: int, before: int, limit: int) -> list[int]:
        """The newest numbers between these two (both left out), newest first; also of records that are damaged."""
        values = before, after, limit
        where = "WHERE number < ? AND number > ? ORDER BY number DESC LIMIT ?"
        try:
            rows = self.ask(f"SELECT number FROM exchange {where}", values)
        except JournalError as trouble:
            if not _is_of_damage(trouble):
                raise
            # The index of ids has them all, and lies in other pages than the records.
            rows = self.ask(f"SELECT number FROM exchange INDEXED BY sqlite_autoindex_exchange_1 {where}", values)
        return [number for (number,) in rows]

    def ask_of(self, question: str, numbers: Sequence[int]) -> list[tuple[Any, ...]]:
        """The rows that answer ``question``, which ends with ``number IN``, for each of ``numbers``.

        Those that lie in a damaged part of the file are passed over and counted in ``passed_over``.
        """
        try:
            rows = self.ask(f"{question} ({_marks(numbers)})", tuple(numbers))
            if all(map(is_whole, rows)):
                return rows
            self.tell_damage(NO_RECORD)
        except JournalError as trouble:
            if not _is_of_damage(trouble):
                raise
        rows = []
        for number in numbers:
            try:
                rows += filter(is_whole, self.ask(f"{question} (?)", (number,)))
            except JournalError as trouble:
                if not _is_of_damage(trouble):
                    raise
        # Where a page holds noise, SQLite may also say that a record is not there.
        self.passed_over += len(numbers) - len(rows)
        return rows

    @contextlib.contextmanager
    def _asking(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._deadline = time.monotonic() + self._seconds
            try:
                yield self._connected()
            except sqlite3.Error as error:
                is_new = self._connection is not None and is_empty(self._connection)
                if is_damage(error):
                    self.tell_damage(str(error))
                # A connection that failed may look at a file that is no more.
                self._disconnect()
                if is_new:
                    raise JournalError(self._no_journal_yet()) from error
                if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                    raise JournalError(f"the journal took more than {self._seconds:g} seconds to answer") from error
                raise JournalError(f"the journal cannot be read: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        try:
            inode = self._path.stat().st_ino
        except OSError as error:
            raise JournalError(self._no_journal_yet()) from error
        if self._connection is None or inode != self._inode:
            self._disconnect()
            self._connection = open_to_read(self._path, self._seconds)
            self._inode = inode
            self._connection.set_progress_handler(self._is_late, _INSTRUCTIONS_BETWEEN_LOOKS)
        return self._connection

    def _no_journal_yet(self) -> str:
        return f"there is no journal in {str(self._path.parent)!r} yet"

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _is_of_damage(trouble: JournalError) -> bool:
    return trouble.__cause__ is not None and is_damage(trouble.__cause__)


def _kept(values: tuple[Any, ...]) -> KeptRecord:
    return KeptRecord(Row(*values[:-2]), values[-2], values[-1])


def _marks(values: Sequence[int]) -> str:
    return ",".join("?" * len(values))
