"""One connection of a client: calls of Ollama and what is polled are carried here, all else is handed to aiohttp.

Messages are taken one after the other, and each is answered before the next one is read. Their heads are read by
``request_head`` and their ends are found by ``body_framing``, so each side gets whole messages. What those two do not
take for HTTP ends the connection: aiohttp's parser finds the words for its refusal.
"""

import asyncio
import re
import socket
from typing import TYPE_CHECKING, Final

from service.events import DefectFound, emit
from service.gateway.body_framing import ChunkedFraming, LengthFraming
from service.gateway.call import AlreadySent
from service.gateway.error_responses import FAULT, last_answer, late_head, malformed_body, stopped_arriving
from service.gateway.input_flow import InputFlow
from service.gateway.late_aiohttp import AiohttpSide
from service.gateway.loop_quantum import PIECE_BYTES
from service.gateway.output_flow import OutputFlow
from service.gateway.request import Handle, Request
from service.gateway.request_body import EMPTY, BodyStream
from service.gateway.request_head import HeadReader, RequestHead

if TYPE_CHECKING:
    from service.gateway.http_server import HttpServer

# How much of further requests may wait for the answer to the first.
_MOST_PIPELINED: Final = 64 * 1024
# Longer than a reverse proxy keeps a connection: whoever closes first while the other asks loses a request.
_KEEP_ALIVE_SECONDS: Final = 3630.0
# How long a body that was answered early is read on, so that its sender sees the answer.
_LINGER_SECONDS: Final = 5.0
_READ_ANSWER_SECONDS: Final = 1.0
_NEVER: Final = 0.0
# What was read last, by whichever connection.
_RECEIVED: Final = memoryview(bytearray(PIECE_BYTES))
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)++")


