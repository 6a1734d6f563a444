"""The journal's writing side: one connection, one thread. Each call is one commit, unless inside ``transaction()``."""

import contextlib
import os
import socket
import sqlite3
import time
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path

from service import events
from service.journal import JournalError, bound_values, definitions, salvage, schema
from service.journal.clock_doubt import ClockDoubt
from service.journal.damage import damage_error, forget_damage, noted_damage, visible_damage
from service.journal.displaced import FileIds, copy_what_is_open, file_ids, leave
from service.journal.erasing import overwrite_step
from service.journal.folder import JOURNAL, LOCK, SALVAGED, make_private_file, prepare_folder, take_lock
from service.journal.open_rows import READ_OPEN, OpenRow
from service.journal.reader import COLUMNS
from service.journal.setting_aside import set_aside, take_salvaged, unfinished
from service.journal.space import Headroom, Retention, bound_growth, checkpoint, expire, give_back_pages
from service.journal.transaction import is_damage, is_full, transaction, use_wal
from service.journal.unread_files import UnreadFiles
from service.record.exchange import EncodedRecord

# SQLite lets go of Python's global lock once a statement. Beside a busy event loop each statement waits to get it back,
# so many rows go into few statements.
_ROWS_A_STATEMENT = (64, 32, 16, 8, 4, 2, 1)
# SQLite gives the number.
_APPENDED = COLUMNS[1:]
_columns = attrgetter(*_APPENDED)
# OR IGNORE: a commit that failed may still have reached the disk; trying again must not keep an exchange twice.
# It also spares the copy of each page that SQLite makes in case it has to undo half a statement.
_APPEND = {
    rows: f"INSERT OR IGNORE INTO exchange({', '.join(_APPENDED)}) VALUES "
    + ",".join([f"({','.join('?' * len(_APPENDED))})"] * rows)
    for rows in _ROWS_A_STATEMENT
}
# What does not fit into a page lies in pages that are freed as they are; parts of them would stay in pages that are
# used again, where no erasure of the record finds them.
_WIPE_LARGE = (
    "UPDATE open_exchange SET head = zeroblob(length(head)), tail = zeroblob(length(tail))"
    f" WHERE length(head) + length(tail) > {schema.PAGE_SIZE // 2}"
)
# Somebody else's write (the sqlite3 tool, a backup) must not hold up the writer for longer than an answer would wait.
_BUSY_SECONDS = 0.2


