"""One connection, fed with bytes: whoever answers, and however the bytes arrive, the answers are the same."""

import asyncio
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from service.gateway.call import AlreadySent
from service.gateway.client_connection import ClientConnection
from service.gateway.http_server import Bounds, HttpServer
from service.gateway.loop_quantum import LoopQuantum
from service.gateway.request import Request
from service.gateway.response_writer import ResponseWriter

GATEWAY = b"POST /api/ollama/api/chat HTTP/1.1\r\nHost: localhost\r\n"
PAGE = b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"
MALFORMED = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
POSTED = GATEWAY + b"Content-Length: 5\r\n\r\nhello"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n"

# What is sent on one connection, and what answers: G the gateway, P aiohttp, with the length of the body; a status.
FORMS: dict[str, tuple[bytes, list[str]]] = {
    "a body with its length": (POSTED, ["G5"]),
    "a body in chunks": (GATEWAY + CHUNKS, ["G5"]),
    "no body": (GATEWAY.replace(b"POST", b"GET") + b"\r\n", ["G0"]),
    "an encoded path": (POSTED.replace(b"/api/ollama", b"//%61pi/./ollama"), ["G5"]),
    "a whole address": (POSTED.replace(b" /api", b" http://localhost/api", 1), ["G5"]),
    "a page": (PAGE, ["P0"]),
    "a page that takes a body": (b"POST /p HTTP/1.1\r\nHost: localhost\r\n" + CHUNKS + POSTED, ["P5", "G5"]),
    "both in turn": (POSTED + PAGE + GATEWAY + CHUNKS + PAGE + PAGE + POSTED, ["G5", "P0", "G5", "P0", "P0", "G5"]),
    "empty lines between": (b"\r\n" + POSTED + b"\r\n\r\n" + PAGE, ["G5", "P0"]),
    "many at once": (POSTED * 40, ["G5"] * 40),
    "the last one": (POSTED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + POSTED, ["G5"]),
    "the last page": (PAGE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + POSTED, ["P0"]),
    "version 1.0": (POSTED.replace(b"HTTP/1.1", b"HTTP/1.0") + POSTED, ["G5"]),
    "a valid one and a malformed one": (POSTED + MALFORMED + POSTED, ["G5", "400"]),
    "a page and a malformed one": (PAGE + MALFORMED + POSTED, ["P0", "400"]),
    "an offer of another protocol": (POSTED.replace(b"\r\n\r\n", b"\r\nUpgrade: h2c\r\n\r\n") + POSTED, ["G5"]),
    "a page and an offer": (PAGE.replace(b"\r\n\r\n", b"\r\nUpgrade: websocket\r\n\r\n") + POSTED, ["P0"]),
    "another version": (POSTED.replace(b"HTTP/1.1", b"HTTP/3.1") + POSTED, ["400"]),
    "a length and chunks": (POSTED.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n") + POSTED, ["400"]),
    "a page that takes malformed chunks": (
        b"POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\nzz\r\n" + POSTED,
        ["400"],
    ),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01" + POSTED, ["400"]),
}


class Wire:
    """The transport of a connection; what is written to it is kept."""

    def __init__(self, connection: ClientConnection, address: str = "127.0.0.1") -> None:
        self._connection = connection
        self._address = address
        self._is_closing = False
        self.is_reading = True
        self.has_ended = False
        self.written = b""
        connection.connection_made(self)  # type: ignore[arg-type]  # acts as one

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self._address, 5) if name == "peername" else default

    def write(self, data: bytes) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)

    abort = close

    def write_eof(self) -> None:
        self.has_ended = True

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    async def send(self, data: bytes) -> None:
        """As a kernel would: not while nobody reads."""
        async with asyncio.timeout(20):
            while not (self.is_reading or self._is_closing):
                await asyncio.sleep(0)
        if not self._is_closing:
            self._connection.data_received(data)

    async def answers(self, number: int) -> list[str]:
        """Who answered, until there are so many answers and nothing more comes."""
        async with asyncio.timeout(20):
            while len(got := _read(self.written)) < number:
                await asyncio.sleep(0.001)
        for _ in range(10):
            await asyncio.sleep(0)
        return got


def _read(written: bytes) -> list[str]:
    return [
        (body or status).decode()
        for status, body in re.findall(rb"HTTP/1\.\d (\d+) .*?\r\n\r\n(?:([GP]\d+))?", written, re.DOTALL)
    ]


async def by_gateway(request: Request, path: str, query: str) -> AlreadySent:
    length = 0
    while piece := await request.body.read():
        length += len(piece)
    reply = ResponseWriter(request)
    answer = b"G%d" % length
    reply.start(200, b"OK", [], len(answer), has_body=True, may_stay=True)
    reply.finish(answer)
    return AlreadySent(reply.stays_connected)


async def by_aiohttp(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text=f"P{len(await request.read())}")


def served(**named: Any) -> HttpServer:
    handle = named.pop("handle", by_gateway)
    return HttpServer(handle, by_aiohttp, Bounds(**named), LoopQuantum())


def whole(sent: bytes, dice: random.Random) -> list[bytes]:
    return [sent]


def byte_by_byte(sent: bytes, dice: random.Random) -> list[bytes]:
    return [bytes((byte,)) for byte in sent]


