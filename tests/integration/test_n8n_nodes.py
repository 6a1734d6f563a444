"""Our nodes in a real n8n: what they ask, what the records say of them, and what starts a workflow."""

import asyncio
import contextlib
import itertools
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import FakeOllama, json_answer
from tests.integration.n8n_workflows import (
    EXECUTE,
    LANGCHAIN,
    MODEL,
    credential,
    kept,
    outputs,
    step,
    workflow,
)
from tests.integration.watching import call
from tests.journal.given import wait_until
from tests.servers.n8n import N8n
from tests.servers.process import RunningServer, free_port

pytestmark = pytest.mark.long


async def test_every_node_names_workflow_execution_and_itself_in_one_trace(
    n8n_with_nodes: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    chain = {"promptType": "define", "text": "Why?"}
    loader = {"jsonMode": "expressionData", "jsonData": "Some text.", "options": {}}
    asked = workflow(
        "asked",
        EXECUTE,
        step("Frage", "ollamaRecorder", resource="model", operation="chat", model=MODEL, prompt="Why?", options={}),
        step("Chain", f"{LANGCHAIN}.chainLlm", 1.7, **chain),
        step("Das Modell", "recordedOllamaChatModel", model="llama3.2", options={}),
        step("Store", f"{LANGCHAIN}.vectorStoreInMemory", 1.3, mode="insert", memoryKey="k"),
        step("Vectors", "recordedOllamaEmbeddings", model="nomic-embed-text"),
        step("Loader", f"{LANGCHAIN}.documentDefaultDataLoader", 1.1, **loader),
        step("Find", "ollamaRecorder", resource="call", operation="find", returnAll=True, filters={}),
        Execute=("Frage", "main"),
        Frage=("Chain", "main"),
        Chain=("Store", "main"),
        Das_Modell=("Chain", "ai_languageModel"),
        Vectors=("Store", "ai_embedding"),
        Loader=("Store", "ai_document"),
        Store=("Find", "main"),
    )
    vector = {"model": "nomic-embed-text", "embeddings": [[0.1, 0.2]], "prompt_eval_count": 3}
    async with FakeOllama() as ollama:
        ollama.answers("/api/embed", json_answer(vector))
        recorder = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)
        await asyncio.to_thread(n8n_with_nodes.add_credentials, [credential(recorder)])
        await asyncio.to_thread(n8n_with_nodes.add_workflows, asked)
        execution = await asyncio.to_thread(n8n_with_nodes.execute, "asked")
        found = await asyncio.to_thread(kept, tmp_path, 3)
    assert [one["node"] for one in found[:2]] == ["Frage", "Das Modell"]
    assert {one["node"] for one in found[2:]} == {"Vectors"}
    assert {(one["workflow"], one["workflow_id"]) for one in found} == {("Über asked", "asked")}
    assert {one["execution_id"] for one in found} == {execution.id}
    assert len({one["trace_id"] for one in found}) == 1
    assert {one["caller"] for one in found} == {"n8n"}
    assert not [one["request_uri"] for one in found if "~" in one["request_uri"]]


