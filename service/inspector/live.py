"""What happens now, as server-sent events, for everybody who watches.

One task serves all watchers, and runs only while there are any. Ended exchanges come from the journal in the order of
their numbers, so that a watcher who was away for a moment misses nothing. The relay knows what is going on.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

import orjson
from aiohttp import web

from service.events import DefectFound, emit
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.responses import begun, refuse
from service.journal import JournalError
from service.journal.reader import Reader
from service.json_writing import write_json
from service.record.exchange import Exchange
from service.record.in_flight import READ_BYTES, describe, progress
from service.record.own_masks import OwnMasks
from service.record.record import Record
from service.record.summary import summarise
from service.record.timestamps import write_time
from service.record.without_words import without_words

MOST_WATCHERS: Final = 50
MOST_MISSED: Final = 1000
_LOOK_SECONDS: Final = 0.25
_PROGRESS_SECONDS: Final = 1.0
_HEARTBEAT_SECONDS: Final = 15.0
_HEARTBEAT: Final = b": still here\n\n"
# A watcher that takes nothing for so many events has fallen asleep, or is a slow reader: it may come again.
_MOST_WAITING: Final = 2000
_ROWS_AT_ONCE: Final = 200
_BYTES_AT_ONCE: Final = 4 << 20
PATIENCE_SECONDS: Final = 30.0
_GONE: Final = b""
_HEADERS: Final = PRIVATE_HEADERS | {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}


def event(name: str, data: Any, number: int | None = None) -> bytes:
    """One event as bytes. JSON holds no line break, so it is one ``data:`` line."""
    head = f"event: {name}\n" if number is None else f"id: {number}\nevent: {name}\n"
    return head.encode() + b"data: " + write_json(data) + b"\n\n"


async def tell(
    request: web.BaseRequest, live: "Live", may_go_on: Callable[[], bool], has_words: bool = True
) -> web.StreamResponse:
    """``/live``, until ``may_go_on`` says no before an event, or at a heartbeat; without anybody's words on demand.

    Raises JournalError, before anything is answered, when the journal cannot be read.
    """
    if live.is_full:
        return refuse(503, f"{MOST_WATCHERS} are watching already.", {"Retry-After": "30"})
    response = web.StreamResponse(headers=_HEADERS)
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    last = request.headers.get("Last-Event-ID", "")
    last_seen = int(last) if last.isascii() and last.isdecimal() and len(last) < 18 else None
    async with contextlib.aclosing(live.watch(last_seen)) as pieces:
        piece = await anext(pieces)
        await response.prepare(request)
        with begun(request):
            await _write(response, piece if has_words else _wordless(piece))
            async for piece in pieces:
                if not may_go_on():
                    break
                await _write(response, piece if has_words else _wordless(piece))
    return response


def _wordless(piece: bytes) -> bytes:
    head, mark, data = piece.partition(b"data: ")
    return head + mark + write_json(without_words(orjson.loads(data))) + b"\n\n" if mark else piece


async def _write(response: web.StreamResponse, piece: bytes) -> None:
    # A watcher that reads nothing would never free its place.
    async with asyncio.timeout(PATIENCE_SECONDS):
        await response.write(piece)


class Live:
    """``in_flight`` gives the exchanges that are going on, with answers up to so many bytes.

    ``waiting`` tells place and reason of those who wait for a place at Ollama, by the ids of their exchanges.
    ``wake`` is called in the event loop after each commit of records.
    """

    def __init__(
        self,
        in_flight: Callable[[int], Sequence[Exchange]],
        reader: Reader,
        mask: bool,
        waiting: Callable[[], Mapping[str, Mapping[str, Any]]] = dict,
        own_masks: Callable[[], OwnMasks] = tuple,
    ) -> None:
        self._in_flight = in_flight
        self._reader = reader
        self._mask = mask
        self._waiting = waiting
        self._own_masks = own_masks
        self._watchers: set[asyncio.Queue[bytes]] = set()
        self._places_taken = 0
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._number = 0
        self._known: dict[str, dict[str, Any]] = {}
        self._next_progress = 0.0
        self._erasures = 0

    @property
    def is_full(self) -> bool:
        return self._places_taken >= MOST_WATCHERS

    def wake(self) -> None:
        """Records were committed."""
        if self._watchers:
            self._woken.set()

    def tell_erased(self) -> None:
        """Exchanges were erased: watchers that still show them let go of them."""
        self._erasures += 1
        self._tell(event("erased", {"erasures": self._erasures}))

    def stop(self) -> None:
        """End all watching."""
        if self._task is not None:
            self._task.cancel()
        for watcher in self._watchers:
            _put(watcher, _GONE)

    async def watch(self, last_seen: int | None) -> AsyncGenerator[bytes, None]:
        """Events until the watcher goes. ``last_seen`` is the number of the last ``ended`` that it has.

        Raises JournalError when the journal cannot be read.
        """
        queue: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._places_taken += 1
        try:
            if self._task is None:
                newest = await asyncio.to_thread(self._reader.newest_number)
                # Another watcher may have come meanwhile: it has begun to listen then.
                if self._task is None:
                    self._number, self._known = newest, {}
                    self._task = asyncio.create_task(self._look_after(), name="tell watchers")
            # From here on nothing that ends is missed: what comes meanwhile waits in the queue.
            self._watchers.add(queue)
            number = self._number
            entries = await self._entries_in_flight()
            now, erasures = write_time(time.time_ns()), self._erasures
            yield event("hello", {"number": number, "time": now, "erasures": erasures, "in_flight": entries})
            async for missed in self._missed(last_seen, number):
                yield missed
            while (piece := await self._next(queue)) != _GONE:
                yield piece
        finally:
            self._places_taken -= 1
            self._watchers.discard(queue)
            if not self._watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _entries_in_flight(self) -> list[dict[str, Any]]:
        """All that is in flight at this moment, also what no watcher has heard of yet."""
        running = self._in_flight(0)
        return await asyncio.to_thread(
            lambda: [self._known.get(exchange.opened.id) or self._describe(exchange) for exchange in running]
        )

    def _describe(self, exchange: Exchange) -> dict[str, Any]:
        return describe(exchange, self._mask, self._own_masks())

    async def _next(self, queue: asyncio.Queue[bytes]) -> bytes:
        try:
            async with asyncio.timeout(_HEARTBEAT_SECONDS):
                piece = await queue.get()
        except TimeoutError:
            return _HEARTBEAT
        return piece

    async def _missed(self, last_seen: int | None, number: int) -> AsyncIterator[bytes]:
        if last_seen is None or last_seen >= number:
            return
        if number - last_seen > MOST_MISSED:
            yield event("reload", {"number": number})
            return
        while last_seen < number:
            entries = await asyncio.to_thread(self._entries_after, last_seen, number)
            if not entries:
                return
            for _, piece in entries:
                yield piece
            last_seen = entries[-1][0]

    # What all watchers hear

    async def _look_after(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            try:
                await self._tell_ended()
                await self._tell_running()
            except JournalError:
                # /readyz says so. What ended meanwhile comes when the journal can be read again.
                await asyncio.sleep(_PROGRESS_SECONDS)
            except Exception as error:  # noqa: BLE001 - whoever watches must not lose the feed over one exchange
                emit(DefectFound("live", repr(error)))
                await asyncio.sleep(_PROGRESS_SECONDS)

    async def _tell_ended(self) -> None:
        while True:
            entries = await asyncio.to_thread(self._entries_after, self._number, None)
            for number, piece in entries:
                self._number = number
                self._tell(piece)
            if not entries and (newest := await asyncio.to_thread(self._reader.newest_number)) < self._number:
                # The journal was made anew, and its numbers begin again.
                self._number = newest
                self._tell(event("reload", {"number": newest}))
            if len(entries) < _ROWS_AT_ONCE:
                return

    async def _tell_running(self) -> None:
        running = {exchange.opened.id: exchange for exchange in self._in_flight(0)}
        for gone in self._known.keys() - running.keys():
            del self._known[gone]
        new = [exchange for identifier, exchange in running.items() if identifier not in self._known]
        if new:
            entries = await asyncio.to_thread(lambda: [self._describe(exchange) for exchange in new])
            for exchange, entry in zip(new, entries, strict=True):
                self._known[exchange.opened.id] = entry
                self._tell(event("begun", entry))
        now = time.monotonic()
        if running and now >= self._next_progress:
            self._next_progress = now + _PROGRESS_SECONDS
            going_on, waiting = self._in_flight(READ_BYTES), self._waiting()
            for entry in await asyncio.to_thread(
                lambda: [progress(exchange, self._mask, self._own_masks()) for exchange in going_on]
            ):
                entry |= waiting.get(entry["exchange"], {})
                self._tell(event("progress", entry))

    def _entries_after(self, number: int, last: int | None) -> list[tuple[int, bytes]]:
        rows = self._reader.read_after(number, _ROWS_AT_ONCE, _BYTES_AT_ONCE)
        return [
            (row.number, event("ended", summarise(row.number, Record(row.line)), row.number))
            for row in rows
            if last is None or row.number <= last
        ]

    def _tell(self, piece: bytes) -> None:
        for watcher in self._watchers:
            _put(watcher, piece)


def _put(watcher: asyncio.Queue[bytes], piece: bytes) -> None:
    if watcher.full():
        while not watcher.empty():
            watcher.get_nowait()
        piece = _GONE
    watcher.put_nowait(piece)
