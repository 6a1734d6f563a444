"""What the real Open WebUI shows its user of each refusal of the queue and of the limits."""

import asyncio
import contextlib
import json
import queue
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.ollama import CHUNKED, HOLD, FakeOllama, answer, chunk, head, token_line, usual_answer
from tests.integration.test_open_webui_itself import (
    MESSAGES,
    NAMED,
    OpenWebUI,
    open_webui_program,
    running_open_webui,
)
from tests.integration.watching import records
from tests.servers.process import RunningServer
from tests.servers.recorder import running_recorder

pytestmark = pytest.mark.long

LIMITS = """
[workflow."elsewhere"]
models = ["other"]

[workflow."often"]
requests_per_minute = 1

[workflow."thirsty"]
tokens_per_day = 10

[workflow."crowd"]
max_waiting = 0
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A recorder whose only place at Ollama is taken, by an answer that does not end."""
    folder = tmp_path_factory.mktemp("limited")
    (folder / "limits.toml").write_text(LIMITS)
    limits = str(folder / "limits.toml")
    with (
        standing_ollama() as url,
        running_recorder(folder, OLLAMA_URL=url, MAX_ACTIVE="1", QUEUE_TIMEOUT="1", LIMITS_FILE=limits) as server,
    ):
        with ask(server, "thirsty") as first:
            first.read()
        with ask(server, "holds") as held:
            held.readline()
            yield server


def ask(server: RunningServer, workflow: str) -> Any:
    """An answer that is just beginning. Raises HTTPError where it is a refusal."""
    body = {"model": NAMED, "messages": MESSAGES, "stream": True}
    address = f"{server.url}/api/ollama/~workflow={workflow}/api/chat"
    return urllib.request.urlopen(address, json.dumps(body).encode(), timeout=60)


@contextlib.contextmanager
def standing_ollama() -> Iterator[str]:
    """A stand-in that answers one chat and no further one to its end, in a loop of its own thread."""
    started: queue.Queue[tuple[asyncio.AbstractEventLoop, asyncio.Event, str]] = queue.Queue()

    async def serve() -> None:
        async with FakeOllama() as ollama:
            begun = answer(head(200, CHUNKED, "application/x-ndjson"), chunk(token_line("a")), HOLD)
            ollama.answers("/api/chat", usual_answer, begun)
            stop = asyncio.Event()
            started.put((asyncio.get_running_loop(), stop, ollama.url))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    loop, stop, url = started.get(timeout=20)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


@pytest.fixture(scope="module")
def webui(limited: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenWebUI]:
    folder = tmp_path_factory.mktemp("open-webui")
    with running_open_webui(open_webui_program(), folder, f"{limited.url}/api/ollama") as found:
        yield found


@pytest.mark.parametrize(
    ("workflow", "status", "words"),
    [
        ("elsewhere", 403, "workflow elsewhere may not use the model"),
        ("often", 429, "Workflow often may make 1 request a minute"),
        ("thirsty", 429, "Workflow thirsty may use 10 tokens a day"),
        ("crowd", 429, "which may have no calls waiting (max_waiting)"),
        ("late", 503, "No place at Ollama became free within 1 s"),
    ],
)
@pytest.mark.parametrize("form", ["ollama", "openai"])
def test_what_it_shows_of_a_refusal_is_our_sentence(
    form: str, workflow: str, status: int, words: str, webui: OpenWebUI, limited: RunningServer
) -> None:
    base = f"{limited.url}/api/ollama/~workflow={workflow}"
    is_openai = form == "openai"
    webui.json(
        "/ollama/config/update",
        {"ENABLE_OLLAMA_API": not is_openai, "OLLAMA_BASE_URLS": [base], "OLLAMA_API_CONFIGS": {}},
    )
    connection = {"OPENAI_API_BASE_URLS": [f"{base}/v1"], "OPENAI_API_KEYS": ["none"], "OPENAI_API_CONFIGS": {}}
    webui.json("/openai/config/update", {"ENABLE_OPENAI_API": is_openai, **connection})
    webui.json("/api/models?refresh=true")
    if workflow == "often":
        # It is let in and waits in vain, unless that was done less than a minute ago.
        with pytest.raises(urllib.error.HTTPError, match=r"503|429"):
            ask(limited, workflow)
    before = len(_refused(limited))
    # As a program asks it.
    asked: dict[str, Any] = {"model": NAMED, "messages": MESSAGES, "stream": True}
    got, said = webui.ask("/api/chat/completions", asked)
    assert (got, words in said.decode()) == (status, True), said
    # As its page does: what stands in the chat is what a person reads.
    question, reply = str(uuid.uuid4()), str(uuid.uuid4())
    messages = {
        question: {"id": question, "role": "user", "content": "Bonjour", "parentId": None, "childrenIds": [reply]},
        reply: {"id": reply, "role": "assistant", "content": "", "parentId": question, "childrenIds": []},
    }
    empty = {"title": "x", "models": [NAMED], "messages": [], "history": {"messages": messages, "currentId": reply}}
    chat = webui.json("/api/v1/chats/new", {"chat": empty})["id"]
    webui.ask("/api/chat/completions", {**asked, "chat_id": chat, "id": reply, "session_id": str(uuid.uuid4())})
    shown = _error_in(webui, chat, reply)
    assert words in shown
    # It does not try again by itself.
    calls = _refused(limited)[before:]
    assert [(call["status"], call["api"]) for call in calls] == [(status, form)] * 2
    assert shown == calls[-1]["error"]


def _refused(recorder: RunningServer) -> list[dict[str, Any]]:
    lines = [json.loads(kept.row.line) for kept in records(recorder.log.parent, 1)]
    return [line for line in lines if line["outcome"] == "refused"]


def _error_in(webui: OpenWebUI, chat: str, message: str) -> str:
    """What a chat says went wrong with an answer; it is written a moment later."""
    for _ in range(200):
        kept = webui.json(f"/api/v1/chats/{chat}")["chat"]["history"]["messages"][message]
        if "error" in kept:
            return str(kept["error"]["content"])
        time.sleep(0.1)
    raise AssertionError(kept)
