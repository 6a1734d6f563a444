"""The clients of a measurement. Each answer is compared with what the upstream sent, byte for byte.

A load that is told to stop sends nothing new and waits for what it asked already, so that the number of requests is
exact and can be compared with the number of records. (wrk cuts its connections off in mid-exchange instead.)
"""

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import uvloop

from tests.benchmarks.messages import (
    CHAT_ANSWER,
    LAST_LINE,
    SMALL_REQUEST,
    STREAM_REQUEST,
    TOKEN_LINE,
    post,
)

DRAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where a gateway listens, and what it wants before Ollama's own path."""

    port: int
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What one load did. ``seconds`` is how long it lasted, ``gaps`` the seconds between arrivals of a stream."""

    requests: int
    chunks: int
    errors: int
    seconds: float
    gaps: Sequence[float] = ()


def exchanges(target: Target, connections: int, seconds: float) -> Result:
    """Small exchanges, one after the other on each of ``connections``."""
    return uvloop.run(_exchanges(target, connections, seconds))


async def _exchanges(target: Target, connections: int, seconds: float) -> Result:
    loop = asyncio.get_running_loop()
    request = post(target.prefix + "/api/chat", SMALL_REQUEST)
    clients = []
    for _ in range(connections):
        _, client = await loop.create_connection(lambda: _Exchanges(request), "127.0.0.1", target.port)
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

    def __init__(self, request: bytes) -> None:
        self.asked = self.answered = 0
        self.may_ask = True
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
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
        if not received.endswith(CHAT_ANSWER):
            self._received = received
            return
        self._received = b""
        if received.startswith(b"HTTP/1.1 200 ") and received.find(b"\r\n\r\n") + 4 + len(CHAT_ANSWER) == len(received):
            self.answered += 1
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
    request = post(f"{target.prefix}/api/chat?chunks={chunks}&interval={interval}", STREAM_REQUEST)
    begin = time.perf_counter()
    clients = []
    for _ in range(number):
        _, client = await loop.create_connection(lambda: _Stream(request), "127.0.0.1", target.port)
        clients.append(client)
        await asyncio.sleep(10 * interval / number)
    await asyncio.wait([client.ended for client in clients], timeout=chunks * interval + DRAIN_SECONDS)
    took = time.perf_counter() - begin
    expected = TOKEN_LINE * (chunks - 1) + LAST_LINE
    errors = sum(client.body() != expected for client in clients)
    gaps = [later - sooner for client in clients for sooner, later in zip(client.at, client.at[1:], strict=False)]
    for client in clients:
        client.leave()
    return Result(number, number * chunks, errors, took, gaps)


class _Stream(asyncio.Protocol):
    """One stream; while it runs, its bytes are only put aside and their times noted."""

    def __init__(self, request: bytes) -> None:
        self.at: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._pieces: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.at.append(time.perf_counter())
        self._pieces.append(data)
        if data.endswith(b"0\r\n\r\n"):
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def leave(self) -> None:
        self._transport.close()

    def body(self) -> bytes | None:
        """The body without its chunks; None when it was no complete 200."""
        head, _, rest = b"".join(self._pieces).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            return None
        body = b""
        while True:
            size, _, rest = rest.partition(b"\r\n")
            try:
                length = int(size, 16)
            except ValueError:
                return None
            if not length:
                return body
            body += rest[:length]
            rest = rest[length + 2 :]


def latencies(targets: Sequence[Target], rounds: int) -> list[list[float]]:
    """Seconds of small exchanges on one connection for each target, taken in turn, ``rounds`` times; errors raise."""
    requests = [post(target.prefix + "/api/chat", SMALL_REQUEST) for target in targets]
    connections = [socket.create_connection(("127.0.0.1", target.port), timeout=DRAIN_SECONDS) for target in targets]
    taken: list[list[float]] = [[] for _ in targets]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        for _ in range(rounds):
            for connection, request, times in zip(connections, requests, taken, strict=True):
                begin = time.perf_counter()
                connection.sendall(request)
                received = connection.recv(65536)
                while not received.endswith(CHAT_ANSWER):
                    piece = connection.recv(65536)
                    if not piece:
                        raise ConnectionError(f"an answer broke off: {received[:200]!r}")
                    received += piece
                times.append(time.perf_counter() - begin)
    finally:
        for connection in connections:
            connection.close()
    return taken
