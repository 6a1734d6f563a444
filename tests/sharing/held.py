"""An Ollama whose answers wait until a test lets them go, and callers who name themselves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service.app import App
from tests.fakes.ollama import KEPT_BODY_BYTES, FakeOllama, Request, early, whole
from tests.gateway.harness import RawAnswer, request_bytes, talk
from tests.running_app import ask, running, said, until

ANSWER: dict[str, Any] = {
    "model": "tiny",
    "message": {"role": "assistant", "content": "yes"},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 30,
    "eval_count": 12,
    "total_duration": 2_000_000,
    "prompt_eval_duration": 1_000_000,
    "eval_duration": 1_000_000,
}


class HeldOllama:
    """Answers one call for each ``let_go``. ``prompts`` are those that came, in order."""

    def __init__(self, ollama: FakeOllama) -> None:
        self.ollama = ollama
        self.prompts: list[str] = []
        self._let_go = asyncio.Semaphore(0)
        for path in ("/api/chat", "/v1/chat/completions", "/v1/messages", "/api/generate", "/api/embed"):
            ollama.answers(path, self._script)

    async def _script(self, conversation: Any) -> None:
        await conversation.read_upload()
        self.prompts.append(_prompt(conversation.request))
        await self._let_go.acquire()
        await early(whole(json.dumps(ANSWER).encode()))(conversation)

    def let_go(self, count: int = 1) -> None:
        for _ in range(count):
            self._let_go.release()

    @property
    def last(self) -> Request:
        """The last request for a model."""
        return next(request for request in reversed(self.ollama.requests) if request.path == "/api/chat")

    async def chats(self, count: int) -> list[str]:
        """Wait until so many chats have come."""

        async def have_come() -> bool:
            return len(self.prompts) >= count

        await until(have_come)
        return self.prompts


def _prompt(request: Request) -> str:
    if request.body_length > KEPT_BODY_BYTES:
        return "long"
    body = json.loads(request.body)
    return str(body["messages"][-1]["content"] if "messages" in body else body.get("prompt"))


@asynccontextmanager
async def sharing(folder: Path, **settings: str) -> AsyncIterator[tuple[App, HeldOllama]]:
    """A whole recorder in front of a ``HeldOllama``."""
    async with FakeOllama() as ollama, running(folder / "data", None, OLLAMA_URL=ollama.url, **settings) as app:
        held = HeldOllama(ollama)
        try:
            yield app, held
        finally:
            held.let_go(10_000)


def call(app: App, text: str, labels: str = "", **more: Any) -> asyncio.Task[RawAnswer]:
    """A chat that is on its way, its caller named in the path."""
    body = {"model": "tiny", "stream": False, "messages": [{"role": "user", "content": text}], **more}
    path = f"/api/ollama/~{labels}/api/chat" if labels else "/api/ollama/api/chat"
    # With time enough for a machine that many share.
    return asyncio.create_task(talk(app.port, request_bytes("POST", path, json.dumps(body).encode()), within=60))


async def waiting(app: App, count: int) -> list[dict[str, Any]]:
    """Those who wait, as soon as there are ``count``."""

    async def found() -> list[dict[str, Any]] | bool:
        picture = await said(app, "/queue.json")
        calls: list[dict[str, Any]] = picture["waiting"]
        return (calls or True) if len(calls) == count else False

    result: Any = await until(found)
    return [] if result is True else list(result)


async def record(app: App, got: RawAnswer) -> dict[str, Any]:
    """The record of an answer."""
    identifier = got.header("X-Exchange-Id")

    async def kept() -> dict[str, Any]:
        answered = await ask(app, f"/exchanges/{identifier}.json", b"")
        return json.loads(answered.body) if answered.status == 200 else {}

    detail: dict[str, Any] = await until(kept)
    return detail


def words(got: RawAnswer) -> str:
    """The sentence of an error in Ollama's form."""
    return str(json.loads(got.body)["error"])