async def test_the_action_answers_flat_items_and_keeps_the_sentence_of_an_error(
    n8n_with_nodes: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    chosen = "={{ $('Ask').first().json.id }}"
    calls: dict[str, dict[str, Any]] = {
        "Find": {"operation": "find", "returnAll": True, "filters": {"model": "llama3.2"}},
        "Failures": {"operation": "failures", "limit": 5, "filters": {}},
        "Totals": {"operation": "totals", "by": "model", "filters": {}},
        "Export": {"operation": "export", "format": "csv", "filters": {}},
        "Get": {"operation": "get", "exchange": chosen},
        "Explain": {"operation": "explain", "exchange": chosen},
        "Replay": {"operation": "replay", "exchange": chosen, "otherModel": MODEL | {"value": "other"}},
        "Erase": {"operation": "erase", "exchange": chosen},
        "Gone": {"operation": "get", "exchange": chosen},
    }
    steps = [
        step("Ask", "n8n-nodes-base.set", 3.4, mode="raw", jsonOutput='{"id": "ID"}', options={}),
        *(
            step(name, "ollamaRecorder", resource="call", **given)
            | {"onError": "continueRegularOutput", "executeOnce": True, "alwaysOutputData": True}
            for name, given in calls.items()
        ),
    ]
    names = ["Execute", "Ask", *calls]
    wires = {source: (target, "main") for source, target in itertools.pairwise(names)}
    async with FakeOllama() as ollama:
        recorder = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)
        body = {"model": "llama3.2", "prompt": "Why?"}
        await asyncio.to_thread(call, recorder, "/api/ollama/api/generate", body)
        (first,) = await asyncio.to_thread(kept, tmp_path, 1)
        steps[0]["parameters"]["jsonOutput"] = json.dumps({"id": first["exchange"]})
        await asyncio.to_thread(n8n_with_nodes.add_credentials, [credential(recorder)])
        await asyncio.to_thread(n8n_with_nodes.add_workflows, workflow("reading", EXECUTE, *steps, **wires))
        found = await asyncio.to_thread(outputs, n8n_with_nodes, "reading")
    assert [one["exchange"] for one in found["Find"]] == [first["exchange"]]
    assert found["Failures"] == [{}]
    assert [(one["name"], one["calls"]) for one in found["Totals"]] == [("llama3.2", 1)]
    assert found["Export"][0]["format"] == "csv"
    assert found["Get"][0]["response_text"] == first["response_text"]
    assert found["Explain"][0]["sentence"]
    assert "before_model" in found["Replay"][0], found["Replay"]
    assert (found["Replay"][0]["before_model"], found["Replay"][0]["after_model"]) == ("llama3.2", "other")
    assert found["Erase"][0]["erased"] == 1
    assert "error" in found["Gone"][0]


def place_of_the_trigger(n8n: N8n) -> int | None:
    """The number of the last exchange that the trigger has looked at, as n8n keeps it."""
    database = sqlite3.connect(f"file:{n8n.folder}/.n8n/database.sqlite?mode=ro", uri=True)
    with contextlib.closing(database):
        ((found,),) = database.execute("SELECT staticData FROM workflow_entity").fetchall()
    data = json.loads(found) if found else {}
    number: int | None = data.get("node:When a call failed", {}).get("number")
    return number


def starts(n8n: N8n) -> list[str]:
    """How each execution ended that has."""
    return [one.status for one in n8n.executions() if one.status not in ("new", "running", "waiting")]


async def test_the_trigger_fires_once_for_each_failure_over_restarts_of_both_sides(
    n8n_with_nodes: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    port = free_port()
    watching = workflow(
        "watching",
        step("When a call failed", "ollamaRecorderTrigger", event="failed", filters={}),
        step("Nothing", "n8n-nodes-base.noOp"),
        When_a_call_failed=("Nothing", "main"),
    )
    absent = {"error": "model 'llama9' not found"}
    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", json_answer(absent, 404))

        async def recording() -> RunningServer:
            return await asyncio.to_thread(start_recorder, port=port, OLLAMA_URL=ollama.url)

        async def fail(recorder: RunningServer) -> None:
            body = {"model": "llama9", "messages": [], "stream": False}
            answered = await asyncio.to_thread(call, recorder, "/api/ollama/api/chat", body)
            assert answered.status == 404
            await asyncio.to_thread(call, recorder, "/api/ollama/api/tags")

        async def fired(count: int) -> None:
            await asyncio.to_thread(wait_until, lambda: len(starts(n8n_with_nodes)) >= count, 60)
            await asyncio.sleep(1.5)
            assert starts(n8n_with_nodes) == ["success"] * count

        recorder = await recording()
        await fail(recorder)  # before anybody watched: it starts nothing
        await asyncio.to_thread(n8n_with_nodes.add_credentials, [credential(recorder)])
        await asyncio.to_thread(n8n_with_nodes.add_workflows, watching)
        await asyncio.to_thread(n8n_with_nodes.run, "publish:workflow", "--id=watching")
        with contextlib.ExitStack() as running:
            server = await asyncio.to_thread(running.enter_context, n8n_with_nodes.serving())
            await asyncio.to_thread(wait_until, lambda: place_of_the_trigger(n8n_with_nodes) is not None, 60)
            await fail(recorder)
            await fired(1)
            await asyncio.to_thread(server.stop)
        await fail(recorder)  # while n8n is away
        await asyncio.to_thread(recorder.stop)
        recorder = await recording()
        with contextlib.ExitStack() as running:
            server = await asyncio.to_thread(running.enter_context, n8n_with_nodes.serving())
            await fired(2)
            await asyncio.to_thread(recorder.stop)  # while n8n watches
            recorder = await recording()
            await fail(recorder)
            await fired(3)
            await asyncio.to_thread(server.stop)
