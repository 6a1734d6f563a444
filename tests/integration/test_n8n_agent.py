"""An agent in a real n8n, with two tools and memory: all of its calls are one execution and one trace."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import FakeOllama, Script, answer, whole
from tests.integration.n8n_workflows import EXECUTE, LANGCHAIN, credential, kept, step, workflow
from tests.servers.n8n import N8n
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long


def streamed(**message: Any) -> Script:
    """A chat that says ``message`` and ends."""
    told = {"model": "llama3.2", "message": {"role": "assistant", "content": "", **message}, "done": False}
    counts = {"prompt_eval_count": 30, "eval_count": 7, "eval_duration": 70_000_000, "total_duration": 90_000_000}
    end = {"model": "llama3.2", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in (told, end | counts))
    return answer(whole(lines, content_type="application/x-ndjson"))


def wants(tool: str, **arguments: Any) -> dict[str, Any]:
    return {"function": {"name": tool, "arguments": arguments}}


def newest_tool(record: dict[str, Any]) -> str:
    """The tool that the model had called last when it was asked this; n8n offers each by the name of its node."""
    messages = json.loads(record["request_body"])["messages"]
    names = [one["function"]["name"] for message in messages for one in message.get("tool_calls", ())]
    return str(names[-1])


def newest_result(record: dict[str, Any]) -> str:
    """What the tool gave that was called last."""
    messages = json.loads(record["request_body"])["messages"]
    return str([one["content"] for one in messages if one["role"] == "tool"][-1])


async def test_an_agent_with_two_tools_and_memory_is_one_execution_and_one_trace(
    n8n_with_nodes: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    agent: dict[str, Any] = {"promptType": "define", "text": "What is 7 * 6, and what failed?", "options": {}}
    memory: dict[str, Any] = {"sessionIdType": "customKey", "sessionKey": "ada"}
    find: dict[str, Any] = {"resource": "call", "operation": "failures", "limit": 5, "filters": {}}
    asked = workflow(
        "agent",
        EXECUTE,
        step("Agent", f"{LANGCHAIN}.agent", 3, **agent),
        step("Das Modell", "recordedOllamaChatModel", model="llama3.2", options={}),
        step("Memory", f"{LANGCHAIN}.memoryBufferWindow", 1.3, **memory),
        step("Calculator", f"{LANGCHAIN}.toolCalculator"),
        step("Failures", "ollamaRecorderTool", **find),
        Execute=("Agent", "main"),
        Das_Modell=("Agent", "ai_languageModel"),
        Memory=("Agent", "ai_memory"),
        Calculator=("Agent", "ai_tool"),
        Failures=("Agent", "ai_tool"),
    )
    async with FakeOllama() as ollama:
        ollama.answers(
            "/api/chat",
            streamed(tool_calls=[wants("Calculator", input="7 * 6")]),
            streamed(tool_calls=[wants("Failures")]),
            streamed(content="It is 42, and nothing failed."),
        )
        recorder = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)
        await asyncio.to_thread(n8n_with_nodes.add_credentials, [credential(recorder)])
        await asyncio.to_thread(n8n_with_nodes.add_workflows, asked)
        execution = await asyncio.to_thread(n8n_with_nodes.execute, "agent")
        found = await asyncio.to_thread(kept, tmp_path, 3)
    assert len(found) == 3
    asked_by = {(one["workflow"], one["workflow_id"], one["execution_id"], one["node"], one["caller"]) for one in found}
    assert asked_by == {("Über agent", "agent", execution.id, "Das Modell", "n8n")}
    assert len({one["trace_id"] for one in found}) == 1
    assert {(one["item"], one["attempt"]) for one in found} == {(0, 1)}
    assert found[-1]["response_text"] == "It is 42, and nothing failed."
    # Nothing failed, and no item of a tool would be an empty text to the model.
    assert "No call that matches these filters failed." in newest_result(found[-1])
    # n8n may send only the newest call of a tool again.
    assert [newest_tool(one) for one in found[1:]] == ["Calculator", "Failures"]