class Journal:
    """The one writer of ``folder``/journal.sqlite3.

    ``sync`` is ``full`` (a commit survives a power loss) or ``normal`` (it survives a killed process). ``receivers``
    are the names whose records must not expire before they were accepted. Every method that writes raises
    sqlite3.Error or OSError when the disk is in trouble, and then nothing of that call was kept.
    """

    def __init__(
        self, folder: Path, *, sync: str = "full", receivers: Sequence[str] = (), retention: Retention
    ) -> None:
        self.folder = folder
        self.path = folder / JOURNAL
        self.instance = ""
        self.receivers = tuple(receivers)
        self._retention = retention
        self._sync = sync
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None
        # To a file that was deleted or replaced, until what it holds is copied.
        self._displaced: sqlite3.Connection | None = None
        self._files: FileIds = {}
        self._is_tidying = False
        self._unread = UnreadFiles(folder)
        self.headroom = Headroom(folder)
        self._clock = ClockDoubt(folder)

    # Opening and closing

    def open(self) -> None:
        """Take the folder and open the file, setting a damaged one aside.

        Raises JournalError when the folder is another's, cannot be written to, or holds a newer version's journal;
        sqlite3.Error or OSError when the disk is in trouble: the folder is then held and ``reopen`` may be tried.
        """
        try:
            self.reopen()
        except JournalError:
            self.close()
            raise

    def reopen(self, *, damage: str | None = None) -> None:
        """Open the file anew, as after trouble of the disk; set it aside for its ``damage``. Raises as ``open`` does.

        What a file that was deleted or replaced meanwhile still holds moves into the one that has its name now.
        """
        displaced = self._leave_displaced()
        self._disconnect()
        self._hold_folder()
        self.headroom.fit()
        self._open_file(damage)
        if displaced is not None:
            rescued = copy_what_is_open(displaced, self.connection)
            # Not before it is copied: it is the only place where its records are.
            self._close_displaced()
            events.emit(events.JournalDisplaced(rescued.records, rescued.lost))
        self.instance = self._read_instance()
        self.headroom.reserve_log()
        bound_growth(self.connection, self.headroom)
        self._files = file_ids(self.path)
        self._unread.begin(self.connection)
        self._clock.begin(self.connection)

    def _leave_displaced(self) -> sqlite3.Connection | None:
        """The connection to a file that has lost the journal's name; None: there is none."""
        if self._connection is not None and self._files and not self.is_in_place():
            self._displaced, self._connection = self._connection, None
            leave(self._displaced, self.path, self._files)
        return self._displaced

    def _close_displaced(self) -> None:
        if self._displaced is not None:
            self._displaced.close()
            self._displaced = None

    def _open_file(self, damage: str | None) -> None:
        try:
            self._end_setting_aside()
            if damage := damage or noted_damage(self.folder) or visible_damage(self.path):
                raise damage_error(damage)
            self._connect()
        except (sqlite3.DatabaseError, OSError) as error:
            self._disconnect()
            if is_full(error):
                # Opening writes too: the index of the write-ahead log.
                self.headroom.release()
            if not is_damage(error):
                raise
            saved = salvage.rebuild(self.path)
            aside = set_aside(self.path)
            take_salvaged(self.path)
            forget_damage(self.folder)
            salvage.tell(aside, str(error), saved)
            self._unread.add(aside, None if saved.is_everything_read else saved.records)
            self._connect()

    def _end_setting_aside(self) -> None:
        """End what a process had begun that died, or whose disk failed, between the renames."""
        if unfinished(self.folder) is None:
            return
        self._unread.newest = damaged = set_aside(self.path)
        if damaged.exists() and not self.path.exists() and not self.path.with_name(SALVAGED).exists():
            salvage.rebuild(damaged)
        take_salvaged(self.path)

    @property
    def notice(self) -> str | None:
        """What a person should know though the journal works. Asks the file system."""
        return self._unread.notice or self._clock.notice

    def close(self) -> None:
        """Close the file and give the folder back. Never raises; may be called twice."""
        self._disconnect()
        self._close_displaced()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _hold_folder(self) -> None:
        # A folder that was deleted took the lock's file with it; the lock that we hold then guards nothing.
        if self._lock is not None and (self.folder / LOCK).exists():
            return
        prepare_folder(self.folder)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        self._lock = take_lock(self.folder)

    def _connect(self) -> None:
        make_private_file(self.path)
        bound_values.take_as_they_are()
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._connection = connection
        # A delete must not need as much room as what it deletes; FAST overwrites what costs no further page.
        connection.execute("PRAGMA secure_delete = FAST")
        connection.execute("PRAGMA temp_store = MEMORY")
        definitions.prepare(connection)
        if not use_wal(connection, _BUSY_SECONDS):
            raise JournalError(f"DATA_DIR={str(self.folder)!r} is on a file system without what WAL needs")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._sync == 'full' else 'NORMAL'}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {self.headroom.wal_bytes // schema.PAGE_SIZE}")
        connection.execute(f"PRAGMA journal_size_limit = {self.headroom.size}")
        self._files = file_ids(self.path)
        # Read what every start needs: damage is better found now than by the first exchange.
        connection.execute("SELECT count(*), max(number) FROM cursor").fetchall()
        connection.execute("SELECT id FROM open_exchange").fetchall()
        connection.execute("SELECT * FROM exchange ORDER BY number DESC LIMIT 1").fetchall()
        connection.execute("SELECT * FROM exchange ORDER BY number LIMIT 1").fetchall()

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    @property
    def connection(self) -> sqlite3.Connection:
        """The writing connection. Raises sqlite3.OperationalError while there is none."""
        if self._connection is None:
            raise sqlite3.OperationalError("the journal is not open")
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _read_instance(self) -> str:
        # Loki takes a line sent again for the same one only if its labels are the same too, so a new host name
        # (a container has a new one at each start) must not change the label.
        connection = self.connection
        connection.execute("INSERT OR IGNORE INTO about VALUES ('instance', ?)", (socket.gethostname(),))
        (instance,) = connection.execute("SELECT value FROM about WHERE name = 'instance'").fetchone()
        return str(instance)

    def transaction(self) -> contextlib.AbstractContextManager[None]:
        """All that is done inside becomes one commit; inside another one, an exception undoes only this part."""
        return transaction(self.connection)

    # Exchanges

    def write(
        self, records: Sequence[EncodedRecord] = (), opened: Sequence[OpenRow] = (), no_longer_open: Sequence[str] = ()
    ) -> None:
        """Append ``records`` in their order, add the rows ``opened``, remove those of the ids ``no_longer_open``.

        A record whose id is there already is passed over.
        """
        connection = self.connection
        with transaction(connection):
            start = 0
            for rows in _ROWS_A_STATEMENT:
                while len(records) - start >= rows:
                    some = records[start : start + rows]
                    connection.execute(_APPEND[rows], tuple(chain.from_iterable(map(_columns, some))))
                    start += rows
            if opened:
                connection.executemany("INSERT OR REPLACE INTO open_exchange VALUES (?, ?, ?, ?)", opened)
            for first in range(0, len(no_longer_open), 100):
                ids = no_longer_open[first : first + 100]
                marks = ",".join("?" * len(ids))
                connection.execute(f"{_WIPE_LARGE} AND id IN ({marks})", ids)
                connection.execute(f"DELETE FROM open_exchange WHERE id IN ({marks})", ids)
        if not self.is_in_place():
            raise FileNotFoundError("the journal's file was moved, deleted or replaced")

    def open_rows(self, limit: int = 50) -> list[OpenRow]:
        """Rows of exchanges that are (or, at start, were) going on, oldest first."""
        return self.connection.execute(f"{READ_OPEN} ORDER BY rowid LIMIT ?", (limit,)).fetchall()

    def newest_ended_ns(self) -> int:
        """When the newest exchange ended (Unix nanoseconds); 0 when there is none."""
        row = self.connection.execute("SELECT ended_ns FROM exchange ORDER BY number DESC LIMIT 1").fetchone()
        return int(row[0]) if row else 0

    # Receivers

    def move_cursor(self, receiver: str, number: int) -> None:
        """Note that ``receiver`` has (or will never take) everything up to ``number``. Never moves back."""
        with self.transaction():
            self.connection.execute(
                "INSERT INTO cursor VALUES (?, ?)"
                " ON CONFLICT(receiver) DO UPDATE SET number = max(number, excluded.number)",
                (receiver, number),
            )

    def park(self, receiver: str, number: int, reason: str, detail: str) -> None:
        """Note that ``receiver`` will never take record ``number``, and why. The record stays until it expires.

        Of a record that is no longer there nothing is noted: it may have been erased, and the detail quote it.
        """
        with self.transaction():
            self.connection.execute(
                "INSERT OR IGNORE INTO parked SELECT ?, number, ?, ?, ? FROM exchange WHERE number = ?",
                (receiver, reason, detail[:2000], time.time_ns(), number),
            )

    # Room

    def tidy(self) -> bool:
        """One short step of removing what is too old or too much. True: there is more to do."""
        connection = self.connection
        self.shrink_wal()  # On a full disk the log begins anew before more is written into it.
        more = (
            expire(connection, self._retention, self.receivers, by_age=self._clock.allows_expiry(connection)) > 0
            or overwrite_step(connection, self.headroom)
            or give_back_pages(connection, self._retention, self.headroom)
        )
        if not more:
            if self._is_tidying:
                # The file becomes shorter only now, also where nothing is recorded any more.
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            bound_growth(connection, self.headroom)
        self._is_tidying = more
        return more

    def shrink_wal(self) -> None:
        """Empty the write-ahead log if a long read made it grow. A reader that is at it still is not waited for."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.with_name(JOURNAL + "-wal").stat().st_size > 2 * self.headroom.size:
                checkpoint(self.connection)

    def is_in_place(self) -> bool:
        """Whether the open file is still the one with the journal's name: somebody may have deleted the folder."""
        try:
            status = self.path.stat()
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._files.get("")
