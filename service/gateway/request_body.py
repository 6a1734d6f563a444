"""A request's body on its way in: copied as it comes. The sender's silence is kept apart from Ollama's."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Final

from service.gateway.capture import Capture, CopyRoom
from service.gateway.idle_timeout import IdleTimeout
from service.gateway.request_head import RequestHead
from service.record.exchange import Body

# What may lie here unread before the client is made to wait.
_MOST_UNREAD: Final = 128 * 1024


class BodyStream:
    """What has come of a body and was not read yet. It has one reader.

    ``pause`` and ``resume`` stop and start what comes. ``fault``: what of it was no valid HTTP, as a sentence; None
    while nothing was.
    """

    __slots__ = ("_error", "_is_paused", "_pause", "_pieces", "_reader", "_resume", "_unread", "fault", "is_ended")

    def __init__(self, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._pause = pause
        self._resume = resume
        self._pieces: list[bytes] = []
        self._unread = 0
        self._is_paused = False
        self._reader: asyncio.Future[None] | None = None
        self._error: OSError | None = None
        self.fault: str | None = None
        self.is_ended = False

    # The connection's side

    def feed(self, piece: bytes, *, is_last: bool = False) -> None:
        if piece:
            self._pieces.append(piece)
            self._unread += len(piece)
        self.is_ended = is_last
        if self._unread > _MOST_UNREAD and not self._is_paused:
            self._is_paused = True
            self._pause()
        self._wake()

    def fail(self, error: OSError) -> None:
        """No more will come. The reader gets what has come, and then ``error``."""
        if not self.is_ended:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # The reader's side

    @property
    def is_at_end(self) -> bool:
        """Whether all of it was read."""
        return self.is_ended and not self._pieces

    def read_nowait(self) -> bytes:
        """All that is here."""
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._unread = 0
        if self._is_paused:
            self._is_paused = False
            self._resume()
        return piece

    async def read(self) -> bytes:
        """What is here, as soon as there is something; nothing at its end. Raises the OSError that ended it early."""
        while not self._pieces:
            if self.is_ended:
                return b""
            if self._error is not None:
                raise self._error
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self.read_nowait()


def _do_nothing() -> None:
    """Nothing has to be stopped where nothing comes."""


EMPTY: Final = BodyStream(_do_nothing, _do_nothing)
"""The body of every request that has none."""
EMPTY.feed(b"", is_last=True)


class RequestBodyReader:
    """Reads the body of one request.

    ``is_incomplete``: more of it is to come. ``whole_at``: when its end came (``time.monotonic``); None when it came
    with its head, or did not come.
    """

    __slots__ = ("_head", "_idle_timeout", "_keep_bytes", "_stream", "copy", "is_incomplete", "whole_at")

    def __init__(
        self, head: RequestHead, stream: BodyStream, idle_timeout: IdleTimeout, keep_bytes: int, copy_room: CopyRoom
    ) -> None:
        self._head = head
        self._stream = stream
        self._idle_timeout = idle_timeout
        self._keep_bytes = keep_bytes
        self.copy = Capture(keep_bytes, copy_room)
        self.is_incomplete = False
        self.whole_at: float | None = None

    @property
    def fault(self) -> str | None:
        """What of the body was no valid HTTP, in a sentence."""
        return self._stream.fault

    def pieces(self, on_whole: Callable[[], None]) -> AsyncIterator[bytes]:
        """The body as it comes; ``on_whole`` is called after its last piece, before the iterator ends."""
        return _Pieces(self, on_whole)

    async def next_piece(self) -> bytes:
        """The next piece as soon as it is here; nothing at the end of the body."""
        idle_timeout = self._idle_timeout
        idle_timeout.waits_for_client = True
        piece = await self._stream.read()
        now = time.monotonic()
        idle_timeout.heard(now)
        if piece:
            self.copy.add(piece)
        else:
            self.whole_at = now
            self.is_incomplete = False
        idle_timeout.waits_for_client = False
        return piece

    async def whole(self, on_whole: Callable[[], None]) -> bytes:
        """All of the body at once; else as ``pieces``."""
        stream = self._stream
        if not stream.is_ended:
            return b"".join([piece async for piece in self.pieces(on_whole)])
        # As good as always: it came with its head, and nothing has to be waited for.
        body = stream.read_nowait()
        self._idle_timeout.heard(time.monotonic())
        self.copy.add(body)
        self.is_incomplete = False
        on_whole()
        return body

    async def read_on(self, seconds: float) -> bool:
        """Copy what Ollama did not wait for, as much as is kept anyway. False: there was not time enough."""
        stream = self._stream
        # An upload that was just cancelled leaves the stream first.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(seconds):
                while self.copy.length < self._keep_bytes and (piece := await stream.read()):
                    self.copy.add(piece)
        except TimeoutError:
            return False
        except OSError:
            return True
        self.is_incomplete = not stream.is_at_end
        return True

    def body(self) -> Body:
        """What is kept of it."""
        headers = self._head.headers
        body = self.copy.body(headers.get("Content-Type", ""), headers.get("Content-Encoding", ""))
        return body._replace(is_incomplete=True) if self.is_incomplete else body


class _Pieces:
    """The pieces of one body. It is no asynchronous generator, as what compiles this module knows none."""

    __slots__ = ("_on_whole", "_reader")

    def __init__(self, reader: RequestBodyReader, on_whole: Callable[[], None]) -> None:
        self._reader = reader
        self._on_whole = on_whole

    def __aiter__(self) -> "_Pieces":
        return self

    async def __anext__(self) -> bytes:
        piece = await self._reader.next_piece()
        if not piece:
            self._on_whole()
            raise StopAsyncIteration
        return piece
