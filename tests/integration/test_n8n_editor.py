"""Our nodes in n8n's editor: each is listed and shown with its fields; every list in them fills, or says why not."""

import asyncio
import contextlib
import hashlib
import json
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.fakes.ollama import ANY, FakeOllama, answer, json_answer, whole
from tests.integration.n8n_workflows import CREDENTIAL
from tests.integration.watching import call
from tests.pictures.n8n_nodes import MODELS, OUR_NODES, SHOWN, opened, signed_in_page
from tests.servers.n8n import VERSIONS, installed_n8n, signed_in
from tests.servers.process import RunningServer, free_port
from tests.servers.recorder import running_recorder

pytestmark = pytest.mark.long

KEY = "a key of a test"
NODES = ("ollamaRecorder", "ollamaRecorderTrigger", "recordedOllamaChatModel", "recordedOllamaEmbeddings")
# What an agent takes for a tool n8n makes itself of a node.
AS_TOOL = "ollamaRecorderTool"
NOWHERE = "http://127.0.0.1:9"
NO_RECORDER = "There is no recorder at this address"
TAGS = json_answer({"models": [{"name": name} for name in reversed(MODELS)]})
LISTED = {"model": [*MODELS], "otherModel": [*MODELS], "workflow": ["Über"], "caller": ["n8n"], "node": ["B", "A"]}
"""What each list holds, by the name of its field."""


@dataclass(frozen=True, slots=True)
class Editor:
    """A running n8n, ``post`` for what its editor asks, and the recorder of the credential ``CREDENTIAL``."""

    server: RunningServer
    post: Callable[[str, Any], Any]
    recorder: RunningServer

    def listed(self, credential: str, node: str, path: str, how: dict[str, Any], address: str) -> list[str]:
        """The values of a list of a node. Raises AssertionError with n8n's message where there is none."""
        asked = {
            "nodeTypeAndVersion": {"name": f"CUSTOM.{node}", "version": 1},
            "path": path,
            "currentNodeParameters": {},
            "credentials": {"ollamaRecorderApi": {"id": credential, "name": credential}},
        }
        try:
            found = self.post(f"/rest/dynamic-node-parameters/{address}", asked | how)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(json.load(refused)["message"]) from None
        return [one["value"] for one in (found["results"] if isinstance(found, dict) else found)]


@pytest.fixture(scope="module", params=VERSIONS)
def editor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, extensions: Path, scripted_port: int
) -> Iterator[Editor]:
    folder = tmp_path_factory.mktemp("editor")
    keys = folder / "keys"
    keys.write_text(f"n8n {hashlib.sha256(KEY.encode()).hexdigest()}\n")
    n8n = replace(installed_n8n(folder / "n8n", request.param), variables={"N8N_CUSTOM_EXTENSIONS": str(extensions)})
    with contextlib.ExitStack() as servers:
        ollama = f"http://127.0.0.1:{scripted_port}"
        start = servers.enter_context
        recorder = start(running_recorder(folder / "a", ready="/healthz", OLLAMA_URL=ollama, API_KEYS_FILE=str(keys)))
        lonely = start(running_recorder(folder / "b", ready="/healthz", OLLAMA_URL=NOWHERE))
        with_key = {"address": recorder.url, "apiKey": KEY}
        given = {
            CREDENTIAL: with_key,
            "slashed": with_key | {"address": f" {recorder.url}/ "},
            "without-key": {"address": recorder.url},
            "other-key": {"address": recorder.url, "apiKey": "another"},
            "lonely": {"address": lonely.url},
            "ollama-itself": {"address": ollama},
            "nowhere": {"address": NOWHERE},
        }
        n8n.add_credentials(
            {"id": name, "name": name, "type": "ollamaRecorderApi", "data": {"apiKey": "", "readerToken": ""} | data}
            for name, data in given.items()
        )
        n8n.add_workflows(OUR_NODES)
        server = start(n8n.serving())
        yield Editor(server, start(signed_in(server)), recorder)