def in_pieces(sent: bytes, dice: random.Random) -> list[bytes]:
    cuts = sorted(dice.sample(range(1, len(sent)), min(12, len(sent) - 1)))
    return [sent[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


async def test_a_great_many_empty_lines_are_passed_over_at_once() -> None:
    # One by one, each would be cut off all the others, and the event loop would do nothing else.
    server = served()
    wire = Wire(server())
    await wire.send(b"\r\n" * 500_000 + POSTED)
    assert await wire.answers(1) == ["G5"]
    await server.shutdown(1)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("cut", "seed"),
    [(whole, 0), (byte_by_byte, 0), *((in_pieces, seed) for seed in range(12))],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)
async def test_answers_are_the_same_however_requests_arrive(
    form: str, cut: Callable[[bytes, random.Random], list[bytes]], seed: int
) -> None:
    sent, expected = FORMS[form]
    server = served()
    wire = Wire(server())
    dice = random.Random(seed)
    for piece in cut(sent, dice):
        await wire.send(piece)
        for _ in range(dice.randint(0, 3)):
            await asyncio.sleep(0)
    assert await wire.answers(len(expected)) == expected
    await server.shutdown(1)


async def test_who_asks_for_much_at_once_is_not_read_on_until_the_first_is_answered() -> None:
    may_answer = asyncio.Event()

    async def slowly(request: Request, path: str, query: str) -> AlreadySent:
        await may_answer.wait()
        return await by_gateway(request, path, query)

    server = served(handle=slowly)
    wire = Wire(server())
    await wire.send(POSTED)
    for _ in range(8):
        wire._connection.data_received(POSTED * 200)
    was_reading = [wire.is_reading]
    may_answer.set()
    assert await wire.answers(1601) == ["G5"] * 1601
    assert [*was_reading, wire.is_reading] == [False, True]
    await server.shutdown(1)


async def test_an_upload_that_is_read_slowly_makes_its_client_wait() -> None:
    may_read = asyncio.Event()

    async def slowly(request: Request, path: str, query: str) -> AlreadySent:
        await may_read.wait()
        return await by_gateway(request, path, query)

    server = served(handle=slowly)
    wire = Wire(server())
    await wire.send(GATEWAY + b"Content-Length: 1000000\r\n\r\n")
    sent = 0
    while wire.is_reading:
        wire._connection.data_received(b"x" * 10_000)
        sent += 10_000
    assert sent < 400_000
    may_read.set()
    while sent < 1_000_000:
        await wire.send(b"x" * 10_000)
        sent += 10_000
    assert await wire.answers(1) == ["G1000000"]
    await server.shutdown(1)


@pytest.mark.parametrize(
    ("sent", "status"),
    [(b"", ""), (b"POST /api/oll", "408"), (GATEWAY, "408"), (POSTED + GATEWAY, "408"), (b"\x7f\x00 ", "400")],
)
async def test_a_head_has_to_be_whole_in_time(sent: bytes, status: str) -> None:
    server = served(head_seconds=0.2)
    wire = Wire(server())
    if sent:
        await wire.send(sent)
    async with asyncio.timeout(20):
        while not (wire.is_closing() or wire.has_ended):
            await asyncio.sleep(0.01)
    before = ["G5"] if sent.startswith(POSTED) else []
    assert await wire.answers(0) == before + ([status] if status else [])
    await server.shutdown(1)


async def test_a_connection_that_was_answered_may_be_idle_for_longer_than_a_head_may_take() -> None:
    server = served(head_seconds=0.1)
    wire = Wire(server())
    await wire.send(POSTED)
    assert await wire.answers(1) == ["G5"]
    await asyncio.sleep(0.4)
    await wire.send(POSTED)
    assert await wire.answers(2) == ["G5"] * 2
    await server.shutdown(1)
    assert wire.is_closing()


async def test_a_body_that_turns_bad_is_told_to_whoever_reads_it_and_nothing_behind_it_is_read() -> None:
    faults: list[str | None] = []

    async def reads(request: Request, path: str, query: str) -> AlreadySent:
        try:
            while await request.body.read():
                pass
        except OSError:
            faults.append(request.body.fault)
        reply = ResponseWriter(request)
        reply.start(400, b"Bad Request", [], 0, has_body=False, may_stay=False)
        reply.finish(b"")
        return AlreadySent(reply.stays_connected)

    server = served(handle=reads)
    wire = Wire(server())
    await wire.send(GATEWAY + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n")
    await asyncio.sleep(0)
    await wire.send(b"zz\r\n" + POSTED)
    assert await wire.answers(1) == ["400"]
    assert [fault and fault.partition(". ")[0] for fault in faults] == [
        "The request's body is no valid HTTP: the size of a chunk is malformed"
    ]
    assert wire.has_ended
    await server.shutdown(1)


@pytest.mark.parametrize("sent", [MALFORMED, GATEWAY + b"Content-Length: 5x\r\n\r\n"])
async def test_who_is_refused_while_it_still_sends_has_time_to_read_why(sent: bytes) -> None:
    server = served()
    wire = Wire(server())
    await wire.send(sent)
    assert await wire.answers(1) == ["400"]
    assert (wire.has_ended, wire.is_closing()) == (True, False)
    await wire.send(b"hello")
    assert await wire.answers(1) == ["400"]
    async with asyncio.timeout(20):
        while not wire.is_closing():
            await asyncio.sleep(0.01)
    await server.shutdown(1)
