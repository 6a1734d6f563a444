"""Room on the disk: what is reserved, what expires, what is given back.

Policy. A record goes when it is older than ``RETENTION_DAYS`` or the journal is larger than ``RETENTION_GB``. It stays
until each configured receiver has it. Only a full disk breaks that rule: then the oldest go.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service import events
from service.journal.folder import HEADROOM, JOURNAL, give_to_owner
from service.journal.schema import PAGE_SIZE
from service.journal.transaction import transaction

# One step of tidying holds up the writer, so it stays within some milliseconds.
_ROWS_A_STEP = 500
_BYTES_A_STEP = 8 << 20
_PAGES_A_STEP = 128
_MOST_PAGES = 1_073_741_823


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much is kept: ``days``, and ``bytes`` of the whole file. Whichever comes first."""

    days: float = 30.0
    bytes: int = 10 * 10**9


class Headroom:
    """Reserved bytes, so that deleting works on a full disk: it writes before it frees.

    Two places hold them. The write-ahead log is made as large as it ever has to be and is not made smaller, so that a
    commit needs no new room. A file beside it is given up to let the log be worked into the journal once more; from
    then on the journal may not grow (``bound_growth``), and what is deleted makes room for what comes.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / HEADROOM
        self._folder = folder
        self.size = 8 << 20
        self.fit()

    def fit(self) -> None:
        """Choose sizes that suit the file system: a sixteenth of a small one, at most 8 MiB."""
        with contextlib.suppress(OSError):
            system = os.statvfs(self._folder)
            self.size = max(128 << 10, min(8 << 20, system.f_blocks * system.f_frsize // 16))

    @property
    def wal_bytes(self) -> int:
        """What the write-ahead log may take before it is worked in: half the headroom, so that it always fits."""
        return self.size // 2

    @property
    def most_pages(self) -> int:
        """How many pages one step may move, so that the log's reserved bytes are enough for it on a full disk."""
        return max(1, self.wal_bytes // PAGE_SIZE // 4)

    def is_reserved(self) -> bool:
        with contextlib.suppress(OSError):
            return self._path.stat().st_size >= self.size
        return False

    def reserve(self) -> bool:
        """Take the bytes if the disk has at least twice as many to spare. Whether they are reserved."""
        if self.is_reserved():
            return True
        try:
            if self.free_bytes() < 2 * self.size:
                return False
            _allocate(self._path, self.size)
        except OSError:
            self.release()
            return False
        return True

    def reserve_log(self) -> None:
        """Make the write-ahead log as large as it ever has to be. Zeroes behind its end mean nothing to SQLite."""
        with contextlib.suppress(OSError):
            _allocate(self._folder / (JOURNAL + "-wal"), self.size)

    def free_bytes(self) -> int:
        """What the disk has to spare for the journal."""
        system = os.statvfs(self._folder)
        return system.f_bavail * system.f_frsize

    def release(self) -> None:
        """Give the bytes up."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def _allocate(path: Path, size: int) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        give_to_owner(descriptor, path.parent)
        os.posix_fallocate(descriptor, 0, size)
    finally:
        os.close(descriptor)


def bound_growth(connection: sqlite3.Connection, headroom: Headroom) -> bool:
    """Let the journal grow while the headroom is reserved, else only into what is left above it. Whether it may."""
    is_reserved = headroom.reserve()
    pages = _MOST_PAGES
    if not is_reserved:
        spare = max(0, headroom.free_bytes() - headroom.size) // _pragma(connection, "page_size")
        pages = _pragma(connection, "page_count") + spare
    connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
    return is_reserved


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something; free pages are used again before the file grows."""
    return (_pragma(connection, "page_count") - _pragma(connection, "freelist_count")) * _pragma(
        connection, "page_size"
    )


def expire(
    connection: sqlite3.Connection, retention: Retention, receivers: Sequence[str], *, by_age: bool = True
) -> int:
    """Remove a bounded number of the oldest records that ``retention`` does not keep. How many were removed.

    Without ``by_age`` nothing goes because of its age, as while the clock is in doubt.
    """
    deliverable = _shipped_to_all(connection, receivers)
    too_much = used_bytes(connection) - retention.bytes
    now = time.time_ns()
    too_old = now - int(retention.days * 86_400e9) if by_age else 0
    last, size, is_by_age = 0, 0, True
    # By age: one that a wrong clock let end in the future tells no age, and must not hold up those behind it.
    for number, ended_ns, length in _oldest(connection, deliverable, None if too_much > 0 else now):
        if ended_ns >= too_old:
            if size >= too_much:
                break
            is_by_age = False
        last, size = number, size + length
        if size > _BYTES_A_STEP:
            break
    return _remove_up_to(connection, last, "age" if is_by_age else "size")


def make_room(connection: sqlite3.Connection, headroom: Headroom, needed: int) -> int:
    """On a full disk: give up the headroom, then remove the oldest records, shipped or not, to free ``needed`` bytes.

    The write-ahead log is worked in before and after, so that it starts again from its beginning. Returns how many
    records were removed; raises sqlite3.Error when not even that is possible.
    """
    headroom.release()
    checkpoint(connection)
    bound_growth(connection, headroom)
    # The rest of a page and what the tree itself needs come on top.
    page_size = _pragma(connection, "page_size")
    needed += needed // 4 + 4 * page_size
    if _pragma(connection, "freelist_count") * page_size >= needed:
        # It was the log that found no room; removing more would not help.
        return 0
    # A sixteenth at a time: removing one by one would run into the full disk again with every next record.
    needed = max(needed, used_bytes(connection) // 16)
    last, size = 0, 0
    for number, _, length in _oldest(connection, None):
        last, size = number, size + length
        if size >= min(needed, _BYTES_A_STEP):
            break
    count = _remove_up_to(connection, last, "disk_full")
    checkpoint(connection)
    return count


def checkpoint(connection: sqlite3.Connection) -> None:
    """Work the write-ahead log into the file and begin it anew, as far as readers and the disk allow."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()


def give_back_pages(connection: sqlite3.Connection, retention: Retention, headroom: Headroom) -> bool:
    """Give a bounded number of free pages back to the file system. True: there is more to do.

    Free pages are used again by the next records, so a quarter of the file may stay free; moving pages costs writes.
    """
    pages, free = _pragma(connection, "page_count"), _pragma(connection, "freelist_count")
    is_too_large = pages * _pragma(connection, "page_size") > retention.bytes
    if not free or not (is_too_large or (free > pages // 4 and free > 2 * _PAGES_A_STEP)):
        return False
    vacuum(connection, min(_PAGES_A_STEP, headroom.most_pages))
    return _pragma(connection, "freelist_count") < free


def vacuum(connection: sqlite3.Connection, pages: int) -> None:
    """Move up to ``pages`` pages from the file's end into free ones, and shorten it. Outside a transaction."""
    # As a script: execute() ends with the first page, as the statement gives a row without columns for each.
    connection.executescript(f"PRAGMA incremental_vacuum({pages})")


def _shipped_to_all(connection: sqlite3.Connection, receivers: Sequence[str]) -> int | None:
    """The newest number that every receiver has; None when there is no receiver to wait for."""
    if not receivers:
        return None
    cursors = dict(connection.execute("SELECT receiver, number FROM cursor").fetchall())
    return min(int(cursors.get(receiver, 0)) for receiver in receivers)


def _oldest(
    connection: sqlite3.Connection, up_to: int | None, ended_by_ns: int | None = None
) -> list[tuple[int, int, int]]:
    # length() of a blob is read from the row's header: the bodies themselves are not touched.
    return connection.execute(
        "SELECT number, ended_ns, length(line) + length(request) + length(response) FROM exchange"
        " WHERE (?1 IS NULL OR number <= ?1) AND (?2 IS NULL OR ended_ns <= ?2) ORDER BY number LIMIT ?3",
        (up_to, ended_by_ns, _ROWS_A_STEP),
    ).fetchall()


def _remove_up_to(connection: sqlite3.Connection, number: int, reason: str) -> int:
    """How many were removed."""
    if not number:
        return 0
    with transaction(connection):
        count = connection.execute("DELETE FROM exchange WHERE number <= ?", (number,)).rowcount
        connection.execute("DELETE FROM parked WHERE number <= ?", (number,))
    events.emit(events.RecordsExpired(count, reason))
    return count


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)
