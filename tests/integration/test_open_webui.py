"""What Open WebUI asks of Ollama, route by route, through the recorder.

The calls are those of ``backend/open_webui/routers/ollama.py`` and ``utils/headers.py`` of Open WebUI 0.12.4, sent
as it sends them: by aiohttp, JSON without spaces, ``Content-Type`` on each request, the signed-in user in headers.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import yaml

from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, head, recorded, whole
from tests.integration.recorder_process import Kept, RecorderProcess
from tests.integration.watching import asked, started
from tests.servers.ollama import MODEL, Ollama
from tests.servers.process import RunningServer
from tests.servers.recorder import PROJECT

pytestmark = pytest.mark.long

NAMED = f"{MODEL}:latest"  # it asks for models by the names that /api/tags gave it
CHAT = "86d04289-5645-4094-ab9b-50f8cde4a30a"
USER = {
    "X-OpenWebUI-User-Name": "Ada L%C3%B6velace",
    "X-OpenWebUI-User-Id": "bfecd4e7-9a1e-48ed-b5f8-9aa1baff023c",
    "X-OpenWebUI-User-Email": "ada@example.com",
    "X-OpenWebUI-User-Role": "admin",
}
BLOB = b"GGUF" + bytes(range(256)) * 8192
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
MESSAGES = [{"role": "user", "content": "Bonjour"}]
TOOL = {"type": "function", "function": {"name": "get_current_timestamp", "parameters": {"type": "object"}}}


@dataclass(frozen=True, slots=True)
class Call:
    """One request of Open WebUI's: ``sends`` is its JSON, ``in_a_chat`` adds the chat's id to the headers."""

    method: str
    path: str
    operation: str
    sends: dict[str, Any] | bytes | None = None
    in_a_chat: bool = False

    @property
    def body(self) -> bytes | None:
        if isinstance(self.sends, dict):
            return json.dumps(self.sends, ensure_ascii=False, separators=(",", ":")).encode()
        return self.sends

    def __str__(self) -> str:
        return f"{self.method} {self.path[:20]} {self.operation}"


def _post(path: str, operation: str, in_a_chat: bool = False, **sends: Any) -> Call:
    return Call("POST", path, operation, sends, in_a_chat)


USING = (
    Call("GET", "/api/version", "version"),
    Call("GET", "/api/tags", "list"),
    Call("GET", "/api/ps", "ps"),
    _post("/api/show", "show", model=NAMED),
    _post("/api/chat", "chat", True, model=NAMED, messages=MESSAGES, stream=True, options={"num_ctx": 512}),
    _post("/api/chat", "chat", True, model=NAMED, messages=MESSAGES, stream=True, tools=[TOOL]),
    # The title of a chat, its tags, its follow-ups.
    _post("/api/chat", "chat", True, model=NAMED, messages=MESSAGES, stream=False, options={"num_predict": 8}),
    _post("/api/generate", "generate", model=NAMED, prompt="a", stream=True),
    _post("/api/generate", "unload", model=NAMED, keep_alive=0, prompt=""),
    _post("/api/embed", "embed", model=NAMED, input=["a", "b"]),
    _post("/api/embed", "embed", input=["a page of a document"], model=NAMED, truncate=True),
    _post("/api/embeddings", "embed", model=NAMED, prompt="a"),
    _post("/v1/chat/completions", "chat", True, model=NAMED, messages=MESSAGES, stream=True),
    _post("/v1/chat/completions", "chat", True, model=NAMED, messages=MESSAGES),
    _post("/v1/completions", "generate", model=NAMED, prompt="a", stream=True),
    _post("/v1/embeddings", "embed", model=NAMED, input=["a"]),
    _post("/v1/messages", "chat", model=NAMED, max_tokens=8, messages=MESSAGES),
    _post("/v1/messages", "chat", model=NAMED, max_tokens=8, messages=MESSAGES, stream=True),
    _post("/v1/responses", "chat", model=NAMED, input="a"),
    _post("/v1/responses", "chat", model=NAMED, input="a", stream=True),
)
MANAGING = (
    _post("/api/pull", "pull", model="llama3.2", insecure=True),
    _post("/api/push", "push", model="ada/tiny:latest"),
    Call("POST", "/api/create", "create", {"model": "made", "from": NAMED, "system": "Be brief."}),
    _post("/api/copy", "copy", source=NAMED, destination="copied"),
    Call("DELETE", "/api/delete", "delete", {"model": "copied"}),
    Call("POST", f"/api/blobs/{DIGEST}", "blob", BLOB),
)


class OpenWebUI:
    """Asks the recorder as Open WebUI does for one signed-in user."""

    def __init__(self, recorder: RunningServer, session: aiohttp.ClientSession, user: dict[str, str]) -> None:
        self._session, self._user = session, user
        self.base = f"{recorder.url}/api/ollama"
        self.kept = RecorderProcess(recorder, recorder.log.parent / "data")

    async def ask(self, call: Call) -> tuple[int, bytes, Kept]:
        """Status and body of the answer, and the record."""
        headers = {"Content-Type": "application/json", **self._user}
        if call.in_a_chat and self._user:
            headers["X-OpenWebUI-Chat-Id"] = CHAT
        data: bytes | AsyncIterator[bytes] | None = call.body
        if isinstance(call.sends, bytes):
            headers |= {"Content-Type": "application/octet-stream", "Content-Length": str(len(call.sends))}
            data = in_pieces(call.sends)
        async with self._session.request(call.method, self.base + call.path, data=data, headers=headers) as reply:
            body = await reply.read()
            return reply.status, body, await self.kept.record(reply.headers["X-Exchange-Id"])


async def in_pieces(upload: bytes) -> AsyncIterator[bytes]:
    """As it reads a model's file."""
    for at in range(0, len(upload), 1 << 16):
        yield upload[at : at + (1 << 16)]


