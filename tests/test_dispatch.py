"""The one door: which requests are Ollama's, which are the recorder's own, and which are neither."""

import asyncio
import json
from pathlib import Path

import pytest

from service.journal.reader import Reader
from tests.fakes.ollama import FakeOllama, Request
from tests.gateway.harness import request_bytes, talk
from tests.running_app import ELSEWHERE, ask, get, running

# What the recorder asks by itself.
OWN = ("/api/version", "/api/ps", "/api/show")


def asked(ollama: FakeOllama) -> list[Request]:
    return [request for request in ollama.requests if request.path not in OWN]


async def recorded(folder: Path) -> int:
    reader = Reader(folder)
    try:
        return await asyncio.to_thread(reader.newest_number)
    finally:
        reader.close()


async def test_what_is_below_the_prefix_is_an_exchange_and_nothing_else_is(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for target, status in (
            ("/", 200),
            ("/healthz", 200),
            ("/metrics", 200),
            ("/exchanges.json", 200),
            ("/nothing", 404),
            ("/api/tags", 404),
            ("/api/ollamas", 404),
        ):
            assert (target, (await get(app, target)).status) == (target, status)
        assert await recorded(tmp_path) == 0
        for target, status in (
            ("/api/ollama", 200),
            ("/api/ollama/", 200),
            ("/api/ollama/api/tags", 200),
            ("/api/ollama/nothing", 404),
            ("//api/./ollama/api/tags", 200),
        ):
            assert (target, (await get(app, target)).status) == (target, status)
        assert await recorded(tmp_path) == 5
        assert [request.target for request in asked(ollama)] == ["/", "/", "/api/tags", "/api/tags"]


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
async def test_a_whole_address_must_be_that_of_the_host_header(
    target: str, host: str, status: int, tmp_path: Path
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        got = await talk(app.port, request_bytes("GET", target, host=host))
        assert got.status == status
        assert got.body.startswith(b'{"error":') or status == 200
        assert len(asked(ollama)) == (1 if status == 200 and "tags" in target else 0)


async def test_own_pages_are_for_known_hosts_and_readers_of_this_machine(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for path in ("/metrics", "/healthz", "/", "/exchanges.json"):
            assert (await talk(app.port, request_bytes("GET", path, host="evil.example"))).status == 403
        assert (await get(app, "/metrics", **ELSEWHERE)).status == 401
        assert (await get(app, "/healthz", **ELSEWHERE)).status == 200
        # A client in a trusted network claims to be this machine; the proxy beside us appends who it is.
        assert (await get(app, "/exchanges.json", X_Forwarded_For="127.0.0.1, 192.168.1.5")).status == 401
        assert (await get(app, "/exchanges.json", X_Forwarded_For="127.0.0.1")).status == 200


async def test_a_name_that_the_settings_allow_is_known(tmp_path: Path) -> None:
    async with running(tmp_path, ALLOWED_HOSTS="recorder.example") as app:
        assert (await talk(app.port, request_bytes("GET", "/metrics", host="recorder.example"))).status == 200


async def test_generate_is_asked_through_the_gateway_and_recorded_once(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        got = await ask(app, "/generate", b'{"prompt":"Hi"}', User_Agent="astro/1")
        assert got.status == 200
        answered = json.loads(got.body)
        # The first model that Ollama lists.
        assert answered["model"] == "tiny"
        assert answered["exchange"] == got.header("X-Exchange-Id")
        assert await recorded(tmp_path) == 1
        assert [request.path for request in asked(ollama)] == ["/api/tags", "/api/generate"]
