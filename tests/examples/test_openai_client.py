"""OpenAI's SDK example, run as its reader would run it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama, json_answer
from tests.integration.watching import records
from tests.servers.ollama import EMBEDDING_MODEL, MODEL
from tests.servers.process import RunningServer

pytestmark = pytest.mark.long

PROGRAM = Path(__file__).parents[2] / "examples" / "openai_client.py"


def run(port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        sys.executable,
        PROGRAM,
        "--base-url",
        f"http://127.0.0.1:{port}/api/ollama/v1",
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_every_part_that_a_small_model_can_do_works_against_a_real_ollama(recorder: RunningServer) -> None:
    before = len(records(recorder.log.parent, 0))
    models = ("--model", MODEL, "--embedding-model", EMBEDDING_MODEL)
    done = run(recorder.port, *models, "chat", "stream", "structured", "embeddings", "responses")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 vectors of " in done.stdout
    assert "failed" not in done.stdout
    said = [json.loads(kept.row.line) for kept in records(recorder.log.parent, before + 5)[before:]]
    assert [one["operation"] for one in said] == ["chat", "chat", "chat", "embed", "chat"]
    assert {one["caller"] for one in said} == {"openai_client.py"}
    assert not any(one["failed"] for one in said)


def completion(message: dict[str, object], reason: str) -> dict[str, object]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}


async def test_a_tool_that_the_model_asks_for_is_answered(start_recorder: Callable[..., RunningServer]) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_temperature", "arguments": '{"city":"Lyon"}'}}
    async with FakeOllama() as ollama:
        ollama.answers(
            "/v1/chat/completions",
            json_answer(completion({"content": "", "tool_calls": [call]}, "tool_calls")),
            json_answer(completion({"content": "It is 21 degrees."}, "stop")),
        )
        server = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)
        done = await asyncio.to_thread(run, server.port, "--model", "m", "tools")
        assert "It is 21 degrees." in done.stdout, done.stdout + done.stderr
        second = json.loads([one for one in ollama.requests if one.path == "/v1/chat/completions"][1].body)
        assert second["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": "21 degrees in Lyon"}


def test_a_model_that_is_not_there_is_told_and_the_exit_code_says_so(recorder: RunningServer) -> None:
    done = run(recorder.port, "--model", "absent", "chat")
    assert done.returncode == 1
    assert "absent" in done.stdout
