"""The clients of a measurement. Each answer is compared with what the upstream sent, byte for byte.

A load that is told to stop sends nothing new and waits for what it asked already, so that the number of requests is
exact and can be compared with the number of records. (wrk cuts its connections off in mid-exchange instead.)
"""

import asyncio
import operator
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

from tests.benchmarks.apis import OLLAMA, Api
from tests.benchmarks.messages import LAST_CHUNK, post

DRAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a gateway listens, what it wants before Ollama's own path, and what is asked there.

    ``headers`` are whole lines that this gateway needs. ``is_same`` says of an answer whether it is the expected one.
    """

    port: int
    prefix: str = ""
    api: Api = OLLAMA
    headers: str = ""
    is_same: Callable[[bytes, bytes], bool] = operator.eq

    def small(self) -> bytes:
        """The bytes of a call for a small exchange."""
        return post(self.prefix + self.api.path, self.api.small_request, self.headers)

    def stream(self, chunks: int, interval: float) -> bytes:
        """The bytes of a call for a stream of ``chunks``, one every ``interval`` seconds."""
        query, body = self.api.stream(chunks, interval)
        return post(self.prefix + self.api.path + query, body, self.headers)


@dataclass(frozen=True, slots=True)
class Result:
    """What one load did.

    ``seconds`` is how long it lasted, ``gaps`` the seconds between arrivals of a stream. ``first_bytes`` are seconds
    from a request to the first byte of its answer, of the answers that were as they should be.
    """

    requests: int
    chunks: int
    errors: int
    seconds: float
    gaps: Sequence[float] = ()
    first_bytes: Sequence[float] = ()


def body_of(received: bytes) -> bytes | None:
    """The body of a whole answer; None while it is not whole. An answer that is no 200 has its status before it."""
    head, blank, rest = received.partition(b"\r\n\r\n")
    if not blank:
        return None
    lines = [line.lower() for line in head.split(b"\r\n")]
    body: bytes | None
    if b"transfer-encoding: chunked" in lines:
        body = _unchunked(rest)
    else:
        length = _content_length(lines)
        body = rest if len(rest) >= length else None
    if body is None or head.startswith(b"HTTP/1.1 200 "):
        return body
    return head.split(b"\r\n", 1)[0] + b"\n" + body


def _content_length(lines: Sequence[bytes]) -> int:
    values = (line[15:].strip() for line in lines if line.startswith(b"content-length:"))
    return next((int(value) for value in values if value.isdigit()), 0)


def _unchunked(rest: bytes) -> bytes | None:
    body = b""
    while True:
        size, newline, rest = rest.partition(b"\r\n")
        if not newline:
            return None
        try:
            length = int(size.split(b";")[0], 16)
        except ValueError:
            return b"no chunk: " + size
        if not length:
            return body if rest.endswith(b"\r\n") else None
        body += rest[:length]
        rest = rest[length + 2 :]


def exchanges(target: Target, connections: int, seconds: float) -> Result:
    """Small exchanges, one after the other on each of ``connections``."""
    return uvloop.run(_exchanges(target, connections, seconds))


async def _exchanges(target: Target, connections: int, seconds: float) -> Result:
    loop = asyncio.get_running_loop()
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(lambda: _Exchanges(target), "127.0.0.1", target.port)
        clients.append(client)
    begin = time.perf_counter()
    for client in clients:
        client.ask()
    await asyncio.sleep(seconds)
    for client in clients:
        client.may_ask = False
    await asyncio.wait([client.ended for client in clients], timeout=DRAIN_SECONDS)
    took = time.perf_counter() - begin
    for client in clients:
        client.leave()
    answered = sum(client.answered for client in clients)
    return Result(sum(client.asked for client in clients), 0, sum(client.asked for client in clients) - answered, took)


class _Exchanges(asyncio.Protocol):
    """One connection that asks again as soon as it was answered. ``asked`` - ``answered`` are its errors."""

    def __init__(self, target: Target) -> None:
        self.asked = self.answered = 0
        self.may_ask = True
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request, self._expected, self._is_same = target.small(), target.api.small_answer, target.is_same
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        self.asked += 1
        self._transport.write(self._request)

    def leave(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        # Most answers come in one piece with their length: these are not taken apart.
        if not (
            received.startswith(b"HTTP/1.1 200 ")
            and received.endswith(self._expected)
            and received.find(b"\r\n\r\n") + 4 + len(self._expected) == len(received)
        ):
            body = body_of(received)
            if body is None:
                self._received = received
                return
            # An answer that is another, or an error, came too: it is not taken for one.
            self.answered += self._is_same(body, self._expected)
        else:
            self.answered += 1
        self._received = b""
        if self.may_ask:
            self.ask()
        elif not self.ended.done():
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def streams(target: Target, number: int, chunks: int, interval: float) -> Result:
    """``number`` parallel streams of ``chunks`` chunks, one each ``interval`` seconds; their starts are spread."""
    return uvloop.run(_streams(target, number, chunks, interval))


async def _streams(target: Target, number: int, chunks: int, interval: float) -> Result:
    loop = asyncio.get_running_loop()
    request = target.stream(chunks, interval)
    begin = time.perf_counter()
    clients = []
    for _ in range(number):
        _, client = await loop.create_connection(lambda: _Stream(request), "127.0.0.1", target.port)
        client.ask()
        clients.append(client)
        await asyncio.sleep(10 * interval / number)
    return await _ended_streams(clients, begin, target, chunks, interval)


def burst(target: Target, number: int, chunks: int, interval: float) -> Result:
    """``number`` streams that are all asked for at the same moment, on connections that are open already."""
    return uvloop.run(_burst(target, number, chunks, interval))


async def _burst(target: Target, number: int, chunks: int, interval: float) -> Result:
    loop = asyncio.get_running_loop()
    request = target.stream(chunks, interval)
    clients = []
    for _ in range(number):
        _, client = await loop.create_connection(lambda: _Stream(request), "127.0.0.1", target.port)
        clients.append(client)
    # Each gateway has accepted them by then.
    await asyncio.sleep(0.05)
    begin = time.perf_counter()
    for client in clients:
        client.ask()
    return await _ended_streams(clients, begin, target, chunks, interval)


async def _ended_streams(
    clients: Sequence["_Stream"], begin: float, target: Target, chunks: int, interval: float
) -> Result:
    await asyncio.wait([client.ended for client in clients], timeout=chunks * interval + DRAIN_SECONDS)
    took = time.perf_counter() - begin
    expected = target.api.stream_answer(chunks)
    whole = [client for client in clients if target.is_same(client.body() or b"", expected)]
    first_bytes = [client.at[0] - client.asked_at for client in whole]
    gaps = [later - sooner for client in clients for sooner, later in zip(client.at, client.at[1:], strict=False)]
    for client in clients:
        client.leave()
    number = len(clients)
    return Result(number, number * chunks, number - len(whole), took, gaps, first_bytes)


class _Stream(asyncio.Protocol):
    """One stream; while it runs, its bytes are only put aside and their times noted."""

    def __init__(self, request: bytes) -> None:
        self.asked_at = 0.0
        self.at: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        self.asked_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.at.append(time.perf_counter())
        self._pieces.append(data)
        end = data if len(data) >= len(LAST_CHUNK) or len(self._pieces) < 2 else self._pieces[-2] + data
        # An error ends as its length says; a stream is looked at only where it may have ended.
        may_end = end.endswith(LAST_CHUNK) or b"chunked" not in self._pieces[0].lower()
        if may_end and not self.ended.done() and self.body() is not None:
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def leave(self) -> None:
        self._transport.close()

    def body(self) -> bytes | None:
        """The body without its chunks; None when it was no whole answer."""
        return body_of(b"".join(self._pieces))


def latencies(targets: Sequence[Target], rounds: int) -> list[list[float]]:
    """Seconds of small exchanges on one connection for each target, taken in turn, ``rounds`` times; errors raise."""
    requests = [target.small() for target in targets]
    connections = [socket.create_connection(("127.0.0.1", target.port), timeout=DRAIN_SECONDS) for target in targets]
    taken: list[list[float]] = [[] for _ in targets]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for _ in range(rounds):
            for target, connection, request, times in zip(targets, connections, requests, taken, strict=True):
                begin = time.perf_counter()
                connection.sendall(request)
                received = connection.recv(65536)
                while (body := body_of(received)) is None:
                    piece = connection.recv(65536)
                    if not piece:
                        raise ConnectionError(f"an answer broke off: {received[:200]!r}")
                    received += piece
                times.append(time.perf_counter() - begin)
                if not target.is_same(body, target.api.small_answer):
                    raise ConnectionError(f"another answer than the upstream's: {body[:200]!r}")
    finally:
        for connection in connections:
            connection.close()
    return taken
