"""A request's body on its way in: copied as it comes. The sender's silence is kept apart from Ollama's."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from service.gateway.capture import Capture
from service.gateway.idle_timeout import IdleTimeout
from service.record.exchange import Body


async def read_short(request: web.BaseRequest, most_bytes: int, idle_seconds: float) -> bytes | None:
    """A body that is of use only as a whole; None when it has more than ``most_bytes``.

    Raises TimeoutError after ``idle_seconds`` (0: never) in which nothing of it came.
    """
    pieces: list[bytes] = []
    length = 0
    while True:
        async with asyncio.timeout(idle_seconds or None):
            piece = await request.content.readany()
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        length += len(piece)
        if length > most_bytes:
            return None


class RequestBodyReader:
    """Reads the body of one request.

    ``is_incomplete``: more of it is to come. ``whole_at``: when its end came (``time.monotonic``); None when it came
    with its head, or did not come.
    """

    def __init__(self, request: web.BaseRequest, idle_timeout: IdleTimeout, keep_bytes: int) -> None:
        self._request = request
        self._idle_timeout = idle_timeout
        self._keep_bytes = keep_bytes
        self.copy = Capture(keep_bytes)
        self.is_incomplete = False
        self.whole_at: float | None = None

    async def pieces(self, on_whole: Callable[[], None]) -> AsyncIterator[bytes]:
        """The body as it comes; ``on_whole`` is called after its last piece, before the iterator ends."""
        content, idle_timeout = self._request.content, self._idle_timeout
        idle_timeout.waits_for_client = True
        while piece := await content.readany():
            idle_timeout.heard(time.monotonic())
            self.copy.add(piece)
            idle_timeout.waits_for_client = False
            yield piece
            idle_timeout.waits_for_client = True
        self.whole_at = time.monotonic()
        idle_timeout.heard(self.whole_at)
        idle_timeout.waits_for_client = False
        self.is_incomplete = False
        on_whole()

    async def whole(self, on_whole: Callable[[], None]) -> bytes:
        """All of the body at once; else as ``pieces``."""
        if not self._request.content.is_eof():
            return b"".join([piece async for piece in self.pieces(on_whole)])
        # As good as always: it came with its head, and nothing has to be waited for.
        body = self._request.content.read_nowait()
        self._idle_timeout.heard(time.monotonic())
        self.copy.add(body)
        self.is_incomplete = False
        on_whole()
        return body

    async def read_on(self, seconds: float) -> bool:
        """Copy what Ollama did not wait for, as much as is kept anyway. False: there was not time enough."""
        content = self._request.content
        # An upload that was just cancelled leaves the stream first.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(seconds):
                while self.copy.length < self._keep_bytes and (piece := await content.readany()):
                    self.copy.add(piece)
        except TimeoutError:
            return False
        except (OSError, web.RequestPayloadError):
            return True
        self.is_incomplete = not content.at_eof()
        return True

    def body(self) -> Body:
        """What is kept of it."""
        headers = self._request.headers
        body = self.copy.body(headers.get("Content-Type", ""), headers.get("Content-Encoding", ""))
        return body._replace(is_incomplete=True) if self.is_incomplete else body
