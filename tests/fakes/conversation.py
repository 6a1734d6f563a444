"""One request as the stand-in for Ollama got it, and what a script may do with its connection."""

import asyncio
import hashlib
import json
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

KEPT_BODY_BYTES = 1 << 20
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
RST_AVOIDANCE_SECONDS = 0.5  # what Go's server waits before it closes over an upload that it did not read


@dataclass(eq=False)
class Request:
    """One request as it came in. The body is hashed; its first MiB (``KEPT_BODY_BYTES``) is kept.

    ``hung_up`` is set when the client went away before the answer's script had ended, at
    ``hung_up_at`` by ``time.monotonic``. ``answered`` is set when the script has ended, in whatever way.
    ``connection`` counts connections from 1, so equal numbers mean that one was used again.
    """

    head: bytes
    connection: int
    arrived_at: float = field(default_factory=time.monotonic)
    body_length: int = 0
    body_start: bytes = b""
    body_is_complete: bool = False
    body_hash: Any = field(default_factory=hashlib.sha256, repr=False)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    hung_up_at: float | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    def __post_init__(self) -> None:
        request_line, *lines = self.head.decode("latin-1").split("\r\n")[:-2]
        self.method, self.target, self.version = request_line.split(" ")
        self.headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.body_is_complete = not self.header("Transfer-Encoding") and not int(self.header("Content-Length") or 0)

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def body(self) -> bytes:
        """The whole body; an error when it was longer than what is kept."""
        if self.body_length != len(self.body_start):
            raise ValueError(f"only {len(self.body_start)} of {self.body_length} bytes are kept")
        return self.body_start

    @property
    def body_sha256(self) -> str:
        digest: str = self.body_hash.hexdigest()
        return digest

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name; None when it was not sent."""
        return next((value for known, value in self.headers if known.lower() == name.lower()), None)

    def json(self) -> Any:
        return json.loads(self.body)


class Conversation:
    """The server's side of one request: what a script may do with it."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.is_closed = False
        self.client_is_gone = asyncio.Event()
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are; return when the kernel has taken them."""
        self._writer.write(data)
        await self._writer.drain()

    async def read_upload(self) -> None:
        """Read the request's body to its end, saying ``100 Continue`` first where it was asked for, as Go does."""
        request = self.request
        if request.body_is_complete:
            return
        if (request.header("Expect") or "").lower() == "100-continue" and not request.body_length:
            await self.send(CONTINUE)
        if (request.header("Transfer-Encoding") or "").lower() == "chunked":
            while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
                await self._read_exactly(size)
                await self._reader.readexactly(2)
            while await self._reader.readuntil(b"\r\n") != b"\r\n":
                pass  # trailers
        else:
            await self._read_exactly(int(request.header("Content-Length") or 0))
        request.body_is_complete = True

    async def _read_exactly(self, length: int) -> None:
        request = self.request
        while length:
            piece = await self._reader.read(min(length, 1 << 16))
            if not piece:
                raise ConnectionResetError("the client hung up in the middle of its upload")
            length -= len(piece)
            request.body_length += len(piece)
            request.body_start += piece[: KEPT_BODY_BYTES - len(request.body_start)]
            request.body_hash.update(piece)

    async def hold(self) -> None:
        """Say nothing until the client hangs up."""
        await self.client_is_gone.wait()

    def note_end_of_client(self) -> bool:
        """The client's side has ended; return whether that was before the answer had."""
        self.client_is_gone.set()
        if self.is_closed or self.request.answered.is_set():
            return False
        self.request.hung_up_at = self.request.hung_up_at or time.monotonic()
        self.request.hung_up.set()
        return True

    async def close(self) -> None:
        """End the connection in order. Over an unread upload: as Go does, so that the answer is not lost in a RST."""
        self.is_closed = True
        if not self.request.body_is_complete:
            with suppress(OSError):
                self._writer.write_eof()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.client_is_gone.wait(), RST_AVOIDANCE_SECONDS)
        self._writer.close()

    def reset(self) -> None:
        """End the connection with a RST."""
        self.is_closed = True
        raw: socket.socket = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()


Script = Callable[[Conversation], Awaitable[None]]
