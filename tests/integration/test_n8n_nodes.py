"""Our nodes in a real n8n: what they ask, what the records say of them, of their items and of their tries."""

import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.fakes.ollama import Script, answer, json_answer, ndjson_stream, whole
from tests.integration.n8n_nodes_ran import Ran, ran_once
from tests.integration.n8n_workflows import EXECUTE, LANGCHAIN, MODEL, step, workflow
from tests.servers.n8n import VERSIONS

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="module")]

BROKEN = json_answer({"error": "model runner has unexpectedly stopped"}, 500)
RETRIED = {"retryOnFail": True, "maxTries": 3, "waitBetweenTries": 100}


def asked() -> dict[str, Any]:
    """Each of our nodes that calls a model, one after the other."""
    chain = {"promptType": "define", "text": "Why?"}
    loader = {"jsonMode": "expressionData", "jsonData": "Some text.", "options": {}}
    return workflow(
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


def reading(exchange: str) -> dict[str, Any]:
    """Each operation that reads, on a call of the model *before*; the call is erased at last."""
    only = {"model": "before"}
    calls: dict[str, dict[str, Any]] = {
        "Find": {"operation": "find", "returnAll": True, "filters": only},
        "Failures": {"operation": "failures", "limit": 5, "filters": only},
        "Totals": {"operation": "totals", "by": "model", "filters": only},
        "Export": {"operation": "export", "format": "csv", "filters": only},
        "Get": {"operation": "get", "exchange": exchange},
        "Explain": {"operation": "explain", "exchange": exchange},
        "Replay": {"operation": "replay", "exchange": exchange, "otherModel": MODEL | {"value": "other"}},
        "Erase": {"operation": "erase", "exchange": exchange},
        "Gone": {"operation": "get", "exchange": exchange},
    }
    steps = [
        step(name, "ollamaRecorder", resource="call", **given)
        | {"onError": "continueRegularOutput", "executeOnce": True, "alwaysOutputData": True}
        for name, given in calls.items()
    ]
    wires = {source: (target, "main") for source, target in itertools.pairwise(["Execute", *calls])}
    return workflow("reading", EXECUTE, *steps, **wires)


def agent() -> dict[str, Any]:
    """An agent with memory and two tools, the recorder's failures one of them."""
    asking: dict[str, Any] = {"promptType": "define", "text": "What is 7 * 6, and what failed?", "options": {}}
    memory: dict[str, Any] = {"sessionIdType": "customKey", "sessionKey": "ada"}
    filters = {"model": "no such model"}
    find: dict[str, Any] = {"resource": "call", "operation": "failures", "limit": 5, "filters": filters}
    return workflow(
        "agent",
        EXECUTE,
        step("Agent", f"{LANGCHAIN}.agent", 3, **asking),
        step("Das Modell", "recordedOllamaChatModel", model="of the agent", options={}),
        step("Memory", f"{LANGCHAIN}.memoryBufferWindow", 1.3, **memory),
        step("Calculator", f"{LANGCHAIN}.toolCalculator"),
        step("Failures", "ollamaRecorderTool", **find),
        Execute=("Agent", "main"),
        Das_Modell=("Agent", "ai_languageModel"),
        Memory=("Agent", "ai_memory"),
        Calculator=("Agent", "ai_tool"),
        Failures=("Agent", "ai_tool"),
    )


def items(count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Nodes *Text* and *Items*, out of which ``count`` items come. A Code node would wait for a process of its own."""
    given = json.dumps({"text": [f"Item {number}" for number in range(count)]})
    text = step("Text", "n8n-nodes-base.set", 3.4, mode="raw", jsonOutput=given, options={})
    return text, step("Items", "n8n-nodes-base.splitOut", 1, fieldToSplitOut="text", options={})


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


def streamed(**message: Any) -> Script:
    """A chat that says ``message`` and ends."""
    told = {"model": "llama3.2", "message": {"role": "assistant", "content": "", **message}, "done": False}
    counts = {"prompt_eval_count": 30, "eval_count": 7, "eval_duration": 70_000_000, "total_duration": 90_000_000}
    end = {"model": "llama3.2", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in (told, end | counts))
    return answer(whole(lines, content_type="application/x-ndjson"))


def wants(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"function": {"name": tool, "arguments": arguments}}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=VERSIONS)
async def ran(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, extensions: Any
) -> AsyncIterator[Ran]:
    fine = ndjson_stream(3)
    answers = {
        "of the agent": [
            streamed(tool_calls=[wants("Calculator", input="7 * 6")]),
            streamed(tool_calls=[wants("Failures")]),
            streamed(content="It is 42, and nothing failed."),
        ],
        "action": [fine, BROKEN, fine, fine],
        "one": [BROKEN, fine],
        "two": [fine, BROKEN, fine, fine],
    }
    tried = (action("action"), chain("one", 1), chain("two", 2))
    # Three nodes that call a model, the replay, three calls of the agent, ten tries; the call before is erased.
    async with ran_once(
        tmp_path_factory.mktemp("ran"),
        request.param,
        extensions,
        lambda exchange: (asked(), reading(exchange), agent(), *tried),
        answers,
        17,
    ) as found:
        yield found


async def test_every_node_names_workflow_execution_and_itself_in_one_trace(ran: Ran) -> None:
    found = ran.of("asked")
    assert [one["node"] for one in found[:2]] == ["Frage", "Das Modell"]
    assert {one["node"] for one in found[2:]} == {"Vectors"}
    assert {one["workflow"] for one in found} == {"Über asked"}
    assert {one["execution_id"] for one in found} == {ran.execution("asked")}
    assert len({one["trace_id"] for one in found}) == 1
    assert {one["caller"] for one in found} == {"n8n"}
    assert not [one["request_uri"] for one in found if "~" in one["request_uri"]]
    assert len(ran.outputs["asked"]["Find"]) >= len(found)


async def test_the_action_answers_flat_items_and_keeps_the_sentence_of_an_error(ran: Ran) -> None:
    found, first = ran.outputs["reading"], ran.records[0]
    assert [one["exchange"] for one in found["Find"]] == [first["exchange"]]
    assert found["Failures"] == [{}]
    assert [(one["name"], one["calls"]) for one in found["Totals"]] == [("before", 1)]
    assert (found["Export"][0]["format"], found["Export"][0]["empty"]) == ("csv", False)
    assert found["Get"][0]["response_text"] == first["response_text"]
    assert found["Explain"][0]["sentence"]
    assert "before_model" in found["Replay"][0], found["Replay"]
    assert (found["Replay"][0]["before_model"], found["Replay"][0]["after_model"]) == ("before", "other")
    assert found["Erase"][0]["erased"] == 1
    assert "error" in found["Gone"][0]


def called(record: dict[str, Any]) -> tuple[str, str]:
    """The tool that the model had called last when it was asked this, and what that gave.

    n8n offers each tool by the name of its node, and may send only the newest call of a tool again.
    """
    messages = json.loads(record["request_body"])["messages"]
    names = [one["function"]["name"] for message in messages for one in message.get("tool_calls", ())]
    return str(names[-1]), str([one["content"] for one in messages if one["role"] == "tool"][-1])


async def test_an_agent_with_two_tools_and_memory_is_one_execution_and_one_trace(ran: Ran) -> None:
    found = ran.of("agent")
    assert len(found) == 3
    asked_by = {(one["workflow"], one["execution_id"], one["node"], one["caller"]) for one in found}
    assert asked_by == {("Über agent", ran.execution("agent"), "Das Modell", "n8n")}
    assert len({one["trace_id"] for one in found}) == 1
    assert {(one["item"], one["attempt"]) for one in found} == {(0, 1)}
    assert found[-1]["response_text"] == "It is 42, and nothing failed."
    (first, number), (second, sentence) = map(called, found[1:])
    assert (first, second) == ("Calculator", "Failures")
    assert "42" in number
    # Nothing failed, and no item of a tool would be an empty text to the model.
    assert "No call that matches these filters failed." in sentence


async def test_a_retry_on_fail_is_told_from_a_second_item(ran: Ran) -> None:
    assert ran.outputs.keys() >= {"action", "one", "two"}
    of_action, of_one, of_two = map(ran.of, ("action", "one", "two"))
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
    requests = {one["exchange"]: one for group in ran.failures["groups"] for one in group["requests"]}
    request = requests[of_action[1]["exchange"]]
    assert (request["tries"], request["answer"]) == (2, of_action[3]["exchange"])
