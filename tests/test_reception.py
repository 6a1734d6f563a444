"""The one door: which requests are Ollama's, which are the recorder's own, and which are neither."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from service.gateway.admission import Policy
from service.gateway.call import RelaySettings, Seams
from service.gateway.gateway import SERVER_OPTIONS, Gateway
from service.gateway.relay import Relay
from service.gateway.upstream import Upstream
from service.inspector.pages import Pages, Sources
from service.reception import Reception
from service.record.exchange import Exchange
from service.settings import TABLE
from tests.fakes.ollama import FakeOllama
from tests.gateway.harness import request_bytes, talk


async def _ready() -> tuple[int, bytes]:
    return 200, b"{}"


async def _metrics() -> bytes:
    return b"a 1\n"


@asynccontextmanager
async def reception(ollama: FakeOllama, policy: Policy | None = None) -> AsyncIterator[tuple[int, list[Exchange]]]:
    """A door on a real socket: its port, and the exchanges that ended."""
    ended: list[Exchange] = []
    upstream = Upstream(ollama.url)
    settings = RelaySettings(ollama.url, 10.0, 1000)
    relay = Relay(Seams(upstream.send, lambda opened: None, ended.append, lambda: None, settings))
    policy = policy or Policy()
    trusted = TABLE["trusted_proxies"].read("loopback,private")
    pages = Pages(Sources("1.2.3", _ready, _metrics), "")
    door = Reception(Gateway(relay, policy, trusted), pages, policy, trusted)
    server = web.Server(door.handle, **SERVER_OPTIONS)  # type: ignore[arg-type]  # AlreadySent acts as a response
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1], ended
    finally:
        listening.close()
        await server.shutdown(1)
        upstream.close()


async def test_what_is_below_the_prefix_is_an_exchange_and_nothing_else_is() -> None:
    async with FakeOllama() as ollama, reception(ollama) as (port, ended):
        for target, status in (
            ("/", 200),
            ("/healthz", 200),
            ("/metrics", 200),
            ("/nothing", 404),
            ("/api/tags", 404),
            ("/api/ollamas", 404),
        ):
            assert (target, (await talk(port, request_bytes("GET", target))).status) == (target, status)
        assert ended == []
        for target, status in (
            ("/api/ollama", 200),
            ("/api/ollama/", 200),
            ("/api/ollama/api/tags", 200),
            ("/api/ollama/nothing", 404),
            ("//api/./ollama/api/tags", 200),
        ):
            assert (target, (await talk(port, request_bytes("GET", target))).status) == (target, status)
        assert len(ended) == 5
        assert [request.target for request in ollama.requests] == ["/", "/", "/api/tags", "/api/tags"]


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://localhost/api/ollama/api/tags", "localhost", 200),
        ("HTTP://localhost:8080/api/ollama/api/tags", "localhost:8080", 200),
        ("http://localhost", "localhost", 200),
        ("http://localhost/api/ollama/api/tags", "127.0.0.1", 400),
        ("http://evil.example/api/ollama/api/tags", "localhost", 400),
        ("http://evil.example/api/ollama/api/tags", "evil.example", 403),
        ("http://localhost@evil.example/", "localhost", 400),
        ("ftp://localhost/api/ollama/api/tags", "localhost", 400),
    ],
)
async def test_a_whole_address_must_be_that_of_the_host_header(target: str, host: str, status: int) -> None:
    async with FakeOllama() as ollama, reception(ollama) as (port, _):
        got = await talk(port, request_bytes("GET", target, host=host))
        assert got.status == status
        assert got.body.startswith(b'{"error":') or status == 200
        assert len(ollama.requests) == (1 if status == 200 and "tags" in target else 0)


async def test_own_pages_are_for_known_hosts_and_readers_of_this_machine() -> None:
    async with FakeOllama() as ollama, reception(ollama) as (port, _):
        assert (await talk(port, request_bytes("GET", "/metrics", host="evil.example"))).status == 403
        assert (await talk(port, request_bytes("GET", "/healthz", host="evil.example"))).status == 403
        elsewhere = request_bytes("GET", "/metrics", X_Forwarded_For="203.0.113.9")
        assert (await talk(port, elsewhere)).status == 401
        assert (await talk(port, elsewhere.replace(b"/metrics", b"/healthz"))).status == 200
    policy = Policy(allowed_hosts=frozenset({"recorder.example"}))
    async with FakeOllama() as ollama, reception(ollama, policy) as (port, _):
        assert (await talk(port, request_bytes("GET", "/metrics", host="recorder.example"))).status == 200
