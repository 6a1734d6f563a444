"""The loop that brings the journal's records to one receiver.

Promises:

* The cursor moves only over records that the receiver accepted or will never take; the latter
  are parked with its reason. A stop or a crash at any moment therefore sends again, never skips.
* Records go in the order of their numbers, the oldest first, and never past one that waits.
* It never gives up: a receiver that is away or refuses us finds everything when it is back,
  as far as the journal still has it.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence

from service.events import (
    DefectFound,
    ReceiverFailed,
    ReceiverRecovered,
    ReceiverRefused,
    RecordParked,
    RecordsShipped,
    SpansRejected,
    emit,
)
from service.journal.reader import Row
from service.shipping.delivery import Delivery, DeliveryState
from service.shipping.pace import Pace, TokenBucket
from service.shipping.receiver import Decision, Receiver, SendBatch, Verdict

ReadAfter = Callable[[int, int, int], Sequence[Row]]
"""Rows after a number, at most so many, at most so many bytes of lines (but one at least). Runs on a thread."""
ReadCursor = Callable[[str], Awaitable[int]]
MoveCursor = Callable[[str, int], Awaitable[object]]
Park = Callable[[str, int, str, str], Awaitable[object]]
"""Keep (receiver, number, reason, detail) in the journal; parking twice is parking once."""

_OVERLOADS_BEFORE_SPLITTING = 3
_SUSPICIOUS_IN_A_ROW = 20


class Shipper:
    """Ships to one receiver. All methods belong to the event loop's thread."""

    def __init__(
        self,
        receiver: Receiver,
        *,
        read_after: ReadAfter,
        read_cursor: ReadCursor,
        move_cursor: MoveCursor,
        park: Park,
        pace: Pace | None = None,
    ) -> None:
        self._receiver = receiver
        self._read_after = read_after
        self._read_cursor = read_cursor
        self._move_cursor = move_cursor
        self._park = park
        self._pace = pace or Pace()
        self._bucket = TokenBucket(receiver.bytes_per_second)
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        # where we are
        self._cursor = 0
        self._is_cursor_kept = True
        self._oldest_ns: int | None = None
        self._must_read_again = False
        # how the receiver does
        self._state = DeliveryState.UNKNOWN
        self._failures = 0
        self._failing_since = 0.0
        self._last_success: float | None = None
        self._last_error = ""
        self._what_to_do = ""
        # since the start
        self._shipped = 0
        self._parked = 0
        self._late = 0
        self._rejected_spans = 0
        self._suspicious_in_a_row = 0

    def start(self) -> None:
        """Begin; returns at once."""
        self._task = asyncio.create_task(self._run(), name=f"ship to {self._receiver.name}")

    def wake(self) -> None:
        """There is something new in the journal. Cheap; may be called for every commit."""
        self._news.set()

    def read_again(self) -> None:
        """Some of what was read ahead may have been erased: send nothing more of it."""
        self._must_read_again = True
        self._news.set()

    async def stop(self, within: float = 3.0) -> None:
        """End within so many seconds; what is in the journal by now is still sent if the receiver is well."""
        self._stopping.set()
        self._news.set()
        if self._task is None:
            return
        await asyncio.wait({self._task}, timeout=within)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def delivery(self) -> Delivery:
        """How delivery to this receiver goes."""
        waits = 0.0 if self._oldest_ns is None else max(0.0, time.time() - self._oldest_ns / 1e9)
        return Delivery(
            receiver=self._receiver.name,
            state=self._state,
            cursor=self._cursor,
            oldest_unshipped_seconds=waits,
            shipped=self._shipped,
            parked=self._parked,
            late=self._late,
            rejected_spans=self._rejected_spans,
            last_success=self._last_success,
            last_error=self._last_error,
            what_to_do=self._what_to_do,
        )

    async def _run(self) -> None:
        async with self._receiver.connect() as send:
            knows_cursor = False
            while not (self._stopping.is_set() and self._state is not DeliveryState.WELL):
                is_ending = self._stopping.is_set()
                try:
                    if not knows_cursor:
                        self._cursor = await self._read_cursor(self._receiver.name)
                        knows_cursor = True
                    if not await self._ship_some(send) and is_ending:
                        return
                # Whatever is wrong here or with the journal, the records must go out once it is mended.
                except Exception as error:  # noqa: BLE001 - the loop must outlive it
                    await self._stumble(error)

    async def _ship_some(self, send: SendBatch) -> bool:
        """Ship what is there, then wait until it is worth looking again; False when nothing was there."""
        self._news.clear()
        self._must_read_again = False
        most = self._receiver
        rows = await asyncio.to_thread(self._read_after, self._cursor, most.most_records, most.most_line_bytes)
        self._oldest_ns = rows[0].ended_ns if rows else None
        if rows:
            await self._ship(send, rows)
        elif await self._is_another_journal():
            return True
        elif self._state is not DeliveryState.WELL:
            await self._deliver(send, ())
        there_may_be_more = (
            len(rows) == most.most_records or sum(len(row.line) for row in rows) > most.most_line_bytes / 2
        )
        if not there_may_be_more and not self._stopping.is_set():
            await self._wait_for_news()
        return bool(rows)

    async def _is_another_journal(self) -> bool:
        """Begin anew when the journal did: a cursor from before its loss would lie beyond all of its records."""
        kept = await self._read_cursor(self._receiver.name)
        if not self._is_cursor_kept or kept >= self._cursor:
            return False
        self._cursor = kept
        return True

    async def _wait_for_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), self._pace.idle)
        await self._pause(self._pace.linger)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the end is near."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _ship(self, send: SendBatch, rows: Sequence[Row]) -> None:
        """Bring ``rows`` past the cursor: whole, or halved until what is refused stands alone."""
        parts = [rows]
        while parts:
            part = parts.pop()
            self._oldest_ns = part[0].ended_ns
            verdict = await self._deliver(send, part)
            if verdict is None:
                return
            is_accepted = verdict.decision is Decision.ACCEPTED
            if self._must_read_again and not is_accepted:
                # What a receiver says of a record may quote it.
                return
            if is_accepted:
                await self._count_accepted(part, verdict)
            elif verdict.decision is Decision.SPLIT and len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
                continue
            else:
                await self._park_all(part, verdict)
            await self._advance(part[-1].number)
        self._oldest_ns = None

    async def _deliver(self, send: SendBatch, part: Sequence[Row]) -> Verdict | None:
        """Send until there is an answer that settles ``part``; None when the end came first.

        No rows ask how the receiver is, once.
        """
        try:
            batch = await asyncio.to_thread(self._receiver.encode, part)
        # A record that cannot be encoded must not stand in the way of those behind it.
        except Exception as error:  # noqa: BLE001 - whatever it is, it is parked with the record
            return Verdict(Decision.SPLIT, "unencodable", f"{type(error).__name__}: {error}"[:300])
        if batch.size > self._receiver.most_bytes and len(part) > 1:
            return Verdict(Decision.SPLIT)
        overloads = 0
        while True:
            await self._pause(self._bucket.seconds_until(batch.size))
            if part and self._must_read_again:
                return None
            self._bucket.take(batch.size)
            verdict = await send(batch)
            if verdict.may_be_us and len(part) == 1 and self._suspicious_in_a_row >= _SUSPICIOUS_IN_A_ROW:
                verdict = _as_refusal(verdict)
            if verdict.decision not in (Decision.RETRY, Decision.REFUSED):
                self._note_answer()
                return verdict
            await self._note_failure(verdict)
            # Whoever only asks how the receiver is must look again whether there are records by now.
            if self._stopping.is_set() or not part:
                return None
            overloads += verdict.is_overload
            if overloads == _OVERLOADS_BEFORE_SPLITTING and len(part) > 1:
                return Verdict(Decision.SPLIT)

    async def _count_accepted(self, part: Sequence[Row], verdict: Verdict) -> None:
        self._last_success = time.time()
        self._suspicious_in_a_row = 0
        if verdict.rejected_spans and len(part) == 1:
            await self._park_all(part, verdict)
            return
        if verdict.rejected_spans:
            self._rejected_spans += verdict.rejected_spans
            emit(SpansRejected(self._receiver.name, verdict.rejected_spans, verdict.detail))
        self._shipped += len(part)
        emit(RecordsShipped(self._receiver.name, len(part)))

    async def _park_all(self, part: Sequence[Row], verdict: Verdict) -> None:
        name = self._receiver.name
        self._suspicious_in_a_row += verdict.may_be_us
        for row in part:
            await self._park(name, row.number, verdict.reason, verdict.detail)
            self._parked += 1
            self._late += verdict.is_late
            emit(RecordParked(name, row.number, verdict.reason, verdict.detail))

    async def _advance(self, number: int) -> None:
        """The records are where they belong, whether or not the disk takes note of it now."""
        self._cursor = number
        self._is_cursor_kept = False
        try:
            await self._move_cursor(self._receiver.name, number)
            self._is_cursor_kept = True
        # The next move says the same and more; until then a crash would only make us send again.
        except Exception as error:  # noqa: BLE001 - the disk's troubles are the journal's to tell
            emit(DefectFound(f"shipping to {self._receiver.name}: moving the cursor", repr(error)))

    def _note_answer(self) -> None:
        if self._state in (DeliveryState.FAILING, DeliveryState.REFUSING):
            emit(ReceiverRecovered(self._receiver.name, round(time.monotonic() - self._failing_since, 3)))
        self._state = DeliveryState.WELL
        self._failures = 0
        self._last_error = self._what_to_do = ""

    async def _note_failure(self, verdict: Verdict) -> None:
        """Tell of it, then stay away for a while."""
        self._begin_failing(DeliveryState.REFUSING if verdict.decision is Decision.REFUSED else DeliveryState.FAILING)
        self._last_error = f"{verdict.reason}: {verdict.detail}" if verdict.detail else verdict.reason
        self._what_to_do = verdict.what_to_do
        name = self._receiver.name
        if verdict.decision is Decision.REFUSED:
            emit(ReceiverRefused(name, self._last_error, verdict.what_to_do))
            await self._pause(max(self._pace.refused_delay, verdict.retry_after))
            return
        delay = max(self._pace.delay_after(self._failures), verdict.retry_after)
        emit(ReceiverFailed(name, self._last_error, round(delay, 3)))
        await self._pause(delay)

    async def _stumble(self, error: Exception) -> None:
        self._begin_failing(DeliveryState.FAILING)
        self._last_error = f"{type(error).__name__}: {error}"[:300]
        self._what_to_do = ""
        emit(DefectFound(f"shipping to {self._receiver.name}", self._last_error))
        await self._pause(self._pace.delay_after(self._failures))

    def _begin_failing(self, state: DeliveryState) -> None:
        if self._state not in (DeliveryState.FAILING, DeliveryState.REFUSING):
            self._failing_since = time.monotonic()
        self._state = state
        self._failures += 1


def _as_refusal(verdict: Verdict) -> Verdict:
    return Verdict(
        Decision.REFUSED,
        verdict.reason,
        verdict.detail,
        "every record is refused: look for the cause in the receiver, or in what stands before it",
    )
