"""The real Open WebUI, as its package installs it: signing in, listing models, chatting through the recorder.

``make servers`` installs it without torch, and so with Ollama's embeddings only.
"""

import ast
import contextlib
import json
import os
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.record.chat_messages import ChatMessage
from service.record.open_webui import task_in, typed_words
from tests.integration.watching import records
from tests.servers.ollama import EMBEDDING_MODEL, MODEL, Ollama
from tests.servers.process import RunningServer, require, running
from tests.servers.recorder import PROJECT, running_recorder

NAMED = f"{MODEL}:latest"
MESSAGES = [{"role": "user", "content": "Bonjour"}]

pytestmark = pytest.mark.long


def open_webui_program() -> Path:
    found = require("open-webui", "make servers installs it")
    return found / "bin" / "open-webui" if found.is_dir() else found


@pytest.fixture(scope="module")
def program() -> Path:
    return open_webui_program()


@pytest.fixture(scope="module")
def recorder(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_recorder(tmp_path_factory.mktemp("recorder"), OLLAMA_URL=ollama.url) as server:
        yield server


@pytest.fixture(scope="module")
def webui(program: Path, recorder: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator["OpenWebUI"]:
    with running_open_webui(program, tmp_path_factory.mktemp("open-webui"), f"{recorder.url}/api/ollama") as found:
        yield found


@contextlib.contextmanager
def running_open_webui(program: Path, folder: Path, ollama_url: str) -> Iterator["OpenWebUI"]:
    """As the stack starts it, with its administrator signed up."""
    compose = (PROJECT / "docker-compose.yml").read_text()
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "DATA_DIR": str(folder / "data"),
        "WEBUI_SECRET_KEY": uuid.uuid4().hex,
        "OLLAMA_BASE_URL": ollama_url,
        **dict(re.findall(r'^ +(ENABLE_FORWARD_USER_INFO_HEADERS|ENABLE_OPENAI_API): "(\w+)"', compose, re.MULTILINE)),
        # Nothing is fetched: the embedding model is Ollama's.
        "OFFLINE_MODE": "true",
        "HF_HUB_OFFLINE": "1",
        "RAG_EMBEDDING_ENGINE": "ollama",
        "RAG_EMBEDDING_MODEL": f"{EMBEDDING_MODEL}:latest",
        "ENABLE_AUTOCOMPLETE_GENERATION": "true",
        # A model of random weights would go on to the limit of 1,000.
        "TASK_MODEL_PARAMS": '{"max_tokens": 8}',
    }

    def command(port: int) -> list[str | Path]:
        return [program, "serve", "--host", "127.0.0.1", "--port", str(port)]

    with running(command, folder=folder, ready="/health", environment=environment, seconds=300) as server:
        yield OpenWebUI(server)


class OpenWebUI:
    """Its own API, as its administrator."""

    def __init__(self, server: RunningServer) -> None:
        self._url, self._token = server.url, ""
        account = {"name": "Ada Lövelace", "email": "ada@example.com", "password": "correct horse battery"}
        self._token = json.loads(self.ask("/api/v1/auths/signup", account)[1])["token"]

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str | None = None) -> tuple[int, bytes]:
        """Status and body of its answer."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self._token}"} if self._token else {}
        )
        request = urllib.request.Request(self._url + path, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def json(self, path: str, body: dict[str, Any] | None = None) -> Any:
        status, text = self.ask(path, body)
        assert status == 200, text
        return json.loads(text)


def newest(recorder: RunningServer, operation: str) -> dict[str, Any]:
    lines: list[dict[str, Any]] = [json.loads(kept.row.line) for kept in records(recorder.log.parent, 1)]
    return [line for line in lines if line["operation"] == operation][-1]


def test_it_is_the_version_that_the_stack_starts(webui: OpenWebUI) -> None:
    compose = (PROJECT / "docker-compose.yml").read_text()
    assert f"ghcr.io/open-webui/open-webui:v{webui.json('/api/version')['version']}\n" in compose


def test_models_are_listed_through_the_recorder(webui: OpenWebUI, recorder: RunningServer) -> None:
    assert NAMED in [model["id"] for model in webui.json("/api/models?refresh=true")["data"]]
    listed = newest(recorder, "list")
    assert (listed["caller"], listed["user"]) == ("Open WebUI", "Ada Lövelace")
    assert webui.json("/ollama/api/version") == webui.json("/ollama/verify", {"url": _base(recorder)})


def test_a_chats_record_names_the_user_and_the_chat(webui: OpenWebUI, recorder: RunningServer) -> None:
    empty = {"title": "Docker", "models": [NAMED], "messages": [], "history": {"messages": {}, "currentId": None}}
    chat = webui.json("/api/v1/chats/new", {"chat": empty})["id"]
    asked = {"model": NAMED, "messages": MESSAGES, "stream": True, "chat_id": chat, "id": str(uuid.uuid4())}
    assert webui.ask("/api/chat/completions", asked)[0] == 200
    record = newest(recorder, "chat")
    assert (record["caller"], record["user"], record["execution_id"]) == ("Open WebUI", "Ada Lövelace", chat)
    assert (record["model"], record["outcome"], record["stream"]) == (NAMED, "completed", True)
    assert "ada@example.com" not in json.dumps(record)


@pytest.mark.parametrize(
    ("path", "more", "task"),
    [
        ("title", {}, "title"),
        ("tags", {}, "tags"),
        ("follow_up", {}, "follow_ups"),
        ("queries", {"type": "retrieval"}, "query"),
        ("image_prompt", {}, "image_prompt"),
        ("auto", {"prompt": "Why is the", "type": "search query"}, "autocomplete"),
        ("emoji", {"prompt": "Hooray!"}, "emoji"),
    ],
)
def test_what_it_asks_by_itself_is_known_without_any_header(
    path: str, more: dict[str, Any], task: str, webui: OpenWebUI, recorder: RunningServer
) -> None:
    webui.json("/api/models?refresh=true")
    webui.json(f"/api/v1/tasks/{path}/completions", {"model": NAMED, "messages": MESSAGES} | more)
    record = newest(recorder, "chat")
    assert (record["task"], record["caller"], record["user"]) == (task, "Open WebUI", "Ada Lövelace")
    assert "node" not in record


def test_every_template_of_this_version_is_known(program: Path) -> None:
    """Those that no address of its own asks for too; what wraps a person's question is no task."""
    (config,) = program.parents[1].glob("lib/python*/site-packages/open_webui/config.py")
    templates = {
        target.id: node.value.value
        for node in ast.walk(ast.parse(config.read_text()))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = {
        name: task_in([ChatMessage("user", text)])
        for name, text in templates.items()
        if name.startswith("DEFAULT_") and name.endswith("_GENERATION_PROMPT_TEMPLATE")
    }
    assert found == {
        "DEFAULT_TITLE_GENERATION_PROMPT_TEMPLATE": "title",
        "DEFAULT_TAGS_GENERATION_PROMPT_TEMPLATE": "tags",
        "DEFAULT_FOLLOW_UP_GENERATION_PROMPT_TEMPLATE": "follow_ups",
        "DEFAULT_QUERY_GENERATION_PROMPT_TEMPLATE": "query",
        "DEFAULT_IMAGE_PROMPT_GENERATION_PROMPT_TEMPLATE": "image_prompt",
        "DEFAULT_AUTOCOMPLETE_GENERATION_PROMPT_TEMPLATE": "autocomplete",
        "DEFAULT_EMOJI_GENERATION_PROMPT_TEMPLATE": "emoji",
        "DEFAULT_MOA_GENERATION_PROMPT_TEMPLATE": "moa_response",
    }
    choosing = ChatMessage("system", templates["DEFAULT_TOOLS_FUNCTION_CALLING_PROMPT_TEMPLATE"])
    assert task_in([choosing, ChatMessage("user", "Query: Is it raining?")]) == "function_calling"
    wrapping = templates["DEFAULT_RAG_TEMPLATE"].replace("{{CONTEXT}}", '<source id="1">Blue.</source>')
    assert typed_words(f"{wrapping}\nWhy is it so?") == "Why is it so?"
    assert task_in([ChatMessage("user", f"{wrapping}\nWhy is it so?")]) is None


def test_a_header_of_the_connection_tells_its_own_questions_from_peoples(
    webui: OpenWebUI, recorder: RunningServer
) -> None:
    page = (PROJECT / "docs" / "open-webui.md").read_text()
    (headers,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    connection = {"enable": True, "headers": json.loads(headers)}
    settings = {
        "ENABLE_OLLAMA_API": True,
        "OLLAMA_BASE_URLS": [_base(recorder)],
        "OLLAMA_API_CONFIGS": {"0": connection},
    }
    webui.json("/ollama/config/update", settings)
    webui.json("/api/models?refresh=true")
    webui.json("/api/v1/tasks/title/completions", {"model": NAMED, "messages": MESSAGES, "chat_id": "c1"})
    title = newest(recorder, "chat")
    assert (title["node"], title["execution_id"], title["stream"]) == ("title_generation", "c1", False)
    assert title["task"] == "title"
    webui.ask("/api/chat/completions", {"model": NAMED, "messages": MESSAGES, "stream": True})
    assert not {"node", "task"} & newest(recorder, "chat").keys()


def test_what_it_shows_of_a_refused_download_is_the_setting(webui: OpenWebUI, recorder: RunningServer) -> None:
    for path, method in (("pull", "POST"), ("delete", "DELETE")):
        status, said = webui.ask(f"/ollama/api/{path}", {"model": NAMED}, method)
        assert status == 403
        assert "Set ALLOW_MANAGEMENT=true to allow it." in json.loads(said)["detail"]
        assert newest(recorder, path)["outcome"] == "refused"


def _base(recorder: RunningServer) -> str:
    return f"{recorder.url}/api/ollama"