def body_of(answered: bytes) -> bytes:
    """The body of a recorded answer, without its framing."""
    its_head, _, rest = answered.partition(b"\r\n\r\n")
    if b"chunked" not in its_head.lower():
        return rest
    body = b""
    while (size := int(rest.partition(b"\r\n")[0], 16)) != 0:
        start = rest.index(b"\r\n") + 2
        body, rest = body + rest[start : start + size], rest[start + size + 2 :]
    return body


def who(kept: Kept) -> tuple[Any, ...]:
    return tuple(kept.line.get(name) for name in ("caller", "user", "execution_id"))


def test_the_page_tells_of_the_version_that_the_stack_starts_and_of_its_settings() -> None:
    page = (PROJECT / "docs" / "open-webui.md").read_text()
    service = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["services"]["open-webui"]
    assert f"Open WebUI {service['image'].rpartition(':v')[2]} " in page
    settings = service["environment"]
    # The page leads to the addresses of all clients.
    assert "(clients.md" in page
    addresses = (PROJECT / "docs" / "clients.md").read_text()
    assert (
        f"joined the network `ollama-recorder` | `{settings['OLLAMA_BASE_URL'].partition('/api/')[0]}` |" in addresses
    )
    assert f"ENABLE_FORWARD_USER_INFO_HEADERS={settings['ENABLE_FORWARD_USER_INFO_HEADERS']}" in page
    assert f"ENABLE_OPENAI_API={settings['ENABLE_OPENAI_API']}" in page


async def test_each_call_of_a_user_passes_unchanged_and_its_record_names_the_user_and_the_chat(
    start_recorder: Callable[..., RunningServer],
) -> None:
    async with FakeOllama() as ollama, aiohttp.ClientSession() as session:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        webui = OpenWebUI(recorder, session, USER)
        for call in USING:
            before = len(ollama.requests)
            status, body, kept = await webui.ask(call)
            (request,) = [one for one in ollama.requests[before:] if one.path == call.path]
            assert status == 200, call
            assert body, call
            assert (request.method, request.body) == (call.method, call.body or b""), call
            assert request.header("Content-Type") == "application/json"
            assert who(kept) == ("Open WebUI", "Ada Lövelace", CHAT if call.in_a_chat else None), call
            assert (kept.line["operation"], kept.outcome, kept.line["failed"]) == (call.operation, "completed", False)
            assert kept.line["request_uri"] == f"/api/ollama{call.path}"
            assert kept.line.get("request_body") == (call.body.decode() if call.body else None), call
            assert kept.line.get("model") == (NAMED if isinstance(call.sends, dict) else None), call
            assert "ada@example.com" not in json.dumps(kept.line)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (_post("/api/chat", "chat", True, model=NAMED, messages=MESSAGES, stream=True), "chat_stream"),
        (_post("/api/chat", "chat", True, model="absent", messages=MESSAGES, stream=True), "model_not_found"),
        (Call("GET", "/api/tags", "list"), "tags"),
        (
            _post("/v1/messages", "chat", model=NAMED, max_tokens=8, messages=MESSAGES, stream=True),
            "v1_messages_stream",
        ),
    ],
    ids=str,
)
async def test_answers_arrive_byte_for_byte(
    call: Call, name: str, start_recorder: Callable[..., RunningServer]
) -> None:
    async with FakeOllama() as ollama, aiohttp.ClientSession() as session:
        sent = recorded(name, close=False)
        ollama.answers(call.path, answer(sent))
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        status, body, kept = await OpenWebUI(recorder, session, USER).ask(call)
        assert body == body_of(sent)
        assert kept.line["response_bytes"] == len(body)
        assert kept.line["status"] == status == int(sent.split()[1])


