"""Two Ollamas behind one recorder, each with models of its own, whose answers can be held."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from service.app import App
from tests.fakes.ollama import KEPT_BODY_BYTES, FakeOllama, early, json_answer, whole
from tests.gateway.harness import RawAnswer
from tests.running_app import ask, running
from tests.sharing.held import ANSWER

CHATS = ("/api/chat", "/api/generate", "/api/embed", "/v1/chat/completions", "/v1/messages")


class OneOfTwo:
    """A stand-in for one Ollama. ``models`` it has, ``loaded`` it has in memory; ``served`` are the prompts it got."""

    def __init__(self, ollama: FakeOllama) -> None:
        self.ollama = ollama
        self.models: list[str] = []
        self.loaded: list[str] = []
        self.served: list[str] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.be_well()

    def be_well(self) -> None:
        """Answer as an Ollama does."""
        self.ollama.answers("/api/version", json_answer({"version": "0.34.0"}))
        self.ollama.answers("/api/tags", self._list("models"))
        self.ollama.answers("/api/ps", self._list("loaded"))
        self.ollama.answers("/v1/models", self._v1)
        for path in CHATS:
            self.ollama.answers(path, self._chat)

    def answer_all(self, script: Any) -> None:
        """Answer whatever is asked by ``script``; ``answer(HOLD)``: with nothing, ever."""
        for path in ("/api/version", "/api/tags", "/api/ps", "/v1/models", "/api/show", *CHATS):
            self.ollama.answers(path, script)

    @property
    def name(self) -> str:
        """As the recorder calls it."""
        return self.ollama.url.partition("://")[2]

    def asked(self, path: str) -> int:
        """How often this path was asked for."""
        return sum(request.path == path for request in self.ollama.requests)

    def _list(self, which: str) -> Any:
        async def script(conversation: Any) -> None:
            names = [f"{name}:latest" for name in getattr(self, which)]
            models = [{"name": name, "model": name, "context_length": 4096, "at": self.name} for name in names]
            await json_answer({"models": models})(conversation)

        return script

    async def _v1(self, conversation: Any) -> None:
        data = [{"id": f"{name}:latest", "object": "model", "owned_by": "library"} for name in self.models]
        await json_answer({"object": "list", "data": data})(conversation)

    async def _chat(self, conversation: Any) -> None:
        await conversation.read_upload()
        is_long = conversation.request.body_length > KEPT_BODY_BYTES or not conversation.request.body.startswith(b"{")
        short: Any = {"model": self.models[0], "prompt": "long"}
        body = short if is_long else json.loads(conversation.request.body)
        self.served.append(str(body["messages"][-1]["content"] if "messages" in body else body.get("prompt")))
        await self.let_go.wait()
        if body["model"].partition(":")[0].lower() not in self.models:
            await json_answer({"error": f"model '{body['model']}' not found"}, status=404)(conversation)
        else:
            await early(whole(json.dumps(ANSWER).encode()))(conversation)


@asynccontextmanager
async def pair(folder: Path, **settings: str) -> AsyncIterator[tuple[App, OneOfTwo, OneOfTwo]]:
    """A recorder in front of two; each has the model ``tiny``, and one of its own: ``left`` and ``right``."""
    async with FakeOllama() as first, FakeOllama() as second:
        one, other = OneOfTwo(first), OneOfTwo(second)
        one.models, other.models = ["tiny", "left"], ["tiny", "right"]
        urls = f"{first.url},{second.url}"
        async with running(folder / "data", None, OLLAMA_URL=urls, **settings) as app:
            try:
                yield app, one, other
            finally:
                one.let_go.set()
                other.let_go.set()


async def chat(app: App, text: str, model: str = "tiny", labels: str = "", **more: Any) -> RawAnswer:
    """A chat with ``model``."""
    body = {"model": model, "stream": False, "messages": [{"role": "user", "content": text}], **more}
    path = f"/api/ollama/~{labels}/api/chat" if labels else "/api/ollama/api/chat"
    return await ask(app, path, json.dumps(body).encode())
