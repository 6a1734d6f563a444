"""The hand-over from the event loop to the one thread that writes the journal.

The loop's side (``open``, ``close``, ``submit``) costs a few microseconds and never waits. The writer's side takes
everything that is queued, makes records of it, commits once, and wakes all who wait with one call into the loop.
"""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from service.journal import JournalError
from service.journal.batch_writer import OPEN_AFTER_SECONDS, BatchWriter
from service.journal.damage import damage_error, noted_damage
from service.journal.defects import report_defect
from service.journal.journal import Journal
from service.journal.retrying_writer import RetryingWriter
from service.journal.shedding import Losses
from service.journal.transaction import is_damage
from service.journal.write_queue import MAX_QUEUED, MAX_QUEUED_BYTES, WriteBatch, WriteQueue
from service.record.exchange import EncodedRecord, Exchange, OpenExchange

T = TypeVar("T")
TIDY_SECONDS = 5.0
MORE_TIDY_SECONDS = 0.01
# After so long a commit that does not come back counts as trouble, though nothing has failed yet.
STUCK_SECONDS = 5.0
SECONDS_BETWEEN_SALVAGES = 600.0


@dataclass(frozen=True, slots=True)
class RecorderState:
    """A picture for health and metrics. ``last_commit_at`` is Unix seconds (0: none yet); counts are since the start.

    ``waiting`` records are in memory only, because the disk does not take them. ``notice`` is for a person to know
    though the journal works.
    """

    degraded: str | None
    notice: str | None
    queued: int
    queued_bytes: int
    waiting: int
    committed: int
    bodies_lost: int
    records_lost: int
    last_commit_seconds: float
    last_commit_at: float