async def test_managing_models_is_refused_in_words_that_open_webui_shows(
    start_recorder: Callable[..., RunningServer],
) -> None:
    async with FakeOllama() as ollama, aiohttp.ClientSession() as session:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        for call in MANAGING:
            status, body, kept = await OpenWebUI(recorder, session, USER).ask(call)
            # It shows the member "error" of an answer that is no success.
            assert status == 403
            assert "Set ALLOW_MANAGEMENT=true to allow it." in json.loads(body)["error"]
            assert (kept.outcome, kept.line["operation"], who(kept)[:2]) == (
                "refused",
                call.operation,
                ("Open WebUI", "Ada Lövelace"),
            )
        assert asked(ollama) == []


async def test_managing_models_passes_with_allow_management(start_recorder: Callable[..., RunningServer]) -> None:
    progress = [b'{"status":"pulling manifest"}\n', b'{"status":"success"}\n']
    async with FakeOllama() as ollama, aiohttp.ClientSession() as session:
        for path in ("/api/pull", "/api/push", "/api/create"):
            steps = [head(200, CHUNKED, "application/x-ndjson"), *map(chunk, progress), LAST_CHUNK]
            ollama.answers(path, answer(*steps))
        for path in ("/api/copy", "/api/delete"):
            ollama.answers(path, answer(whole(b"")))
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, ALLOW_MANAGEMENT="true")
        for call in MANAGING:
            status, body, kept = await OpenWebUI(recorder, session, USER).ask(call)
            assert status in (200, 201), call
            assert body == (b"".join(progress) if call.path in ("/api/pull", "/api/push", "/api/create") else b"")
            request = asked(ollama)[-1]
            assert (request.method, request.path) == (call.method, call.path)
            assert request.body_sha256 == hashlib.sha256(call.body or b"").hexdigest()
            assert (kept.outcome, kept.line["operation"], who(kept)[:2]) == (
                "completed",
                call.operation,
                ("Open WebUI", "Ada Lövelace"),
            )
        assert len(asked(ollama)) == len(MANAGING)


async def test_a_real_ollama_is_managed_through_the_recorder(
    ollama: Ollama, start_recorder: Callable[..., RunningServer]
) -> None:
    recorder = await started(start_recorder, OLLAMA_URL=ollama.url, ALLOW_MANAGEMENT="true")
    async with aiohttp.ClientSession() as session:
        webui = OpenWebUI(recorder, session, USER)
        (create,) = [call for call in MANAGING if call.operation == "create"]
        _, lines, kept = await webui.ask(create)
        assert json.loads(lines.splitlines()[-1]) == {"status": "success"}
        assert not kept.line["failed"]
        await webui.ask(_post("/api/copy", "copy", source="made:latest", destination="copied"))
        _, listed, _ = await webui.ask(Call("GET", "/api/tags", "list"))
        assert {"made:latest", "copied:latest"} < {model["model"] for model in json.loads(listed)["models"]}
        for name in ("made:latest", "copied:latest"):
            assert (await webui.ask(Call("DELETE", "/api/delete", "delete", {"model": name})))[0] == 200
        status, said, kept = await webui.ask(Call("DELETE", "/api/delete", "delete", {"model": "copied:latest"}))
        assert (status, kept.line["error"]) == (404, json.loads(said)["error"])


async def test_without_forwarded_headers_only_the_http_library_is_known(
    start_recorder: Callable[..., RunningServer],
) -> None:
    async with FakeOllama() as ollama, aiohttp.ClientSession() as session:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        webui = OpenWebUI(recorder, session, {})
        _, _, kept = await webui.ask(Call("GET", "/api/tags", "list"))
        assert who(kept) == ("aiohttp", None, None)
        # The way out where the setting cannot be had: a label in OLLAMA_BASE_URL.
        webui.base += "/~Open%20WebUI"
        _, _, kept = await webui.ask(Call("GET", "/api/tags", "list"))
        assert who(kept) == ("Open WebUI", None, None)
