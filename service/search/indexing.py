"""The index is brought up to date with the journal, and loses what the journal no longer has.

Any process may do it, several at once too: each step is one short transaction. The event loop of the same process
relays answers meanwhile, so nothing here holds Python's global lock for long: between two records SQLite works without.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from service.journal import JournalError
from service.journal.defects import named, report_defect
from service.journal.reader import Reader
from service.journal.transaction import is_damage, transaction
from service.search import index, removal
from service.search.index import partition_of
from service.search.index_position import read_position, write_position
from service.search.index_soundness import FAULTS, NONSENSE, is_sound
from service.search.indexed_rows import add_rows
from service.search.removal import READ_BYTES, READ_ROWS

T = TypeVar("T")
# A search holds on to the state that it reads for less.
EMPTYING_SECONDS = 10.0
# After a step the thread rests for so many times what the step took. A twentieth of a core is 400 records a second:
# more than a model answers, and nothing that an exchange notices.
_REST = 19.0
_REST_WHEN_QUIET = 1.0
_QUIET_SECONDS = 2.0
_TIDY_SECONDS = 5.0
_FIRST_RETRY_SECONDS = 0.25
_LAST_RETRY_SECONDS = 15.0
_CHECK_SECONDS = 60.0
_CHECK_AGAIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step forward: how many records were added, up to which number the index goes, the journal's newest."""

    indexed: int
    number: int
    newest: int

    @property
    def behind(self) -> int:
        return max(0, self.newest - self.number)


