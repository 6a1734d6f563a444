"""What comes for aiohttp before that is loaded: nothing of it is lost, and too much of it waits outside."""

import asyncio
import threading
from typing import Any

import pytest
from aiohttp import web

from service.events import DefectFound, counters
from service.gateway import late_aiohttp, malformed
from service.gateway.http_server import Bounds, HttpServer
from service.gateway.loop_quantum import LoopQuantum
from tests.gateway.test_client_connection import PAGE, Wire, by_aiohttp, by_gateway

POST = b"POST /p HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"


class Loading:
    """Lets the server be loaded when the test says so. ``fails``: it cannot be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = threading.Event()
        self.may_go_on = threading.Event()
        self.fails = False
        self._load = late_aiohttp._load
        monkeypatch.setattr(late_aiohttp, "_load", self)

    def __call__(self, handle: Any) -> Any:
        self.begun.set()
        assert self.may_go_on.wait(20)
        if self.fails:
            raise ImportError("no module named aiohttp")
        return self._load(handle)


@pytest.fixture
def loading(monkeypatch: pytest.MonkeyPatch) -> Loading:
    return Loading(monkeypatch)


def served(handle: Any = by_gateway) -> HttpServer:
    return HttpServer(handle, by_aiohttp, Bounds(), LoopQuantum(), {"/healthz": by_gateway})


async def test_exchanges_and_what_is_polled_go_on_while_it_is_loaded(loading: Loading) -> None:
    server = served()
    page, call, poll = Wire(server()), Wire(server()), Wire(server())
    await page.send(PAGE)
    assert await asyncio.to_thread(loading.begun.wait, 20)
    await call.send(b"POST /api/ollama/api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi")
    assert await call.answers(1) == ["G2"]
    await poll.send(PAGE.replace(b"/page", b"/healthz"))
    assert await poll.answers(1) == ["G0"]
    assert page.written == b""
    loading.may_go_on.set()
    assert await page.answers(1) == ["P0"]
    await page.send(PAGE)
    assert await page.answers(2) == ["P0", "P0"]
    await server.shutdown(1)


async def test_a_long_body_waits_outside_until_it_is_loaded(loading: Loading) -> None:
    server = served()
    wire = Wire(server())
    connection = wire._connection
    connection.data_received(POST % 100_000 + bytes(50_000))
    read_at_first = wire.is_reading
    connection.data_received(bytes(20_000))
    assert (read_at_first, wire.is_reading) == (True, False)
    loading.may_go_on.set()
    await wire.send(bytes(30_000) + PAGE)
    assert await wire.answers(2) == ["P100000", "P0"]
    await server.shutdown(1)


async def test_a_body_that_goes_wrong_meanwhile_is_refused_afterwards(loading: Loading) -> None:
    server = served()
    wire = Wire(server())
    chunked = b"POST /p HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n"
    await wire.send(chunked)
    await wire.send(b"zz\r\n")
    loading.may_go_on.set()
    assert await wire.answers(1) == ["400"]
    await server.shutdown(1)


async def test_what_is_no_http_is_refused_afterwards(loading: Loading) -> None:
    server = served()
    wire = Wire(server())
    await wire.send(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
    loading.may_go_on.set()
    assert await wire.answers(1) == ["400"]
    await server.shutdown(1)


async def test_whoever_leaves_meanwhile_is_not_answered(loading: Loading) -> None:
    server = served()
    wire, other = Wire(server()), Wire(server())
    await wire.send(PAGE)
    await other.send(PAGE)
    wire.close()
    loading.may_go_on.set()
    assert await other.answers(1) == ["P0"]
    assert wire.written == b""
    await server.shutdown(1)


async def told_of_a_fault(server: HttpServer) -> Wire:
    """A reader who is told, as the log is, that the fault is ours."""
    wire = Wire(server())
    before = counters()[DefectFound]._value.get()
    await wire.send(PAGE)
    assert await wire.answers(1) == ["500"]
    assert counters()[DefectFound]._value.get() == before + 1
    return wire


async def test_where_it_cannot_be_loaded_that_is_told_and_the_next_one_has_it_tried_again(loading: Loading) -> None:
    loading.fails = True
    loading.may_go_on.set()
    server = served()
    await told_of_a_fault(server)
    loading.fails = False
    another = Wire(server())
    await another.send(PAGE)
    assert await another.answers(1) == ["P0"]
    await server.shutdown(1)


async def test_where_its_side_cannot_be_made_the_client_is_told_and_let_go(
    loading: Loading, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("at 3 o'clock")

    monkeypatch.setattr(malformed.AiohttpServer, "protocol", fail)
    loading.may_go_on.set()
    server = served()
    wire = await told_of_a_fault(server)
    assert wire.is_closing()
    await server.shutdown(1)


async def test_a_server_can_end_meanwhile(loading: Loading) -> None:
    server = served()
    wire = Wire(server())
    await wire.send(PAGE)
    assert await asyncio.to_thread(loading.begun.wait, 20)
    await server.shutdown(1)
    assert wire.is_closing()
    loading.may_go_on.set()
    await asyncio.sleep(0)
    assert wire.written == b""


async def test_one_that_is_written_to_too_fast_is_so_afterwards_too(loading: Loading) -> None:
    server = HttpServer(by_gateway, _large, Bounds(), LoopQuantum())
    wire = Wire(server())
    await wire.send(PAGE)
    wire._connection.pause_writing()
    loading.may_go_on.set()
    async with asyncio.timeout(20):
        while not wire.written:
            await asyncio.sleep(0.001)
    for _ in range(10):
        await asyncio.sleep(0)
    assert b"the end" not in wire.written
    wire._connection.resume_writing()
    async with asyncio.timeout(20):
        while b"the end" not in wire.written:
            await asyncio.sleep(0.001)
    await server.shutdown(1)


async def _large(request: web.BaseRequest) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(bytes(100_000))
    await answer.write(b"the end")
    await answer.write_eof()
    return answer


async def test_a_parser_in_python_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiohttp.http_parser.HttpRequestParser", "aiohttp.http_parser.HttpRequestParserPy")
    monkeypatch.setattr("aiohttp.http_parser.HttpRequestParserPy", "aiohttp.http_parser.HttpRequestParserPy")
    with pytest.raises(ImportError, match="C parser"):
        late_aiohttp._load(by_aiohttp)
