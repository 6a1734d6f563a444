"""What n8n does as a server only: its editor's questions, the time limit of a workflow, protected addresses."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import FakeOllama, answer, whole
from tests.integration.n8n_stand import answer_of_webhook, behind_a_webhook, credentials, template
from tests.integration.watching import doors, records, started
from tests.journal.given import wait_until
from tests.servers.n8n import VERSIONS, N8n, installed_n8n, signed_in
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long

ROUTING = {"request": {"method": "GET", "url": "/api/tags"}, "output": {"postReceive": []}}
MODELS_OF_A_CHAT_MODEL = {
    "nodeTypeAndVersion": {"name": "@n8n/n8n-nodes-langchain.lmChatOllama", "version": 1},
    "path": "parameters.model",
    "loadOptions": {"routing": ROUTING},
}
MODELS_OF_A_MESSAGE = {
    "nodeTypeAndVersion": {"name": "@n8n/n8n-nodes-langchain.ollama", "version": 1},
    "path": "parameters.modelId",
    "methodName": "modelSearch",
}
# As it was shipped before: many have it.
BEFORE = (
    "={{ 'ADDRESS~workflow=' + encodeURIComponent($workflow.name) + ';execution=' + $execution.id"
    " + ';node=' + $nodeId }}"
)


@pytest.fixture(params=VERSIONS)
def n8n(request: pytest.FixtureRequest, tmp_path: Path) -> N8n:
    return installed_n8n(tmp_path / "n8n", request.param)


async def kept(folder: Path, count: int) -> list[dict[str, Any]]:
    found = await asyncio.to_thread(records, folder / "recorder", count)
    return [json.loads(record.row.line) for record in found]


def ask_as_the_editor(server: RunningServer, used: list[dict[str, Any]]) -> None:
    """What n8n asks while somebody sets up AI nodes: *Test* of each credential, and two lists of models."""
    with signed_in(server) as post:
        for credential in used:
            tested = post("/rest/credentials/test", {"credentials": credential})
            assert tested["data"]["status"] == "OK", tested
            named = {credential["type"]: {"id": credential["id"], "name": credential["name"]}}
            node = {"currentNodeParameters": {}, "credentials": named}
            post("/rest/dynamic-node-parameters/options", node | MODELS_OF_A_CHAT_MODEL)
            post("/rest/dynamic-node-parameters/resource-locator-results", node | MODELS_OF_A_MESSAGE)


async def test_what_the_editor_asks_is_of_n8n_and_of_no_workflow(
    n8n: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer], start_nginx: Callable[..., RunningServer]
) -> None:
    async with FakeOllama() as ollama:
        _, nginx = await doors(ollama, start_recorder, start_nginx)
        (shipped,) = credentials(nginx)
        before = shipped | {"id": "before", "data": {"baseUrl": BEFORE.replace("ADDRESS", f"{nginx.url}/api/ollama/")}}
        await asyncio.to_thread(n8n.add_credentials, [shipped, before])
        with contextlib.ExitStack() as running:
            server = await started(running.enter_context, n8n.serving())
            await asyncio.to_thread(ask_as_the_editor, server, [shipped, before])
            await asyncio.to_thread(server.stop)
        asked = await kept(tmp_path, 6)
    assert len(asked) == 6
    for one in asked:
        assert (one["operation"], one["status"], one["caller"]) == ("list", 200, "n8n")
        assert not {"workflow", "workflow_id", "execution_id", "node"} & one.keys()


def goes_on(n8n: N8n) -> bool:
    """Whether the newest execution is stored as one that has not ended."""
    return n8n.executions()[-1].status in ("new", "running", "waiting")


async def test_the_time_limit_of_a_workflow_ends_no_call(
    n8n: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer], start_nginx: Callable[..., RunningServer]
) -> None:
    late = json.dumps({"model": "llama3.1:8b", "response": "Late.", "done": True, "done_reason": "stop"}).encode()
    async with FakeOllama() as ollama:
        ollama.answers("/api/generate", answer(15.0, whole(late)))
        _, nginx = await doors(ollama, start_recorder, start_nginx)
        workflow = behind_a_webhook(template("generate", nginx))
        workflow["settings"]["executionTimeout"] = 5
        await asyncio.to_thread(n8n.add_workflows, workflow)
        await asyncio.to_thread(n8n.run, "publish:workflow", f"--id={workflow['id']}")
        with contextlib.ExitStack() as running:
            server = await started(running.enter_context, n8n.serving())
            await asyncio.to_thread(answer_of_webhook, server)
            # The webhook is answered before the execution is stored as ended.
            await asyncio.to_thread(wait_until, lambda: not goes_on(n8n), 60)
            (execution,) = n8n.executions()
            assert execution.status == "canceled"
            (record,) = await kept(tmp_path, 1)
            await asyncio.to_thread(server.stop)
    assert (record["outcome"], record["failed"], record["execution_id"]) == ("completed", False, execution.id)
    assert record["request_time"] > 14


async def test_protected_addresses_have_to_be_allowed(
    n8n: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer], start_nginx: Callable[..., RunningServer]
) -> None:
    protected = {"N8N_SSRF_PROTECTION_ENABLED": "true"}
    async with FakeOllama() as ollama:
        _, nginx = await doors(ollama, start_recorder, start_nginx)
        workflow = template("models", nginx)
        await asyncio.to_thread(n8n.add_workflows, workflow)
        with pytest.raises(AssertionError, match="restricted IP address"):
            await asyncio.to_thread(replace(n8n, variables=protected).execute, workflow["id"])
        allowed = replace(n8n, variables=protected | {"N8N_SSRF_ALLOWED_IP_RANGES": "127.0.0.0/8"})
        execution = await asyncio.to_thread(allowed.execute, workflow["id"])
        (record,) = await kept(tmp_path, 1)
    assert (execution.status, record["execution_id"]) == ("success", execution.id)
