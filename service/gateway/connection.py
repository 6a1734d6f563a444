"""One connection to Ollama: a request goes out, an answer comes in, one after the other.

``httptools`` (the parser of Node.js) reads the bytes. This module frames, waits, and knows when a connection may be
used again.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import httptools

from service.gateway.loop_quantum import PIECE_BYTES

Take = Callable[[bytes], bool]
LONGEST_HEAD: Final = 64 * 1024
# What may wait here for a slow client before Ollama is made to wait too.
_MOST_WAITING: Final = 32 * 1024
# What was read last, of whichever connection: it is taken before anything else is read.
_RECEIVED: Final = memoryview(bytearray(PIECE_BYTES))


class Connection(asyncio.BufferedProtocol):
    """Carries one exchange at a time; while it does, it is that exchange's ``UpstreamResponse``."""

    def __init__(self, released: Callable[["Connection"], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self._released = released
        self._parser = httptools.HttpResponseParser(self)
        self._is_idle = True
        self._upload: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reader: asyncio.Future[None] | None = None
        self._begin("")

    def _begin(self, method: str) -> None:
        self._is_for_head = method == "HEAD"
        # How far the answer has come
        self.received = 0
        self._has_head = False
        self._is_whole = False
        self._ends_with_connection = False
        self._can_be_used_again = False
        self._pieces: list[bytes] = []
        self._take: Take | None = None
        self._fault: OSError | None = None
        self._waiting = 0
        self._is_paused = False
        # The answer
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None
        self.failure: str | None = None

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    @property
    def has_begun(self) -> bool:
        return bool(self._pieces)

    async def ask(self, method: str, head: bytes, body: bytes | AsyncIterator[bytes], is_chunked: bool) -> None:
        """Send a request and wait for its answer's head, or for ``failure``. ``head`` ends with the empty line."""
        self._begin(method)
        self._is_idle = False
        if self.transport is None:
            self.failure = "the connection was closed"
            return
        if isinstance(body, bytes):
            self.transport.write(head + body)
        else:
            self.transport.write(head)
            self._upload = asyncio.create_task(self._send_body(body, is_chunked))
        while not self._has_head and self.failure is None:
            await self._more()

    async def forward(self, take: Take) -> bool:
        """Give the body to ``take`` as it comes, straight from where it is received: no task is woken for a piece.

        Returns False when the body has ended or broken off, and True when ``take`` returned True: nothing is
        read then until this is called again. Raises the OSError that ``take`` raises.
        """
        self._take = take
        self._resume()
        try:
            self._hand_over()
            while self._take is not None and not self._is_whole and self.failure is None:
                await self._more()
            if self._fault is not None:
                raise self._fault
            return self._take is None
        finally:
            self._take = None

    def _hand_over(self) -> None:
        if self._take is None or not self._pieces:
            return
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        try:
            if not self._take(piece):
                return
            if not self._is_whole:
                self._pause()
        except OSError as error:
            self._fault = error
        self._take = None

    def _pause(self) -> None:
        if not self._is_paused and self.transport is not None:
            self._is_paused = True
            self.transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and self.transport is not None:
            self._is_paused = False
            self.transport.resume_reading()

    def finish(self) -> None:
        """The end was read: keep the connection for the next exchange, if it can be."""
        if not self._can_be_used_again or self._upload is not None or not self.is_open:
            self.abort()
            return
        self._resume()
        self._is_idle = True
        self._released(self)

    def abort(self) -> None:
        """Hang up at once: Ollama stops generating when it sees that."""
        self._is_idle = True
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
        if self.transport is not None:
            self.transport.abort()

    async def _more(self) -> None:
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def _send_body(self, body: AsyncIterator[bytes], is_chunked: bool) -> None:
        try:
            async for piece in body:
                if self.transport is None:
                    return
                self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
                if self._writable is not None:
                    await self._writable
            if is_chunked and self.transport is not None:
                self.transport.write(b"0\r\n\r\n")
            self._upload = None
        except Exception as error:  # noqa: BLE001  # whatever ends a client's upload, Ollama must not take it for whole
            self._fail(f"the request's body ended early: {error or type(error).__name__}")

    def _fail(self, reason: str) -> None:
        if not self._is_whole and self.failure is None:
            self.failure = reason
        self._can_be_used_again = False
        if self.transport is not None:
            self.transport.abort()
        self._wake()

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP connection's transport reads and writes

    def get_buffer(self, sizehint: int) -> memoryview:
        return _RECEIVED

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(_RECEIVED[:nbytes])

    def data_received(self, data: memoryview) -> None:
        if self._is_idle:
            # An answer to nothing: whatever comes next on this connection could be taken for another's.
            self.abort()
            return
        self.received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(f"what came was no valid HTTP ({error})")
        if not self._has_head and self.received > LONGEST_HEAD:
            self._fail("the head of the answer was too long")
        if self._take is not None:
            self._hand_over()
            if self._take is not None and not self._is_whole:
                return
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._can_be_used_again = False
        if self._ends_with_connection and exc is None and self.failure is None:
            self._is_whole = True
        elif not self._is_whole and self.failure is None:
            self.failure = str(exc) if exc else "the connection was closed"
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._wake()

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # Called by the parser, within data_received

    def on_message_begin(self) -> None:
        if self._is_whole:
            raise ValueError("bytes after the end of the answer")

    def on_status(self, status: bytes) -> None:
        self.reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._has_head:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self.status = status
        self._has_head = True
        is_chunked = False
        for name, value in self.headers:
            lower = name.lower()
            if lower == b"content-length":
                try:  # noqa: SIM105 - the other form is a Python object's work, for every answer
                    self.length = int(value)
                except ValueError:
                    pass
            elif lower == b"transfer-encoding":
                is_chunked = True
        if is_chunked:
            self.length = None
        if self._is_for_head:
            # The parser would wait for a body now; the connection is not worth teaching it.
            self._is_whole = True
        elif self.length is None and not is_chunked and status not in (204, 304):
            self._ends_with_connection = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._waiting += len(body)
        if self._take is None and self._waiting > _MOST_WAITING:
            self._pause()

    def on_message_complete(self) -> None:
        if not self._has_head:
            # 100 Continue and its like: the answer is still to come.
            self.reason = b""
            self.headers.clear()
            return
        if not self._is_for_head:
            self._is_whole = True
            self._can_be_used_again = self._parser.should_keep_alive()
