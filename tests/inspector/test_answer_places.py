"""Large answers that nobody reads take no more than their places."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.app import App
from service.inspector import answer_places
from tests.fakes.ollama import FakeOllama
from tests.running_app import ask, chat, get, running, until

# More than a kernel holds for a connection.
TEXT = "lorem ipsum dolor sit amet " * 450_000
# Only one has room beside such bodies.
KEEP = str(16 << 20)


@asynccontextmanager
async def recorded(folder: Path) -> AsyncIterator[tuple[App, str]]:
    """A recorder with one long exchange, and the id of that."""
    async with FakeOllama() as ollama, running(folder, OLLAMA_URL=ollama.url, KEEP_BODY_BYTES=KEEP) as app:
        identifier = await chat(app, TEXT)

        async def is_kept() -> bool:
            return (await get(app, f"/exchanges/{identifier}/request", "HEAD")).status == 200

        await until(is_kept)
        yield app, identifier


@asynccontextmanager
async def begun(app: App, path: str) -> AsyncIterator[asyncio.StreamReader]:
    """Asked, and no more read than the head."""
    connected = socket.socket()
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    connected.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", app.port))
    reader, writer = await asyncio.open_connection(sock=connected, limit=1024)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    async with asyncio.timeout(20):
        await reader.readuntil(b"\r\n\r\n")
    try:
        yield reader
    finally:
        writer.close()


async def test_who_reads_gets_all_of_it(tmp_path: Path) -> None:
    async with recorded(tmp_path) as (app, identifier):
        for _ in range(2):
            got = await get(app, f"/exchanges/{identifier}/request")
            assert (got.status, json.loads(got.body)["messages"][0]["content"]) == (200, TEXT)
            assert got.header("Content-Length") == str(len(got.body))
        assert (await get(app, f"/exchanges/{identifier}/request", "HEAD")).status == 200


async def test_one_who_reads_nothing_keeps_a_place_for_a_while_and_others_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_places, "_WAIT_SECONDS", 0.1)
    async with recorded(tmp_path) as (app, identifier):
        path = f"/exchanges/{identifier}/request"
        async with begun(app, path):
            got = await get(app, path)
            assert (got.status, got.header("Retry-After")) == (503, "5")
            assert "try again later" in json.loads(got.body)["error"]
            # What is small by nature needs no place.
            for small in ("/status.json", "/metrics", "/stats.json", "/"):
                assert (await get(app, small)).status == 200
        async with asyncio.timeout(20):
            while (await get(app, path)).status != 200:
                await asyncio.sleep(0.05)


async def test_one_who_reads_nothing_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_places, "PATIENCE_SECONDS", 0.2)
    async with recorded(tmp_path) as (app, identifier):
        path = f"/exchanges/{identifier}/request"
        async with begun(app, path) as reader:
            assert (await get(app, path)).status == 200
            # Half an answer does not look like a whole one.
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await reader.readexactly(len(TEXT))


async def test_a_question_that_cannot_be_answered_frees_its_place(tmp_path: Path) -> None:
    async with recorded(tmp_path) as (app, _):
        for path, status in (("/exchanges.json?limit=x", 400), (f"/exchanges/{'0' * 32}.json", 404)) * 2:
            assert (await ask(app, path, b"", "GET")).status == status
