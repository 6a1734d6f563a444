"""What a record says of n8n's items and tries: a retry on fail is told from a second item."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import FakeOllama, json_answer, ndjson_stream
from tests.integration.n8n_workflows import EXECUTE, LANGCHAIN, MODEL, credential, kept, step, workflow
from tests.integration.watching import call
from tests.servers.n8n import N8n
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long

BROKEN = json_answer({"error": "model runner has unexpectedly stopped"}, 500)
RETRIED = {"retryOnFail": True, "maxTries": 3, "waitBetweenTries": 100}


def items(count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Nodes *Text* and *Items*, out of which ``count`` items come. A Code node would wait for a process of its own."""
    given = json.dumps({"text": [f"Item {number}" for number in range(count)]})
    text = step("Text", "n8n-nodes-base.set", 3.4, mode="raw", jsonOutput=given, options={})
    return text, step("Items", "n8n-nodes-base.splitOut", 1, fieldToSplitOut="text", options={})


async def test_a_retry_of_the_action_is_told_from_its_next_item(
    n8n_with_nodes: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    ask = step("Ask", "ollamaRecorder", resource="model", operation="chat", model=MODEL, prompt="Why?", options={})
    wires = {"Execute": ("Text", "main"), "Text": ("Items", "main"), "Items": ("Ask", "main")}
    steps = workflow("tries", EXECUTE, *items(2), ask | RETRIED, **wires)
    async with FakeOllama() as ollama:
        fine = ndjson_stream(3)
        ollama.answers("/api/chat", fine, BROKEN, fine)
        recorder = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)
        await asyncio.to_thread(n8n_with_nodes.add_credentials, [credential(recorder)])
        await asyncio.to_thread(n8n_with_nodes.add_workflows, steps)
        await asyncio.to_thread(n8n_with_nodes.execute, "tries")
        found = await asyncio.to_thread(kept, tmp_path, 4)
        report = (await asyncio.to_thread(call, recorder, "/failures.json")).json()
    assert [(one["item"], one["attempt"], one["failed"]) for one in found] == [
        (0, 1, False),
        (1, 1, True),
        (0, 2, False),
        (1, 2, False),
    ]
    (group,) = report["groups"]
    (request,) = group["requests"]
    assert (request["tries"], request["exchange"], request["answer"]) == (2, found[1]["exchange"], found[3]["exchange"])


@pytest.mark.parametrize(("count", "numbers"), [(1, [0, 0]), (2, [None] * 4)], ids=["one item", "two items"])
async def test_a_retry_of_a_chain_is_known_to_its_model(
    n8n_with_nodes: N8n,
    tmp_path: Path,
    start_recorder: Callable[..., RunningServer],
    count: int,
    numbers: list[int | None],
) -> None:
    chain = step("Chain", f"{LANGCHAIN}.chainLlm", 1.7, promptType="define", text="={{ $json.text }}")
    model = step("Das Modell", "recordedOllamaChatModel", model="llama3.2", options={})
    wires = {"Execute": ("Text", "main"), "Text": ("Items", "main"), "Items": ("Chain", "main")}
    wires |= {"Das_Modell": ("Chain", "ai_languageModel")}
    async with FakeOllama() as ollama:
        fine = ndjson_stream(3)
        ollama.answers("/api/chat", *[fine] * (count - 1), BROKEN, fine)
        recorder = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)
        await asyncio.to_thread(n8n_with_nodes.add_credentials, [credential(recorder)])
        steps = workflow("tries", EXECUTE, *items(count), chain | RETRIED, model, **wires)
        await asyncio.to_thread(n8n_with_nodes.add_workflows, steps)
        await asyncio.to_thread(n8n_with_nodes.execute, "tries")
        found = await asyncio.to_thread(kept, tmp_path, 2 * count)
    assert [one.get("item") for one in found] == numbers
    assert [one["attempt"] for one in found] == [1] * count + [2] * count
    assert sum(one["failed"] for one in found) == 1
