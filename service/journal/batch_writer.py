"""What the writer's thread does with a batch from the queue: it makes records, commits once, calls who waits."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from service import events
from service.journal import JournalError
from service.journal.defects import report_defect
from service.journal.journal import Journal
from service.journal.open_rows import OpenRow, decode_open, died, encode_open
from service.journal.retrying_writer import RetryingWriter
from service.journal.shedding import open_without_body
from service.journal.transaction import is_damage
from service.journal.write_queue import Work, WriteBatch
from service.record.bare_record import bare_record
from service.record.exchange import EncodedRecord, Exchange, OpenExchange

# Most exchanges without a model end within milliseconds. Only those that go on for longer cost a row of their own.
# A crash can thus lose at most the last 25 ms of requests, none of which was answered.
OPEN_AFTER_SECONDS = 0.025
# The shortest wait that there is: some 60 µs.
_GIVE_WAY_SECONDS = 0.00001


class BatchWriter:
    """The writer's side of the recorder. Everything here runs on its one thread (``recover`` also before it starts)."""

    def __init__(
        self,
        journal: Journal,
        retrying_writer: RetryingWriter,
        *,
        make_record: Callable[[Exchange], EncodedRecord],
        make_open: Callable[[OpenExchange], OpenExchange],
        on_recorded: Callable[[list[EncodedRecord]], None],
        wake: Callable[[list[Callable[[], None]]], None],
        is_strict: bool = False,
    ) -> None:
        self.committed = 0
        self.last_commit_at = 0.0
        self.last_commit_seconds = 0.0
        self.busy_since: float | None = None
        self._journal = journal
        self._retrying_writer = retrying_writer
        self._make_record = make_record
        self._make_open = make_open
        self._on_recorded = on_recorded
        self._wake = wake
        self._is_strict = is_strict
        # Who waits for records that are in memory only.
        self._held: list[Callable[[], None]] = []
        self._opened: dict[str, tuple[float, OpenExchange]] = {}
        self._with_row: set[str] = set()
        self._is_recovered = False

    def seconds_to_next_open_row(self) -> float | None:
        """When ``write`` should be called again because an exchange goes on for long; None: none does."""
        if self._retrying_writer.is_failing or not self._is_recovered:
            return None
        for due, _ in self._opened.values():
            return max(0.0, due - time.monotonic())
        return None

    def write(self, batch: WriteBatch) -> None:
        """Keep what ended and what has been going on for long, then call who waits. Never raises for one exchange."""
        self.busy_since = time.monotonic()
        for seen_at, opened in batch.opened:
            self._opened[opened.id] = (seen_at + OPEN_AFTER_SECONDS, opened)
        records = [self._record_of(exchange) for exchange in batch.exchanges]
        ended = self._forget_open([exchange.opened.id for exchange in batch.exchanges] + batch.no_longer_open)
        rows = self._due_open_rows(everything=batch.is_last)
        if records or rows or ended or self._retrying_writer.seconds_to_retry() == 0:
            begun = time.monotonic()
            if self._retrying_writer.keep(records, rows, ended):
                self.committed += len(records)
                self.last_commit_at, self.last_commit_seconds = time.time(), time.monotonic() - begun
        self._held += batch.on_committed
        # Also when nothing could be kept: an answer does not wait for a disk in trouble, unless a person wants that.
        if (records or self._held) and not (self._is_strict and self._retrying_writer.waiting):
            held, self._held = self._held, []
            self._wake(held)
            if held:
                # Only a thread that waits lets another one go on: what follows would keep the answers waiting.
                time.sleep(_GIVE_WAY_SECONDS)
        self._mark_open_rows(rows if self._retrying_writer.are_rows_written else [])
        self._tell(records)
        self._do(batch.works)
        if not self._is_recovered and not self._retrying_writer.is_failing:
            self.recover()
        self.busy_since = None

    def recover(self) -> None:
        """Turn what the last process left open into records. Tried again later when the disk does not take them."""
        recovered, known = 0, set[str]()
        try:
            newest = self._journal.newest_ended_ns() or time.time_ns()
            # One whose id was damaged can be read, and not be removed.
            while rows := [row for row in self._journal.open_rows() if row[0] not in known]:
                records = [self._record_of(died(decode_open(row), newest)) for row in rows]
                if not self._retrying_writer.keep(records, (), [row[0] for row in rows]):
                    return
                recovered += len(rows)
                known.update(row[0] for row in rows)
                self._tell(records)
            self._is_recovered = True
        except sqlite3.Error as error:
            if is_damage(error):
                # After the file was set aside, what is left of it is looked at again.
                self._retrying_writer.note_trouble(error)
                return
            report_defect("journal: what a crash left open could not be read", error)
            self._is_recovered = True
        finally:
            if recovered:
                events.emit(events.ExchangesRecovered(recovered))

    def _record_of(self, exchange: Exchange) -> EncodedRecord:
        try:
            return self._make_record(exchange)
        except Exception as error:  # noqa: BLE001 - whatever it is, the exchange must be kept
            report_defect("record: an exchange could not be understood", error)
            return bare_record(exchange, error)

    def _forget_open(self, ids: Sequence[str]) -> list[str]:
        """Forget those that ended; the ids of those that have a row."""
        with_row = []
        for identifier in ids:
            self._opened.pop(identifier, None)
            if identifier in self._with_row:
                self._with_row.discard(identifier)
                with_row.append(identifier)
        return with_row

    def _due_open_rows(self, everything: bool) -> list[OpenRow]:
        # While the disk is in trouble, rows go along with each attempt: one that writes nothing always succeeds, and
        # would end the trouble for a moment.
        if self._retrying_writer.seconds_to_retry() or not self._is_recovered:
            return []
        now = time.monotonic()
        rows = []
        for due, opened in self._opened.values():
            if due > now and not everything:
                break
            rows.append(self._open_row_of(opened))
        return rows

    def _open_row_of(self, opened: OpenExchange) -> OpenRow:
        try:
            return encode_open(self._make_open(opened))
        except Exception as error:  # noqa: BLE001 - as above
            report_defect("record: a request could not be masked", error)
            # What could not be masked must not be written.
            return encode_open(open_without_body(opened))

    def _mark_open_rows(self, rows: Sequence[OpenRow]) -> None:
        for identifier, *_ in rows:
            self._opened.pop(identifier, None)
            self._with_row.add(identifier)

    def _tell(self, records: list[EncodedRecord]) -> None:
        if not records:
            return
        try:
            self._on_recorded(records)
        except Exception as error:  # noqa: BLE001 - the record is on disk
            report_defect("journal: what follows a record", error)

    def _do(self, works: Sequence[Work]) -> None:
        """One commit for all; a work that raises undoes only itself."""
        running = [(work, future) for work, future in works if future.set_running_or_notify_cancel()]
        if not running:
            return
        done: list[tuple[Future[Any], Any, Exception | None]] = []
        try:
            with self._journal.transaction():
                done.extend((future, *self._result_of(work)) for work, future in running)
        except (sqlite3.Error, OSError) as error:
            done = [(future, None, error) for _, future in running]
        damage = next((failure for _, _, failure in done if failure is not None and is_damage(failure)), None)
        if damage is not None and not self._retrying_writer.is_failing:
            self._retrying_writer.note_trouble(damage)
        for future, result, failure in done:
            if isinstance(failure, sqlite3.Error | OSError):
                failure = JournalError(f"the journal could not be written: {failure}")
            if failure is None:
                future.set_result(result)
            else:
                future.set_exception(failure)

    def _result_of(self, work: Callable[[Journal], Any]) -> tuple[Any, Exception | None]:
        try:
            with self._journal.transaction():
                return work(self._journal), None
        except Exception as error:  # noqa: BLE001 - it belongs to whoever handed in the work
            return None, error
