"""What a record says of n8n's items and tries: a retry on fail is told from a second item."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.conversation import Conversation
from tests.fakes.ollama import FakeOllama, Script, json_answer, ndjson_stream
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


def of_each_model(**answers: list[Script]) -> Script:
    """Answers of a model, in order, whichever workflow comes first."""
    left = {model: iter(scripts) for model, scripts in answers.items()}

    async def script(conversation: Conversation) -> None:
        await conversation.read_upload()
        await next(left[json.loads(conversation.request.body_start)["model"]])(conversation)

    return script


def action(name: str) -> dict[str, Any]:
    """Two items for our action, which asks the model ``name``."""
    model = MODEL | {"value": name}
    ask = step("Ask", "ollamaRecorder", resource="model", operation="chat", model=model, prompt="Why?", options={})
    wires = {"Execute": ("Text", "main"), "Text": ("Items", "main"), "Items": ("Ask", "main")}
    return workflow(name, EXECUTE, *items(2), ask | RETRIED, **wires)


def chain(name: str, count: int) -> dict[str, Any]:
    """So many items for a chain with the model ``name``."""
    asking = step("Chain", f"{LANGCHAIN}.chainLlm", 1.7, promptType="define", text="={{ $json.text }}")
    model = step("Das Modell", "recordedOllamaChatModel", model=name, options={})
    wires = {"Execute": ("Text", "main"), "Text": ("Items", "main"), "Items": ("Chain", "main")}
    wires |= {"Das_Modell": ("Chain", "ai_languageModel")}
    return workflow(name, EXECUTE, *items(count), asking | RETRIED, model, **wires)


async def test_a_retry_on_fail_is_told_from_a_second_item(
    n8n_with_nodes: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    fine = ndjson_stream(3)
    async with FakeOllama() as ollama:
        answers = {"action": [fine, BROKEN, fine, fine], "one": [BROKEN, fine], "two": [fine, BROKEN, fine, fine]}
        ollama.answers("/api/chat", of_each_model(**answers))
        recorder = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)
        await asyncio.to_thread(n8n_with_nodes.add_credentials, [credential(recorder)])
        await asyncio.to_thread(n8n_with_nodes.add_workflows, action("action"), chain("one", 1), chain("two", 2))
        assert (await asyncio.to_thread(n8n_with_nodes.execute_all)).keys() == answers.keys()
        found = await asyncio.to_thread(kept, tmp_path, 10)
        report = (await asyncio.to_thread(call, recorder, "/failures.json")).json()
    of_action, of_one, of_two = ([one for one in found if one["model"] == model] for model in answers)
    assert [(one["item"], one["attempt"], one["failed"]) for one in of_action] == [
        (0, 1, False),
        (1, 1, True),
        (0, 2, False),
        (1, 2, False),
    ]
    assert [(one["item"], one["attempt"], one["failed"]) for one in of_one] == [(0, 1, True), (0, 2, False)]
    # A model is asked for all items of a chain at once, and does not know which is whose.
    assert [(one.get("item"), one["attempt"]) for one in of_two] == [(None, 1), (None, 1), (None, 2), (None, 2)]
    assert sum(one["failed"] for one in of_two) == 1
    requests = {one["exchange"]: one for group in report["groups"] for one in group["requests"]}
    request = requests[of_action[1]["exchange"]]
    assert (request["tries"], request["answer"]) == (2, of_action[3]["exchange"])