def lists_in(properties: list[dict[str, Any]], path: str = "parameters") -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each list that the editor asks for: the path of its field, and how and where it is asked for."""
    for field in properties:
        here = f"{path}.{field['name']}"
        options = field.get("typeOptions", {})
        if method := options.get("loadOptionsMethod"):
            yield here, {"methodName": method}, "options"
        if options.get("loadOptions"):
            yield here, {"loadOptions": options["loadOptions"]}, "options"
        for mode in field.get("modes", ()):
            if method := mode.get("typeOptions", {}).get("searchListMethod"):
                yield here, {"methodName": method}, "resource-locator-results"
        if field["type"] == "collection":
            yield from lists_in(field["options"], here)


async def test_n8n_lists_every_node_and_fills_every_list_in_them(editor: Editor, scripted: FakeOllama) -> None:
    def asked() -> tuple[set[str], list[tuple[str, str, list[str]]]]:
        names = [{"name": f"CUSTOM.{name}", "version": 1} for name in NODES]
        # n8n names nodes out of a custom folder by their own names here.
        found = {
            one["name"].rpartition(".")[2]: one for one in editor.post("/rest/node-types", {"nodeInfos": names})["data"]
        }
        fields = {name: list(lists_in(one["properties"])) for name, one in found.items()}
        fields[AS_TOOL] = fields["ollamaRecorder"]
        lists = [
            (name, path.rpartition(".")[2], editor.listed(CREDENTIAL, name, path, how, address))
            for name, asking in fields.items()
            for path, how, address in asking
        ]
        return set(found), lists

    scripted.answers("/api/tags", TAGS)
    for node in ("A", "B", "B"):
        headers = {"X-N8N-Workflow-Name": "%C3%9Cber", "X-N8N-Node": node, "Authorization": f"Bearer {KEY}"}
        body = {"model": MODELS[0]}
        answered = await asyncio.to_thread(call, editor.recorder, "/api/ollama/api/chat", body, headers=headers)
        assert answered.status == 200
    nodes, lists = await asyncio.to_thread(asked)
    assert nodes == {*NODES}
    assert {name for name, _, _ in lists} == {*NODES, AS_TOOL}
    assert {field for _, field, _ in lists} == LISTED.keys()
    assert [one for one in lists if one[2] != LISTED[one[1]]] == []
    models = "parameters.model", {"methodName": "models"}, "options"
    assert await asyncio.to_thread(editor.listed, "slashed", "recordedOllamaChatModel", *models) == [*MODELS]


@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        ("without-key", "asks for an API key"),
        ("other-key", "key"),
        ("lonely", "Ollama cannot be reached"),
        ("ollama-itself", NO_RECORDER),
        ("nowhere", "ECONNREFUSED"),
    ],
)
async def test_a_list_that_cannot_be_filled_says_why(
    editor: Editor, scripted: FakeOllama, credential: str, reason: str
) -> None:
    models = "parameters.model", {"methodName": "models"}
    for node in ("recordedOllamaChatModel", "recordedOllamaEmbeddings"):
        with pytest.raises(AssertionError, match=reason):
            await asyncio.to_thread(editor.listed, credential, node, *models, "options")
    for node in ("ollamaRecorder", AS_TOOL):
        with pytest.raises(AssertionError, match=reason):
            await asyncio.to_thread(editor.listed, credential, node, *models, "resource-locator-results")


async def test_each_node_is_shown_with_its_fields_and_nothing_wrong(
    editor: Editor, scripted: FakeOllama, browser: Browser
) -> None:
    scripted.answers("/api/tags", TAGS)
    page = await signed_in_page(browser, editor.server.url)
    for shown in SHOWN.values():
        await opened(page, editor.server.url, shown)
    await page.context.close()


async def test_the_credentials_test_tells_a_recorder_from_what_else_answers(
    editor: Editor, scripted: FakeOllama
) -> None:
    def tested(address: str, key: str = "") -> tuple[str, str]:
        data = {"address": address, "apiKey": key, "readerToken": ""}
        given = {"id": CREDENTIAL, "name": CREDENTIAL, "type": "ollamaRecorderApi", "data": data}
        found = editor.post("/rest/credentials/test", {"credentials": given})["data"]
        return found["status"], found["message"]

    async with FakeOllama(free_port()) as foreign:
        foreign.answers(
            ANY, json_answer({"status": "ok"}), answer(whole(b"<html>It works!</html>", content_type="text/html"))
        )
        url = editor.recorder.url
        for address in (url, f"{url}/"):
            assert (await asyncio.to_thread(tested, address, KEY))[0] == "OK"
        for _ in range(2):
            status, message = await asyncio.to_thread(tested, foreign.url)
            assert (status, NO_RECORDER in message) == ("Error", True), message
        for address in (url, NOWHERE, "none"):
            assert (await asyncio.to_thread(tested, address))[0] == "Error"
        scripted.answers(ANY, json_answer({"error": "away"}, 502))
        status, message = await asyncio.to_thread(tested, url, KEY)
    # 2.30.8 has words of its own for a 502.
    assert status == "Error"
    assert "Ollama behind it does not answer" in message or "Bad gateway" in message
