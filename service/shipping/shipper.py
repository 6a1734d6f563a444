"""The loop that brings the journal's records to one receiver.

Promises:

* The cursor moves only over records that the receiver accepted or will never take; the latter
  are parked with its reason. A refusal that may be about us parks nothing until another record
  was accepted (``suspicion``). A stop or a crash at any moment therefore sends again, never skips.
* Records go in the order of their numbers, the oldest first, and never past one that waits.
* It never gives up: a receiver that is away or refuses us finds everything when it is back,
  as far as the journal still has it.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence

from service.events import DefectFound, RecordParked, RecordsShipped, SpansRejected, emit
from service.journal import JournalError
from service.journal.reader import Row
from service.shipping.condition import Condition
from service.shipping.delivery import Delivery, DeliveryState
from service.shipping.pace import Pace, TokenBucket
from service.shipping.receiver import Decision, Receiver, SendBatch, Verdict
from service.shipping.suspicion import Suspicion, to_try

ReadAfter = Callable[[int, int, int], Sequence[Row]]
"""Rows after a number, at most so many, at most so many bytes of lines (but one at least). Runs on a thread."""
ReadCursor = Callable[[str], Awaitable[int]]
MoveCursor = Callable[[str, int], Awaitable[object]]
Park = Callable[[str, int, str, str], Awaitable[object]]
"""Keep (receiver, number, reason, detail) in the journal; parking twice is parking once."""

_OVERLOADS_BEFORE_SPLITTING = 3


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
        self._condition = Condition(receiver.name, self._pace)
        self._was_proven = False
        self._may_park_one = False
        # since the start
        self._shipped = 0
        self._parked = 0
        self._late = 0
        self._rejected_spans = 0

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
            state=self._condition.state,
            cursor=self._cursor,
            oldest_unshipped_seconds=waits,
            shipped=self._shipped,
            parked=self._parked,
            late=self._late,
            rejected_spans=self._rejected_spans,
            last_success=self._condition.last_success,
            last_error=self._condition.last_error,
            what_to_do=self._condition.what_to_do,
        )

    async def _run(self) -> None:
        async with self._receiver.connect() as send:
            knows_cursor = False
            while not (self._stopping.is_set() and self._condition.state is not DeliveryState.WELL):
                is_ending = self._stopping.is_set()
                try:
                    if not knows_cursor:
                        self._cursor = await self._read_cursor(self._receiver.name)
                        knows_cursor = True
                    if not await self._ship_some(send) and is_ending:
                        return
                # Whatever is wrong here or with the journal, the records must go out once it is mended.
                except Exception as error:  # noqa: BLE001 - the loop must outlive it
                    await self._pause(self._condition.has_stumbled(error))

    async def _ship_some(self, send: SendBatch) -> bool:
        """Ship what is there, then wait until it is worth looking again; False when nothing was there."""
        self._news.clear()
        self._must_read_again = False
        most = self._receiver
        rows = await asyncio.to_thread(self._read_after, self._cursor, most.most_records, most.most_line_bytes)
        self._oldest_ns = rows[0].ended_ns if rows else None
        if rows and self._condition.is_refusing:
            await self._try_again(send, rows)
        elif rows:
            await self._ship(send, rows)
        elif await self._is_another_journal():
            return True
        elif self._condition.state is not DeliveryState.WELL:
            await self._deliver(send, ())
        there_may_be_more = (
            len(rows) == most.most_records or sum(len(row.line) for row in rows) > most.most_line_bytes / 2
        )
        must_go_on = there_may_be_more or self._condition.is_refusing or self._was_proven
        if not must_go_on and not self._stopping.is_set():
            await self._wait_for_news(self._pace.idle)
        return bool(rows)

    async def _is_another_journal(self) -> bool:
        """Begin anew when the journal did: a cursor from before its loss would lie beyond all of its records."""
        kept = await self._read_cursor(self._receiver.name)
        if not self._is_cursor_kept or kept >= self._cursor:
            return False
        self._cursor = kept
        return True

    async def _wait_for_news(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        await self._pause(self._pace.linger)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the end is near."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _ship(self, send: SendBatch, rows: Sequence[Row]) -> None:
        """Bring ``rows`` past the cursor: whole, or halved until what is refused stands alone."""
        suspicion = Suspicion(is_proven=self._was_proven)
        self._was_proven = False
        parts = [rows]
        while parts and not suspicion.is_enough:
            part = parts.pop()
            self._oldest_ns = (suspicion.waiting[0][0] if suspicion.waiting else part[0]).ended_ns
            verdict = await self._deliver(send, part)
            if verdict is None:
                return
            is_accepted = verdict.decision is Decision.ACCEPTED
            if self._must_read_again and (suspicion.suspects or not is_accepted):
                # What a receiver says of a record may quote it.
                return
            if is_accepted:
                await self._settle(suspicion)
                await self._count_accepted(part, verdict)
                await self._advance(part[-1].number)
            elif verdict.decision is Decision.SPLIT and len(part) > 1:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                for row in part:
                    suspicion.add(row, None if verdict.decision is Decision.UNSENT else verdict)
                if not suspicion.suspects:
                    await self._settle(suspicion)
        if suspicion.suspects:
            await self._doubt(send, suspicion)
        else:
            self._oldest_ns = None

    async def _doubt(self, send: SendBatch, suspicion: Suspicion) -> None:
        """Records were refused and none was taken since. Park a single one only if all else speaks against it."""
        first, *others = suspicion.suspects
        if not others and first.is_of_content and self._may_park_one and await self._still_answers(send):
            self._may_park_one = False
            self._condition.has_answered()
            await self._settle(suspicion)
            self._oldest_ns = None
            return
        seconds = self._condition.has_failed(suspicion.refusal())
        if others:
            await self._pause(seconds)
        else:
            # The next record will tell.
            await self._wait_for_news(seconds)

    async def _still_answers(self, send: SendBatch) -> bool:
        """Whether a request without records is taken."""
        verdict = await send(await asyncio.to_thread(self._receiver.encode, ()))
        return verdict.decision is Decision.ACCEPTED

    async def _try_again(self, send: SendBatch, rows: Sequence[Row]) -> None:
        """Everything was refused: send a few single records until one is taken. Nothing is settled here."""
        suspicion = Suspicion()
        for row in to_try(rows):
            verdict = await self._deliver(send, (row,))
            if verdict is None or self._must_read_again:
                return
            if not self._condition.is_refusing:
                self._was_proven = verdict.decision is Decision.ACCEPTED
                return
            suspicion.add(row, verdict)
        if suspicion.suspects and len(rows) > 1:
            await self._pause(self._condition.has_failed(suspicion.refusal()))
        else:
            await self._ship(send, rows)

    async def _settle(self, suspicion: Suspicion) -> None:
        """Whose fault it was is known: park what was refused, and go on behind it."""
        for row, verdict in suspicion.waiting:
            if verdict is not None:
                await self._park_row(row, verdict)
        if suspicion.waiting:
            await self._advance(suspicion.waiting[-1][0].number)
        suspicion.waiting.clear()
        suspicion.suspects.clear()

    async def _deliver(self, send: SendBatch, part: Sequence[Row]) -> Verdict | None:
        """Send until there is an answer that settles ``part``; None when the end came first.

        No rows ask how the receiver is, once.
        """
        try:
            batch = await asyncio.to_thread(self._receiver.encode, part)
        # A record that cannot be encoded must not stand in the way of those behind it.
        except Exception as error:  # noqa: BLE001 - whatever it is, it is parked with the record
            return Verdict(Decision.SPLIT, "unencodable", f"{type(error).__name__}: {error}"[:300])
        if part and not batch.size:
            return Verdict(Decision.UNSENT)
        if batch.size > self._receiver.most_bytes and len(part) > 1:
            return Verdict(Decision.SPLIT)
        overloads = 0
        while True:
            await self._pause(self._bucket.seconds_until(batch.size))
            if part and self._must_read_again:
                return None
            self._bucket.take(batch.size)
            verdict = await send(batch)
            if verdict.decision not in (Decision.RETRY, Decision.REFUSED):
                if not (part and verdict.may_be_us):
                    self._condition.has_answered()
                return verdict
            await self._pause(self._condition.has_failed(verdict))
            # Whoever only asks how the receiver is must look again whether there are records by now.
            if self._stopping.is_set() or not part:
                return None
            overloads += verdict.is_overload
            if overloads == _OVERLOADS_BEFORE_SPLITTING and len(part) > 1:
                return Verdict(Decision.SPLIT)

    async def _count_accepted(self, part: Sequence[Row], verdict: Verdict) -> None:
        self._condition.last_success = time.time()
        self._may_park_one = True
        if verdict.rejected_spans and len(part) == 1:
            await self._park_row(part[0], verdict)
            return
        if verdict.rejected_spans:
            self._rejected_spans += verdict.rejected_spans
            emit(SpansRejected(self._receiver.name, verdict.rejected_spans, verdict.detail))
        self._shipped += len(part)
        emit(RecordsShipped(self._receiver.name, len(part)))

    async def _park_row(self, row: Row, verdict: Verdict) -> None:
        name = self._receiver.name
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
        except JournalError:
            # The disk's troubles are the journal's to tell.
            return
        except Exception as error:  # noqa: BLE001 - the loop must outlive it
            emit(DefectFound(f"shipping to {self._receiver.name}: moving the cursor", repr(error)))
