"""Turns of a client that names no conversation are one: in records, filters and the opened exchange."""

import json
from pathlib import Path
from typing import Any

from service.app import App
from tests.fakes.ollama import FakeOllama
from tests.running_app import ask, found, running, said

OPENAI = "/api/ollama/v1/chat/completions"


async def turn(app: App, messages: list[dict[str, str]], path: str = "/api/ollama/api/chat", **headers: str) -> str:
    """Send ``messages`` and add what was answered to them; the id of the exchange."""
    body = json.dumps({"model": "tiny", "messages": messages, "stream": False}).encode()
    got = await ask(app, path, body, **headers)
    answer = json.loads(got.body)
    message = answer["choices"][0]["message"] if "choices" in answer else answer["message"]
    messages.append({"role": "assistant", "content": message["content"]})
    return got.header("X-Exchange-Id") or ""


async def asked(app: App, messages: list[dict[str, str]], text: str, **more: Any) -> str:
    messages.append({"role": "user", "content": text})
    return await turn(app, messages, **more)


async def test_turns_are_found_together_before_and_after_a_restart(tmp_path: Path) -> None:
    one: list[dict[str, str]] = []
    other: list[dict[str, str]] = []
    async with FakeOllama() as ollama:
        async with running(tmp_path, OLLAMA_URL=ollama.url) as app:
            first = await asked(app, one, "Hi")
            alone = await asked(app, other, "Hello")
            second = await asked(app, one, "And now?", path=OPENAI)
            both = await found(app, f"conversation={first}", 2)
            assert [entry["exchange"] for entry in both] == [second, first]
            opened = await said(app, f"/exchanges/{second}.json")
            assert (opened["turns_known"], opened["previous"]) == (2, first)
            assert opened["calls_of"] == "chat"
            assert (await said(app, f"/exchanges/{first}.json"))["next"] == second
            assert (await said(app, f"/exchanges/{alone}.json"))["turns_known"] == 1
        async with running(tmp_path, OLLAMA_URL=ollama.url) as app:
            third = await asked(app, one, "And after that?")
            again = await found(app, f"conversation={first}", 3)
            assert again[0]["exchange"] == third
            assert all(entry["conversation_id"] == first for entry in again)


async def test_executions_of_a_workflow_that_go_on_with_a_talk_are_one_conversation(tmp_path: Path) -> None:
    talk: list[dict[str, str]] = []
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        first = await asked(app, talk, "Hi", X_N8N_Workflow_Name="Chat", X_N8N_Execution_Id="1")
        second = await asked(app, talk, "More", X_N8N_Workflow_Name="Chat", X_N8N_Execution_Id="2")
        both = await found(app, f"conversation={first}", 2)
        assert [(entry["exchange"], entry["execution_id"]) for entry in both] == [(second, "2"), (first, "1")]


async def test_what_is_no_chat_is_no_turn(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await ask(app, "/api/ollama/api/generate", b'{"model": "tiny", "prompt": "Hi", "stream": false}')
        await ask(app, "/api/ollama/api/tags", b"")
        await ask(app, "/api/ollama/api/chat", b'{"model": "tiny", "messages": [')
        entries = await found(app, "limit=10", 3)
        assert not [entry for entry in entries if "conversation_id" in entry]
