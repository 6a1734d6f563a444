"""Records go onto a disk that may be full or broken.

Policy. Exchanges go on whatever the disk does. On a full disk the oldest records make room for new ones. Where that
does not help, a record loses its kept bodies, then the bodies in its line, and only then waits in memory. On a broken
disk records wait in memory at once. What memory cannot hold is lost and counted. Trying again never stops. Rows of
exchanges that go on are only a precaution: they never wait here, and their giver learns that they are not written.
"""

import sqlite3
import time
from collections import deque
from collections.abc import Sequence

from service import events
from service.journal import JournalError
from service.journal.defects import named, report_defect
from service.journal.journal import Journal
from service.journal.open_rows import OpenRow, row_bytes, row_without_body
from service.journal.shedding import Losses, lighter, lightest, record_bytes
from service.journal.space import make_room
from service.journal.transaction import is_damage, is_full, is_refused_value
from service.record.exchange import EncodedRecord

FIRST_RETRY_SECONDS = 0.25
LAST_RETRY_SECONDS = 5.0
_PART_BYTES = 8 << 20
_PART_COUNT = 256
_TROUBLE = (sqlite3.Error, OSError, JournalError, ValueError, TypeError, OverflowError)


class RetryingWriter:
    """Writes to ``journal``, or keeps up to ``max_bytes`` and ``max_records`` in memory until it can. One thread."""

    def __init__(self, journal: Journal, losses: Losses, *, max_bytes: int, max_records: int) -> None:
        self.trouble: str | None = None
        self.is_failing = False
        # Whether the last ``keep`` wrote the rows that it was given.
        self.are_rows_written = False
        self._journal = journal
        self._losses = losses
        self._max_bytes = max_bytes
        self._max_records = max_records
        self._waiting: list[EncodedRecord] = []
        self._waiting_bytes = 0
        # So many of those that wait have been looked at for bodies to drop.
        self._lightened = 0
        self._not_removed: list[str] = []
        self._retry_at = 0.0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._trouble_since = 0.0
        self._must_reopen = False
        self._is_damaged = False

    @property
    def waiting(self) -> int:
        """How many records are in memory only."""
        return len(self._waiting)

    def seconds_to_retry(self) -> float | None:
        """When ``keep`` should be called again though nothing is new; None: no need."""
        return max(0.0, self._retry_at - time.monotonic()) if self.is_failing else None

    def keep(
        self, records: Sequence[EncodedRecord] = (), opened: Sequence[OpenRow] = (), no_longer_open: Sequence[str] = ()
    ) -> bool:
        """Write all of it. False: the records wait in memory.

        The rows ``opened`` do not: where ``are_rows_written`` is false afterwards, they are to be given again.
        """
        self.are_rows_written = False
        if not self.is_failing:
            try:
                self._journal.write(records, opened, no_longer_open)
            except _TROUBLE as error:
                if not is_refused_value(error):
                    self._begin_trouble(error)
                self._put_by(records, no_longer_open)
                # A full disk may need nothing but some deleting, so the first retry is now.
                return self._write_waiting(opened)
            self.are_rows_written = True
            return True
        self._put_by(records, no_longer_open)
        return time.monotonic() >= self._retry_at and self.retry(opened)

    def retry(self, opened: Sequence[OpenRow] = ()) -> bool:
        """Try again to write what waits, whether or not it is time, and the rows ``opened``."""
        try:
            if self._must_reopen or not self._journal.is_open:
                self._journal.reopen(damage=self.trouble if self._is_damaged else None)
                self._must_reopen = self._is_damaged = False
        except _TROUBLE as error:
            self._wait_longer(error)
            return False
        return self._write_waiting(opened)

    def note_trouble(self, error: Exception) -> None:
        """The file is not open or not there: go on without it and try again."""
        self._begin_trouble(error)
        self._wait_longer(error)

    def note_room(self) -> None:
        """End the trouble of a full disk when its room is back: the headroom could be reserved again."""
        if self.trouble and not self.is_failing and self._journal.headroom.is_reserved():
            events.emit(events.JournalRestored(round(time.monotonic() - self._trouble_since, 3)))
            self.trouble = None

    def give_up(self) -> None:
        """At the end: what still waits is lost."""
        self._losses.add_records(len(self._waiting), "disk")
        self._waiting, self._waiting_bytes = [], 0

    def _write_waiting(self, opened: Sequence[OpenRow]) -> bool:
        """Whether all records are written. The trouble ends only when the rows are, too."""
        pieces = deque(_in_parts(self._waiting))
        error: Exception | None = None
        while pieces:
            piece = pieces.popleft()
            error = self._attempt(piece)
            if error is None:
                continue
            if len(piece) > 1 and (is_full(error) or is_refused_value(error)):
                # Some of them may fit, or be what the database accepts.
                pieces.extendleft((piece[len(piece) // 2 :], piece[: len(piece) // 2]))
                continue
            if piece and is_refused_value(error):
                report_defect("journal: a record that the database refuses", error)
                self._losses.add_records(1, "defect")
                # Its row in open_exchange, if it has one, goes all the same.
                pieces.append([])
                continue
            less = lighter(piece[0]) if piece and is_full(error) else None
            if less is None:
                pieces.appendleft(piece)
                break
            if piece[0].request or piece[0].response:
                self._losses.add_bodies(1, "disk")
            pieces.appendleft([less])
        self._waiting = [record for piece in pieces for record in piece]
        self._waiting_bytes = sum(map(record_bytes, self._waiting))
        self._lightened = 0
        is_kept = error is None
        if is_kept and opened:
            error = self._write_rows(opened)
        self.are_rows_written = error is None
        if error is None:
            self._end_failing()
        else:
            self._wait_longer(error)
        return is_kept

    def _write_rows(self, opened: Sequence[OpenRow]) -> Exception | None:
        """Write the rows, without their bodies where there is no room for those. Returns why it could not be done."""
        error = self._attempt([], opened)
        if error is not None and is_full(error):
            error = self._attempt([], [row_without_body(row) for row in opened])
        if error is not None and is_refused_value(error):
            # Trying that again would never end.
            report_defect("journal: a row that the database refuses", error)
            return None
        return error

    def _attempt(self, piece: list[EncodedRecord], opened: Sequence[OpenRow] = ()) -> Exception | None:
        """Write both; on a full disk once more after making room for them. Returns why it was not possible."""
        try:
            self._journal.write(piece, opened, self._not_removed)
        except _TROUBLE as error:
            if not is_full(error):
                return error
            needed = sum(map(record_bytes, piece)) + sum(map(row_bytes, opened))
            if needed > self._journal.headroom.wal_bytes:
                # The log has no room for so much at once, whatever is deleted: it must become smaller first.
                return error
            try:
                make_room(self._journal.connection, self._journal.headroom, needed)
                self._journal.write(piece, opened, self._not_removed)
            except _TROUBLE as again:
                return again
        self._not_removed = []
        return None

    def _put_by(self, records: Sequence[EncodedRecord], no_longer_open: Sequence[str]) -> None:
        self._not_removed.extend(no_longer_open)
        for record in records:
            if len(self._waiting) >= self._max_records:
                self._losses.add_records(1, "disk")
                continue
            # What is counted is counted now, and takes no memory here.
            self._waiting.append(record._replace(counted=None))
            self._waiting_bytes += record_bytes(record)
            self._fit_memory()

    def _fit_memory(self) -> None:
        """Bodies go first, the oldest ahead, then the newest record."""
        while self._waiting_bytes > self._max_bytes and self._lightened < len(self._waiting):
            record = self._waiting[self._lightened]
            less = lightest(record)
            if less is not record:
                self._losses.add_bodies(1, "disk")
                self._waiting[self._lightened] = less
                self._waiting_bytes -= record_bytes(record) - record_bytes(less)
            self._lightened += 1
        if self._waiting_bytes > self._max_bytes:
            self._waiting_bytes -= record_bytes(self._waiting.pop())
            self._lightened = len(self._waiting)
            self._losses.add_records(1, "disk")

    def _begin_trouble(self, error: Exception) -> None:
        if self.trouble is None:
            self._trouble_since = time.monotonic()
            self.trouble = named(error)
            events.emit(events.JournalDegraded(self.trouble))

    def _wait_longer(self, error: Exception) -> None:
        self.trouble = named(error)
        self._must_reopen = self._must_reopen or not is_full(error)
        self._is_damaged = self._is_damaged or is_damage(error)
        if not self.is_failing:
            self.is_failing, self._retry_seconds = True, FIRST_RETRY_SECONDS
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LAST_RETRY_SECONDS)

    def _end_failing(self) -> None:
        self.is_failing = False
        if self.trouble is None:
            return
        self.trouble = "the disk is full: the oldest records are removed to make room for new ones"
        self.note_room()


def _in_parts(records: Sequence[EncodedRecord]) -> list[list[EncodedRecord]]:
    """The records in parts small enough for one transaction: SQLite copies what it is given. One part at least."""
    parts: list[list[EncodedRecord]] = [[]]
    size = 0
    for record in records:
        if parts[-1] and (size + record_bytes(record) > _PART_BYTES or len(parts[-1]) >= _PART_COUNT):
            parts.append([])
            size = 0
        parts[-1].append(record)
        size += record_bytes(record)
    return parts
