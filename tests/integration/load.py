"""Clients that speak raw bytes, and take an answer for complete only when its framing says so."""

import asyncio
import json
import math
import socket
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

CHAT = "/api/ollama/api/chat"
# What an answer that ended too early looks like to ``Client.ask``.
INCOMPLETE = (asyncio.IncompleteReadError, ConnectionError)


@dataclass(frozen=True, slots=True)
class Received:
    """A complete answer. ``seconds`` lie between the request's last byte and the answer's."""

    head: bytes
    body: bytes
    seconds: float

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def exchange(self) -> str:
        return header(self.head, "X-Exchange-Id") or ""

    def json(self) -> Any:
        return json.loads(self.body)


def header(head: bytes, name: str) -> str | None:
    """The first value of a header in an answer's ``head``; None when it is not there."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.decode().lower() == name.lower():
            return value.decode().strip()
    return None


def request_bytes(method: str, target: str, body: bytes = b"", **headers: str) -> bytes:
    """A request as it goes on the wire; in the names of ``headers`` an underscore stands for a hyphen."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost:8080"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def chat(prompt: str, *, stream: bool = True, **headers: str) -> bytes:
    """A request to Ollama's ``/api/chat`` through the recorder."""
    asked = {"model": "tiny", "messages": [{"role": "user", "content": prompt}], "stream": stream}
    return request_bytes("POST", CHAT, json.dumps(asked).encode(), **headers)


class Client:
    """One connection. It may ask again when an answer was complete."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, *, receive_buffer: int | None = None) -> Self:
        """A connection to loopback. ``receive_buffer``: bytes that the kernel takes for a client that does not read."""
        raw = socket.socket()
        raw.setblocking(False)
        try:
            if receive_buffer is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
            return cls(*await asyncio.open_connection(sock=raw, limit=1 << 18))
        except BaseException:
            raw.close()
            raise

    async def ask(self, request: bytes) -> Received:
        """Send ``request`` and read its answer; one of ``INCOMPLETE`` when the answer is not whole."""
        self.writer.write(request)
        await self.writer.drain()
        return await self.receive()

    async def receive(self) -> Received:
        """Read one answer to its end."""
        begun = time.monotonic()
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = b"".join([piece async for piece in self.pieces(head)])
        return Received(head, body, time.monotonic() - begun)

    async def pieces(self, head: bytes) -> AsyncIterator[bytes]:
        """The body under ``head`` as it comes: chunk by chunk, or what was read at once."""
        reader = self.reader
        if header(head, "Transfer-Encoding") == "chunked":
            while size := int(await reader.readuntil(b"\r\n"), 16):
                yield (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
            return
        left = int(header(head, "Content-Length") or 0)
        while left:
            piece = await reader.read(min(left, 1 << 16))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece

    async def leave(self) -> None:
        """Close the connection in order."""
        self.writer.close()
        with suppress(ConnectionError):  # the other side may be faster
            await self.writer.wait_closed()

    def vanish(self) -> None:
        """Close it with a RST, as a process that is killed with unread bytes does."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@asynccontextmanager
async def connected(port: int, *, receive_buffer: int | None = None) -> AsyncIterator[Client]:
    """A client of ``port`` that leaves at the end of the block."""
    client = await Client.connect(port, receive_buffer=receive_buffer)
    try:
        yield client
    finally:
        await client.leave()


async def ask_all(port: int, requests: Sequence[bytes], connections: int) -> list[Received]:
    """Send all ``requests``, in their order, over so many kept connections. Every answer has to be complete."""
    waiting = iter(requests)
    received: list[Received] = []

    async def worker() -> None:
        async with connected(port) as client:
            received.extend([await client.ask(request) for request in waiting])

    async with asyncio.TaskGroup() as group:
        for _ in range(min(connections, len(requests))):
            group.create_task(worker())
    return received


@dataclass(frozen=True, slots=True)
class Transcript:
    """All bytes that came back on one connection, until it ended (``was_reset``: by a RST)."""

    received: bytes
    was_reset: bool

    @property
    def head(self) -> bytes:
        return self.received.partition(b"\r\n\r\n")[0]

    @property
    def rest(self) -> bytes:
        """What came after the head: the body, still in its chunks."""
        return self.received.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def exchange(self) -> str:
        return header(self.head, "X-Exchange-Id") or ""

    @property
    def looks_complete(self) -> bool:
        """Whether a client would take it for a whole answer."""
        if header(self.head, "Transfer-Encoding") == "chunked":
            return self.rest.endswith(b"\r\n0\r\n\r\n")
        length = header(self.head, "Content-Length")
        return len(self.rest) == int(length) if length is not None else not self.was_reset


async def converse(port: int, sent: bytes, within: float = 10.0) -> Transcript:
    """Send bytes on a connection of their own and read until the other side ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received, was_reset = b"", False
    try:
        async with asyncio.timeout(within):
            writer.write(sent)
            while piece := await reader.read(1 << 16):
                received += piece
    except ConnectionError:
        was_reset = True
    finally:
        writer.close()
    return Transcript(received, was_reset)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of ``values`` that ``share`` of them do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