class ClientConnection(asyncio.BufferedProtocol):
    """``exchange`` is the one that goes on at the moment."""

    def __init__(self, server: "HttpServer", loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self.transport: asyncio.Transport | None = None
        self.remote = ""
        # When it ends, in the loop's time, unless something happens before
        self._due_at = _NEVER
        # What came and belongs to no message yet
        self._received = b""
        self._heads = HeadReader()
        self._input = InputFlow(server.quantum)
        self._output = OutputFlow(loop, server.read_seconds)
        self._is_reading_head = False
        # The message that is being answered
        self._is_busy = False
        self._is_answered = False
        self._is_last = False
        self._framing: LengthFraming | ChunkedFraming | None = None
        self._body: BodyStream | None = None
        self.exchange: asyncio.Task[AlreadySent] | None = None
        # aiohttp's side, once something was asked of it; from ``_is_handed_over`` on all that comes is its
        self._aiohttp: AiohttpSide | None = None
        self._is_at_aiohttp = False
        self._is_handed_over = False
        self._is_ending = False

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a TCP connection's transport reads and writes
        self._input.transport = self._output.transport = self.transport
        peer = transport.get_extra_info("peername")
        self.remote = str(peer[0]) if isinstance(peer, tuple) else ""
        if connected := transport.get_extra_info("socket"):
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._is_due_in(self._server.head_seconds)
        if not self._server.admits(self.remote):
            self._end_softly(last_answer(503, "There are too many connections already. Try again later."))

    def get_buffer(self, sizehint: int) -> memoryview:
        return _RECEIVED

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(bytes(_RECEIVED[:nbytes]))
        if nbytes == PIECE_BYTES and self._body is not None:
            self._input.give_way()

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        if self._is_handed_over:
            self._open_aiohttp().data_received(data)
            return
        if self._framing is not None:
            data = self._take_body(self._framing, data)
        if not data or self._is_ending:
            return
        self._received = self._received + data if self._received else data
        if not self._is_busy:
            self._read_next()
        elif len(self._received) > _MOST_PIPELINED:
            self._input.stop()

    def eof_received(self) -> None:
        # Who closes and who is only done with asking look alike: both are taken for leaving, so that Ollama stops.
        if self.exchange is not None:
            self.exchange.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = self._input.transport = self._output.transport = None
        self._is_ending = True
        self._server.forget(self)
        if self._body is not None:
            self._body.fail(ConnectionResetError("the client is gone"))
        if self.exchange is not None:
            self.exchange.cancel()
        if self._aiohttp is not None:
            self._aiohttp.connection_lost(exc)
        self.resume_writing()

    def pause_writing(self) -> None:
        self._output.stop()
        if self._aiohttp is not None:
            self._aiohttp.pause_writing()

    def resume_writing(self) -> None:
        if self._output.start() and self._aiohttp is not None and self.transport is not None:
            self._aiohttp.resume_writing()

    async def drain(self) -> None:
        await self._output.drain()

    def close(self) -> None:
        """End it when what was sent has gone out; what still comes is dropped."""
        self._is_ending = True
        if self.transport is not None:
            self.transport.close()
            self._is_due_in(_LINGER_SECONDS)

    def close_when_idle(self) -> None:
        """Answer what was asked, and nothing more."""
        self._is_last = True
        if not self._is_busy:
            self.close()

    def end_if_due(self, now: float) -> None:
        """End it if it waited for too long. ``now`` is the loop's time."""
        if self._output.stalls(now) and self.exchange is None and self.transport is not None:
            self.transport.abort()
        if not self._due_at or now < self._due_at or self.transport is None:
            return
        if self._is_ending:
            # Its client does not take what was sent.
            self.transport.abort()
        elif self._is_reading_head:
            self._end_softly(last_answer(408, late_head(self._server.head_seconds)))
        elif self._framing is not None and not self._is_answered:
            self._refuse_body(stopped_arriving(self._server.body_seconds), 408)
        else:
            self.close()

    def _end_softly(self, answer: bytes = b"") -> None:
        # Closed at once, an answer can be lost: a reset overtakes it where something was sent that nobody read.
        self._is_ending = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.write_eof()
            self._is_due_in(_READ_ANSWER_SECONDS)

    def _is_due_in(self, seconds: float) -> None:
        self._due_at = self._loop.time() + seconds if seconds else _NEVER

    # One message after the other

    def _read_next(self) -> None:
        while self._received and not (self._is_busy or self._is_ending or self._is_handed_over):
            if self._received[0] == 13 and (empty := _EMPTY_LINES.match(self._received)):
                # Some send an empty line too much behind a body (RFC 9112 section 2.2).
                self._received = self._received[empty.end() :]
                continue
            end = self._heads.find_end(self._received)
            if end is None and not self._is_reading_head:
                self._is_reading_head = True
                self._is_due_in(self._server.head_seconds)
            if end is None:
                return
            read = self._heads.read(self._received[:end])
            if read is None:
                self._hand_over()
                return
            self._begin(*read, end)

    def _begin(self, head: RequestHead, length: int | None, end: int) -> None:
        """``end``: where in what was received the head ends."""
        message, fault = self._received, None
        if length is not None and len(message) >= end + length:
            # As good as always the whole body came with its head.
            piece, taken, self._framing = message[end : end + length], end + length, None
        else:
            framing = ChunkedFraming() if length is None else LengthFraming(length)
            try:
                piece, of_body = framing.take(message[end:])
            except ValueError as error:
                piece, of_body, fault = b"", 0, malformed_body(error)
            taken, self._framing = end + of_body, None if framing.is_whole else framing
        self._received = message[taken:]
        self._is_busy, self._is_answered, self._is_reading_head = True, False, False
        self._is_last = self._is_last or not head.keeps_alive
        self._due_at = _NEVER
        if handle := self._server.handle if head.is_for_gateway else self._server.polled.get(head.path):
            self._is_at_aiohttp = False
            self._begin_exchange(handle, head, length, piece)
        else:
            if self._framing is not None:
                self._is_due_in(self._server.body_seconds)
            self._open_aiohttp().data_received(message[:taken])
        if fault is not None:
            self._refuse_body(fault)

    def _begin_exchange(self, handle: Handle, head: RequestHead, length: int | None, piece: bytes) -> None:
        body = EMPTY
        if length != 0:
            self._body = body = BodyStream(self._input.stop, self._input.start)
            body.feed(piece, is_last=self._framing is None)
        try:
            answering = handle(Request(head, length, body, self), head.path, head.query)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the client without an answer
            emit(DefectFound("http", repr(error)[:200]))
            self._end_softly(last_answer(500, FAULT))
            return
        self.exchange = self._loop.create_task(answering)
        self.exchange.add_done_callback(self._exchange_ended)

    def _take_body(self, framing: LengthFraming | ChunkedFraming, data: bytes) -> bytes:
        """Returns what of ``data`` comes after the body."""
        try:
            piece, taken = framing.take(data)
        except ValueError as fault:
            self._refuse_body(malformed_body(fault))
            return b""
        if framing.is_whole:
            self._framing = None
        if self._body is not None:
            self._body.feed(piece, is_last=framing.is_whole)
        elif self._is_at_aiohttp and self._aiohttp is not None:
            if not self._is_answered:
                self._is_due_in(_NEVER if framing.is_whole else self._server.body_seconds)
            self._aiohttp.data_received(data[:taken])
        if framing.is_whole and self._is_answered:
            self._end_message()
        return data[taken:]

    def _refuse_body(self, fault: str, status: int = 400) -> None:
        self._framing = None
        if self._body is not None:
            self._is_ending = True
            self._body.fault = fault
            self._body.fail(ConnectionAbortedError(fault))
        elif self._is_at_aiohttp and self._aiohttp is not None and not self._is_answered:
            self._is_ending = True
            self._is_due_in(_LINGER_SECONDS)
            self._aiohttp.refuse_body(status, fault)
        else:
            self.close()

    def _open_aiohttp(self) -> AiohttpSide:
        self._is_at_aiohttp = True
        if self._aiohttp is None:
            self._aiohttp = self._server.aiohttp_protocol(self._answered_soon)
            if self.transport is not None:
                self._aiohttp.connection_made(self.transport)
            if self._output.is_full:
                self._aiohttp.pause_writing()
        return self._aiohttp

    def _hand_over(self) -> None:
        """Something is not as HTTP asks for: aiohttp's parser says what."""
        self._is_handed_over = True
        self._is_due_in(self._server.head_seconds)
        protocol = self._open_aiohttp()
        protocol.refuses = True
        data, self._received = self._received, b""
        protocol.data_received(data)

    # The end of a message

    def _exchange_ended(self, exchange: asyncio.Task[AlreadySent]) -> None:
        self.exchange = self._body = None
        error = None if exchange.cancelled() else exchange.exception()
        if error is not None:
            emit(DefectFound("http", repr(error)[:200]))
        self._answered(not exchange.cancelled() and error is None and exchange.result().keep_alive)

    def _answered_soon(self, stays: bool) -> None:
        # aiohttp looks once more at what it has got before it waits for more.
        self._loop.call_soon(self._answered, stays)

    def _answered(self, stays: bool) -> None:
        if self.transport is None:
            return
        self._is_answered = True
        self._is_last = self._is_last or not stays
        self._input.start()
        if self._framing is None or self._is_ending or self._is_handed_over:
            self._end_message()
        else:
            self._is_due_in(_LINGER_SECONDS)

    def _end_message(self) -> None:
        self._is_busy = False
        if self._is_ending or self._is_handed_over:
            self._end_softly()
        elif self._is_last:
            self.close()
        else:
            self._is_due_in(_KEEP_ALIVE_SECONDS)
            self._read_next()
