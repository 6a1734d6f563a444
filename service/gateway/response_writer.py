"""The bytes towards the client: one answer's head, its framing, and room for a reader that is slow.

Nothing is added to Ollama's headers that is not the gateway's own. A piece is one write.
"""

import socket
import struct
from typing import Final

from service.gateway.request import Request

_DRAIN_BYTES: Final = 64 * 1024


class ResponseWriter:
    """One answer on its way out. Every method raises ConnectionResetError when the client is gone."""

    __slots__ = ("_head", "_is_chunked", "_request", "_unread", "has_begun", "is_framed", "stays_connected")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._head = b""
        self._is_chunked = False
        self._unread = 0
        self.has_begun = False
        self.is_framed = False
        self.stays_connected = False

    def invite(self) -> None:
        """Answer ``Expect: 100-continue``, where the request says so: the body may come."""
        transport = self._request.client.transport
        if transport is not None and self._request.head.wants_invitation:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def start(
        self, status: int, reason: bytes, lines: list[bytes], length: int | None, has_body: bool, may_stay: bool
    ) -> None:
        """Make the head; it goes out with the first piece, or with ``send_head``.

        ``length`` is the body's, None when it is not known: then the body is chunked, or, for HTTP/1.0, ends with the
        connection. Without a body (HEAD, 204, 304) ``length`` is sent all the same.
        """
        is_1_1 = self._request.head.minor == 1
        head = [b"HTTP/1.%d %d %b\r\n" % (is_1_1, status, reason), *lines]
        self._is_chunked = has_body and length is None and is_1_1
        if length is not None:
            head.append(b"Content-Length: %d\r\n" % length)
        elif self._is_chunked:
            head.append(b"Transfer-Encoding: chunked\r\n")
        self.is_framed = length is not None or self._is_chunked or not has_body
        self.stays_connected = may_stay and self.is_framed and self._request.head.keeps_alive
        if not self.stays_connected:
            head.append(b"Connection: close\r\n")
        elif not is_1_1:
            head.append(b"Connection: keep-alive\r\n")
        head.append(b"\r\n")
        self._head = b"".join(head)

    def send_head(self) -> None:
        self._send(b"")

    def send(self, piece: bytes) -> bool:
        """Send a piece at once. True: enough went out that ``drain`` should be waited for."""
        if self._is_chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self._send(piece)
        self._unread += len(piece)
        return self._unread > _DRAIN_BYTES

    async def drain(self) -> None:
        """Wait while the client reads more slowly than Ollama writes."""
        self._unread = 0
        await self._request.client.drain()

    def finish(self, last_piece: bytes) -> None:
        """Send the last piece (it may be empty) and the end of the body."""
        if self._is_chunked:
            if last_piece:
                self._send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(last_piece), last_piece))
            else:
                self._send(b"0\r\n\r\n")
        elif last_piece or self._head:
            self._send(last_piece)

    def _send(self, data: bytes) -> None:
        transport = self._request.client.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        if self._head:
            data = self._head + data
            self._head = b""
            self.has_begun = True
        transport.write(data)

    def hang_up(self) -> None:
        """End the connection so that the client sees an incomplete answer: no final chunk, nothing appended."""
        transport = self._request.client.transport
        if transport is None:
            return
        if self.is_framed or not self.has_begun:
            transport.close()
        else:
            # An answer that ends with the connection would look whole after an orderly close, and without
            # SO_LINGER abort() is one: only a reset tells.
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