class Recorder:
    """Records exchanges without making anybody wait.

    ``make_record`` finds out what an exchange meant. ``make_open`` masks a request that is still being answered.
    ``on_recorded`` gets every record once, also one that the disk did not take. All three run on the writer's thread.
    ``is_strict``: whoever waits for a record waits for as long as the disk takes.
    ``open`` and ``close`` belong to the event loop's thread; ``submit`` and ``state`` to any.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        make_record: Callable[[Exchange], EncodedRecord],
        make_open: Callable[[OpenExchange], OpenExchange],
        on_recorded: Callable[[list[EncodedRecord]], None] = lambda records: None,
        max_queued_bytes: int = MAX_QUEUED_BYTES,
        max_queued: int = MAX_QUEUED,
        is_strict: bool = False,
    ) -> None:
        self._journal = journal
        self._losses = Losses()
        self._queue = WriteQueue(self._losses, max_bytes=max_queued_bytes, max_count=max_queued, is_strict=is_strict)
        self._retrying_writer = RetryingWriter(
            journal, self._losses, max_bytes=max_queued_bytes, max_records=max_queued
        )
        self._batch_writer = BatchWriter(
            journal,
            self._retrying_writer,
            make_record=make_record,
            make_open=make_open,
            on_recorded=on_recorded,
            wake=self._wake_loop,
            is_strict=is_strict,
        )
        self._is_strict = is_strict
        # As of the last tidying.
        self.notice: str | None = None
        self._listeners: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: threading.Thread | None = None
        self._is_look_planned = False
        self._next_tidy = 0.0
        self._next_salvage = 0.0

    # The event loop's side

    def open(self, opened: OpenExchange) -> None:
        """A request was read and is about to be answered. Never waits; forgotten under pressure."""
        self._queue.open(opened)
        # Waking a thread costs more than all the rest, and most exchanges end before the writer has to know of them.
        # So the loop looks now and then whether some go on that the writer has not taken.
        if not self._is_look_planned and self._loop is not None:
            self._is_look_planned = True
            self._loop.call_later(OPEN_AFTER_SECONDS, self._look_at_opened)

    def _look_at_opened(self) -> None:
        self._is_look_planned = False
        self._queue.wake_for_opened()

    def close(self, exchange: Exchange, on_committed: Callable[[], None] | None = None) -> None:
        """An exchange has ended. ``on_committed`` is called once, in the event loop, as soon as its record is on disk.

        It is called before this returns when there is nothing to wait for: the disk is in trouble or the record lost.
        A strict recorder calls it only when the disk has the record.
        """
        if on_committed is not None and self._retrying_writer.is_failing and not self._is_strict:
            on_committed()
            on_committed = None
        self._queue.close(exchange, on_committed)

    def submit(self, work: Callable[[Journal], T]) -> "Future[T]":
        """Do ``work`` on the writer's thread, inside a transaction. It must be short: exchanges wait behind it.

        The future fails with JournalError when the disk does not take it, and with whatever ``work`` raises.
        """
        future: Future[T] = Future()
        if self._queue.is_stopped:
            future.set_exception(JournalError("the recorder has stopped"))
        else:
            self._queue.put_work((work, future))
        return future

    def tidy_soon(self) -> None:
        """Tidy now instead of in some seconds: expire, give pages back, overwrite what was erased."""
        self.submit(lambda journal: self._hasten())

    def _hasten(self) -> None:
        self._next_tidy = 0.0

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` in the event loop after each commit of records. It must be short."""
        self._listeners.append(listener)

    @property
    def degraded(self) -> str | None:
        """Why the journal does not work as it should; None: it does."""
        busy_since = self._batch_writer.busy_since
        if self._retrying_writer.trouble is None and busy_since is not None:
            seconds = time.monotonic() - busy_since
            if seconds > STUCK_SECONDS:
                return f"the disk has not answered for {seconds:.0f} seconds"
        return self._retrying_writer.trouble

    @property
    def is_keeping(self) -> bool:
        """Whether records reach the disk, if need be by making the oldest go."""
        return not self._retrying_writer.is_failing

    def state(self) -> RecorderState:
        queued, queued_bytes = self._queue.queued()
        return RecorderState(
            degraded=self.degraded,
            notice=self.notice,
            queued=queued,
            queued_bytes=queued_bytes,
            waiting=self._retrying_writer.waiting,
            committed=self._batch_writer.committed,
            bodies_lost=self._losses.total("bodies"),
            records_lost=self._losses.total("records"),
            last_commit_seconds=self._batch_writer.last_commit_seconds,
            last_commit_at=self._batch_writer.last_commit_at,
        )

    # Start and stop

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the journal, record what a crash left open, start the writer. Blocks while it does.

        Raises JournalError when the folder cannot be used. A disk that is full or broken is no reason not to start:
        exchanges go on, and the writer tries again.
        """
        self._loop = loop
        try:
            self._journal.open()
            self.notice = self._journal.notice
            self._batch_writer.recover()
        except (sqlite3.Error, OSError) as error:
            self._retrying_writer.note_trouble(error)
        self._worker = threading.Thread(target=self._run, name="journal", daemon=True)
        self._worker.start()

    def stop(self) -> None:
        """Write all that is queued and close the journal. Blocks, so not in the event loop; may be called twice."""
        thread, self._worker = self._worker, None
        if thread is not None:
            self._queue.stop()
            thread.join()

    # The writer's side

    def _run(self) -> None:
        self._next_tidy = time.monotonic() + TIDY_SECONDS
        is_last = False
        while not is_last:
            batch = self._queue.take(self._seconds_to_next_task())
            is_last = batch.is_last
            self._write(batch)
            if time.monotonic() >= self._next_tidy:
                self._next_tidy = time.monotonic() + (MORE_TIDY_SECONDS if self._tidy() else TIDY_SECONDS)
            self._losses.say()
        if self._retrying_writer.is_failing:
            self._retrying_writer.retry()
        self._retrying_writer.give_up()
        self._losses.say()
        self._journal.close()

    def _seconds_to_next_task(self) -> float:
        waits = (
            max(0.0, self._next_tidy - time.monotonic()),
            self._retrying_writer.seconds_to_retry(),
            self._batch_writer.seconds_to_next_open_row(),
        )
        return min(wait for wait in waits if wait is not None)

    def _write(self, batch: WriteBatch) -> None:
        try:
            self._batch_writer.write(batch)
        except Exception as error:  # noqa: BLE001 - without its writer the recorder would record nothing any more
            report_defect("journal: the writer", error)
            self._losses.add_records(len(batch.exchanges), "defect")
            self._wake_loop(batch.on_committed)

    def _tidy(self) -> bool:
        if self._retrying_writer.is_failing:
            return False
        try:
            if not self._journal.is_in_place():
                self._retrying_writer.note_trouble(FileNotFoundError("the journal's file was moved or deleted"))
                return False
            self._look_for_damage()
            more = not self._retrying_writer.is_failing and self._journal.tidy()
        except (sqlite3.Error, OSError) as error:
            if is_damage(error):
                self._retrying_writer.note_trouble(error)
            # Of the rest, the next write finds out what is wrong, and deals with it.
            return False
        self.notice = self._journal.notice
        self._retrying_writer.note_room()
        return more

    def _look_for_damage(self) -> None:
        """Set aside what a reader found damaged; not again and again, as a disk may give back other bytes each time."""
        if time.monotonic() < self._next_salvage:
            return
        reason = noted_damage(self._journal.folder)
        if reason is not None:
            self._next_salvage = time.monotonic() + SECONDS_BETWEEN_SALVAGES
            self._retrying_writer.note_trouble(damage_error(reason))

    def _wake_loop(self, on_committed: list[Callable[[], None]]) -> None:
        loop = self._loop
        if loop is None or not (on_committed or self._listeners):
            return
        # A loop that is closed has nobody waiting in it any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._call_all, on_committed)

    def _call_all(self, on_committed: list[Callable[[], None]]) -> None:
        for callback in (*on_committed, *self._listeners):
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - one listener's fault must not keep the others waiting
                report_defect("journal: a callback after a commit", error)
