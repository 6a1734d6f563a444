"""A whole recorder in the test's own event loop, and how its addresses are asked."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service.app import App
from service.logs import Output
from service.settings import read_settings
from tests.gateway.harness import RawAnswer, request_bytes, talk

PATH = "/api/ollama/api/chat"
CHAT = b'{"model":"tiny","messages":[{"role":"user","content":"hi"}]}'
# An address that is not this machine's, as a trusted proxy tells it.
ELSEWHERE = {"X_Forwarded_For": "203.0.113.9"}


@asynccontextmanager
async def running(folder: Path, said: io.BytesIO | None = None, **environment: str) -> AsyncIterator[App]:
    """A whole recorder on a free port, its journal in ``folder``; an answer's record is there when it ends."""
    given = {"LISTEN": "127.0.0.1:0", "DATA_DIR": str(folder), "RECORD_BEFORE_REPLY": "strict", **environment}
    output = Output(said or io.BytesIO())
    app = App(read_settings(given), given, output)
    await app.start()
    try:
        yield app
    finally:
        await app.stop(drain_seconds=0.2)
        output.stop()


async def ask(app: App, path: str = PATH, body: bytes = CHAT, method: str = "", **headers: str) -> RawAnswer:
    """POST ``body``, or GET when it is empty."""
    return await talk(app.port, request_bytes(method or ("POST" if body else "GET"), path, body, **headers))


async def get(app: App, path: str, method: str = "GET", **headers: str) -> RawAnswer:
    return await ask(app, path, b"", method, **headers)


async def said(app: App, path: str, **headers: str) -> Any:
    """What a GET answers, read as JSON; it must be a 200."""
    got = await get(app, path, **headers)
    assert got.status == 200, got
    return json.loads(got.body)


async def chat(app: App, text: str, model: str = "tiny", path: str = PATH, **headers: str) -> str:
    """Send a chat through the gateway; the id of its exchange."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()
    got = await ask(app, path, body, **headers)
    return got.header("X-Exchange-Id") or ""


async def until(path_is: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until the coroutine function ``path_is`` returns something true, and return that."""
    async with asyncio.timeout(seconds):
        while not (found := await path_is()):
            await asyncio.sleep(0.01)
        return found


async def counted(app: App, *series: str) -> str:
    """What ``/metrics`` says, as soon as it says all of ``series``: an answer does not wait for being counted."""

    async def text() -> str:
        told = (await get(app, "/metrics")).body.decode()
        return told if all(one in told for one in series) else ""

    return str(await until(text))


async def found(app: App, query: str, count: int) -> list[dict[str, Any]]:
    """The entries that ``/exchanges.json?query`` answers with, as soon as there are ``count``: the index follows."""

    async with asyncio.timeout(20):
        while True:
            entries: list[dict[str, Any]] = (await said(app, f"/exchanges.json?{query}"))["exchanges"]
            if len(entries) == count:
                return entries
            await asyncio.sleep(0.01)