class Indexer:
    """The writing side of ``folder``'s index. From any thread; one call at a time, others wait for it.

    Every method raises JournalError when there is no journal, it cannot be read, or a newer version wrote the index,
    and sqlite3.Error or OSError when the disk is in trouble; what was committed before stays. A file that is damaged,
    of an older form or of another journal is deleted, and all begins anew.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal = Reader(folder)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        # A connection keeps much of each full-text table that it has written to, so it is replaced now and then.
        self._is_worn = False

    def catch_up(
        self, stop: Callable[[], bool] = lambda: False, progress: Callable[[int, int], None] | None = None
    ) -> int:
        """Index all that the journal has and forget what it no longer has. Returns how many records were added.

        ``stop`` is called between steps; ``progress`` gets (records added so far, about how many are to come).
        """
        indexed = 0
        while not stop():
            step = self.step()
            indexed += step.indexed
            if progress is not None:
                progress(indexed, step.behind)
            if not step.behind and not self.tidy_step():
                break
        return indexed

    def step(self) -> Step:
        """Add the next records, at most a hundred."""
        return self._do(self._step)

    def _step(self, connection: sqlite3.Connection) -> Step:
        at = read_position(connection, self._journal)
        if at.number >= at.newest:
            return Step(0, at.number, at.newest)
        with transaction(connection):
            # Read inside the transaction: an erasure waits for it, and then also finds what this adds.
            at = read_position(connection, self._journal)
            rows = self._journal.read_after(at.number, READ_ROWS, READ_BYTES)
            add_rows(connection, rows, self._journal)
            # Numbers are never used twice: without rows, there is nothing up to the newest number.
            reached = rows[-1].number if rows else max(at.number, at.newest)
            write_position(connection, reached, rows[-1].id if rows else "")
        if partition_of(reached) != partition_of(at.number):
            self._merge_step(connection, reached)
        return Step(len(rows), reached, max(at.newest, reached))

    def tidy_step(self) -> bool:
        """One piece of what can wait: forget what expired, finish an erasure, merge words. True: there is more."""
        return self._do(self._tidy_step)

    def _tidy_step(self, connection: sqlite3.Connection) -> bool:
        at = read_position(connection, self._journal)
        if (
            removal.expire_step(connection, at.oldest)
            or self._erase_step(connection)
            or self._merge_step(connection, at.number)
        ):
            return True
        return removal.is_log_to_be_emptied(connection) and removal.empty_log(connection, seconds=0.1)

    def _merge_step(self, connection: sqlite3.Connection, number: int) -> bool:
        """Merge the words of one partition that lies before ``number``. False: there is none."""
        (partition,) = connection.execute(
            "SELECT max(number) FROM partition WHERE NOT is_merged AND number < ?", (partition_of(number),)
        ).fetchone()
        if partition is None:
            return False
        with transaction(connection):
            index.merge_text_table(connection, partition)
        self._is_worn = True
        return True

    # Taking out

    def expire(self, oldest_number: int) -> None:
        """Forget all records before ``oldest_number``."""
        while self._do(lambda connection: removal.expire_step(connection, oldest_number)):
            pass

    def erase(
        self,
        numbers: Sequence[int],
        progress: Callable[[int, int], None] | None = None,
        *,
        seconds: float = EMPTYING_SECONDS,
    ) -> bool:
        """Take out records that the journal no longer has, so that no byte of them stays in the index's files.

        The partitions they were in are made again from the journal; ``progress`` gets (done, all) of those. What a
        crash leaves undone is done by the next ``catch_up``. False: a reader held the write-ahead log for all of
        ``seconds``, so that it could not be emptied yet; ``catch_up`` does that as soon as possible.
        """
        self._do(lambda connection: removal.note_erasing(connection, numbers))
        partitions, done = self._do(removal.partitions_to_erase_in), 0
        while self._do(self._erase_step):
            done += 1
            if progress is not None:
                progress(min(done, partitions), partitions)
        return self._do(lambda connection: removal.empty_log(connection, seconds))

    def _erase_step(self, connection: sqlite3.Connection) -> bool:
        with transaction(connection):
            self._is_worn = True
            return removal.erase_step(connection, self._journal)

    def erase_missing(self) -> int:
        """Erase what the journal lost in an erasure that a crash cut off before the index. How many there were."""
        # Both are counted through: in a large journal on a slow disk that takes longer than any other question.
        patient = Reader(self._folder, seconds=_CHECK_SECONDS)
        try:
            missing = self._do(lambda connection: removal.missing(connection, patient))
        finally:
            patient.close()
        if missing:
            self.erase(missing)
        return len(missing)

    def close(self) -> None:
        """Close all files. May be called twice; a later call of another method opens them again."""
        with self._lock:
            self._disconnect()
            self._journal.close()

    # The file

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            try:
                return work(self._connected())
            except (sqlite3.Error, *FAULTS) as error:
                looked_at, damage = self._inode, self._damage(error)
                self._disconnect()
                if damage is None:
                    raise
                index.delete(self._folder, looked_at, damage)
            return work(self._connected())

    def _damage(self, error: Exception) -> str | None:
        """Why the file is of no use, empty where it is only of another form; None: it is of use."""
        if isinstance(error, sqlite3.Error):
            return (str(error) if is_damage(error) else "") if index.is_useless(error) else None
        return NONSENSE if self._connection is not None and not is_sound(self._connection) else None

    def _connected(self) -> sqlite3.Connection:
        inode = index.inode(self._folder)
        if self._connection is None or inode != self._inode or self._is_worn:
            self._disconnect()
            self._is_worn = False
            # Known before it is opened: so that a file that cannot be opened is the one that is deleted.
            self._inode = inode
            self._connection = index.connect(self._folder)
            self._inode = index.inode(self._folder)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


@dataclass(frozen=True, slots=True)
class IndexState:
    """Up to which number the index goes, how many records that is behind the journal, and why it does not go on.

    ``behind`` is None until it was looked at for the first time.
    """

    number: int = 0
    behind: int | None = None
    trouble: str | None = None


class IndexingThread:
    """Keeps ``folder``'s index up to date in a thread of its own, at low cost to everybody else.

    What ended alone is indexed at once. After each step the thread rests for 19 times what the step took of a core, so
    that it takes a twentieth of one. When no exchange has ended for two seconds it rests for as long as the step took.
    Trouble of the disk never ends the thread: it tries again, and ``state`` says why it waits.
    """

    def __init__(self, folder: Path) -> None:
        self._indexer = Indexer(folder)
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._woken_at = float("-inf")
        self._thread: threading.Thread | None = None
        self._state = IndexState()

    def start(self) -> None:
        """Blocks until there is an index to search, if the disk allows; the thread fills it."""
        with contextlib.suppress(JournalError, sqlite3.Error, OSError):
            step = self._indexer.step()
            self._state = IndexState(step.number, step.behind)
        self._thread = threading.Thread(target=self._run, name="index", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be new records. From any thread; costs next to nothing."""
        self._woken_at = time.monotonic()
        self._woken.set()

    def stop(self) -> None:
        """End the thread after the step that it is at. Blocks until then; may be called twice."""
        self._stopped.set()
        self._woken.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        self._indexer.close()

    def state(self) -> IndexState:
        """As of the last step."""
        return self._state

    def _run(self) -> None:
        retry_seconds = _FIRST_RETRY_SECONDS
        is_checked, check_at = False, 0.0
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                if not is_checked and time.monotonic() >= check_at:
                    is_checked = self._check()
                    check_at = time.monotonic() + _CHECK_AGAIN_SECONDS
                self._catch_up()
                retry_seconds = _FIRST_RETRY_SECONDS
                self._woken.wait(_TIDY_SECONDS)
            except (JournalError, sqlite3.Error, OSError) as error:
                self._state = replace(self._state, trouble=named(error))
                self._stopped.wait(retry_seconds)
                retry_seconds = min(2 * retry_seconds, _LAST_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next records must be indexed
                report_defect("journal: the index", error)
                self._state = replace(self._state, trouble=f"a fault of ours: {type(error).__name__}")
                self._stopped.wait(_LAST_RETRY_SECONDS)

    def _check(self) -> bool:
        """False: there was no answer in time. New records are indexed all the same, and it is tried again later."""
        try:
            self._indexer.erase_missing()
        except JournalError:
            return False
        return True

    def _catch_up(self) -> None:
        while not self._stopped.is_set():
            used = time.thread_time()
            step = self._indexer.step()
            self._state = IndexState(step.number, step.behind)
            is_done = not step.behind and not self._indexer.tidy_step()
            # Also after the last one: under load each commit would wake it for a record or two.
            self._rest(time.thread_time() - used)
            if is_done:
                return

    def _rest(self, used_seconds: float) -> None:
        is_quiet = time.monotonic() - self._woken_at > _QUIET_SECONDS
        self._stopped.wait((_REST_WHEN_QUIET if is_quiet else _REST) * used_seconds)
