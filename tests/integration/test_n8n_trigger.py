"""Our trigger in a real n8n: each kind of event starts a workflow for its own calls, and for no other."""

import asyncio
import contextlib
import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import HOLD, FakeOllama, Script, answer, json_answer, loaded_with, whole
from tests.integration.n8n_workflows import credential, kept, step, workflow
from tests.integration.watching import call
from tests.journal.given import wait_until
from tests.servers.n8n import N8n
from tests.servers.process import RunningServer, free_port

pytestmark = pytest.mark.long

NAME = "When {}".format
"""Of a trigger in the workflow: no key of a record is one."""
NOT_FOUND = json_answer({"error": "model 'llama9' not found"}, 404)
TRIGGERS: dict[str, dict[str, Any]] = {
    "failed": {"event": "failed"},
    "given up": {"event": "given_up"},
    "slower": {"event": "slower", "seconds": 3},
    "waited": {"event": "waited", "seconds": 6},
    "cut": {"event": "cut"},
    "search": {"event": "any", "filters": {"q": '"blue whale"'}},
    "filtered": {"event": "failed", "filters": {"workflow": {"__rl": True, "mode": "id", "value": "Another"}}},
}


def generated(seconds: float = 0.0, **facts: Any) -> Script:
    """An answer that comes after so many ``seconds``."""
    counts = {"prompt_eval_count": 30, "eval_count": 7, "load_duration": 1_000_000, "eval_duration": 70_000_000}
    answered = {"model": "tiny", "response": "Yes.", "done": True, "done_reason": "stop", **counts, **facts}
    return answer(seconds, whole(json.dumps(answered).encode()))


def started_by(n8n: N8n) -> dict[str, list[str]]:
    """What each execution that has ended holds, by the trigger that started it."""
    database = sqlite3.connect(f"file:{n8n.folder}/.n8n/database.sqlite?mode=ro", uri=True)
    with contextlib.closing(database):
        rows = database.execute(
            "SELECT data FROM execution_data JOIN execution_entity ON id = executionId WHERE status = 'success'"
        ).fetchall()
    found: dict[str, list[str]] = {name: [] for name in TRIGGERS}
    for (data,) in rows:
        # An array of all values, in which the object of the nodes that ran has their names as its keys.
        keys = {key for value in json.loads(data) if isinstance(value, dict) for key in value}
        (ran,) = [name for name in TRIGGERS if NAME(name) in keys]
        found[ran].append(data)
    return found


def placed(n8n: N8n) -> int:
    """How many triggers have kept the number that they begin at."""
    database = sqlite3.connect(f"file:{n8n.folder}/.n8n/database.sqlite?mode=ro", uri=True)
    with contextlib.closing(database):
        ((data,),) = database.execute("SELECT staticData FROM workflow_entity").fetchall()
    return sum("number" in one for one in json.loads(data or "{}").values())


async def test_each_event_starts_a_workflow_once_for_its_own_call(
    n8n_with_nodes: N8n, tmp_path: Path, start_recorder: Callable[..., RunningServer]
) -> None:
    nodes = [step(NAME(name), "ollamaRecorderTrigger", **{"filters": {}, **given}) for name, given in TRIGGERS.items()]
    wires = dict.fromkeys(map(NAME, TRIGGERS), ("Nothing", "main"))
    watching = workflow("watching", *nodes, step("Nothing", "n8n-nodes-base.noOp"), **wires)
    cut = {"prompt_eval_count": 154, "eval_count": 300}
    async with FakeOllama() as ollama:
        ollama.answers("/api/ps", loaded_with(tiny=256))
        ollama.answers(
            "/api/generate",
            generated(),
            NOT_FOUND,
            answer(HOLD),
            generated(3.5),
            generated(load_duration=9_000_000_000),
            generated(**cut),
            generated(),
        )
        recorder = await asyncio.to_thread(start_recorder, OLLAMA_URL=ollama.url)

        def ask(name: str) -> None:
            prompt = "How large is a blue whale?" if name == "search" else "word " * 100
            body = {"model": "tiny", "prompt": prompt, "options": {"num_ctx": 256}, "stream": False}
            named = "Another" if name == "failed" else "Mine"
            url = f"{recorder.url}/api/ollama/~workflow={named}/api/generate"
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(url, json.dumps(body).encode(), headers)
            with contextlib.suppress(urllib.error.HTTPError, TimeoutError):
                urllib.request.urlopen(request, timeout=1.0 if name == "given up" else 60.0).close()

        await asyncio.to_thread(call, recorder, "/api/ollama/api/tags")
        await asyncio.to_thread(n8n_with_nodes.add_credentials, [credential(recorder)])
        await asyncio.to_thread(n8n_with_nodes.add_workflows, watching)
        await asyncio.to_thread(n8n_with_nodes.run, "publish:workflow", "--id=watching")
        with contextlib.ExitStack() as running:
            server = await asyncio.to_thread(running.enter_context, n8n_with_nodes.serving())
            await asyncio.to_thread(wait_until, lambda: placed(n8n_with_nodes) == len(TRIGGERS), 60)
            prompts = ("plain", "failed", "given up", "slower", "waited", "cut", "search")
            for prompt in prompts:
                await asyncio.to_thread(ask, prompt)
            found = await asyncio.to_thread(kept, tmp_path, 1 + len(prompts))
            numbers = {name: one["exchange"] for name, one in zip(prompts, found[1:], strict=True)}
            wanted = {name: [name] for name in TRIGGERS} | {"failed": ["failed", "given up"], "filtered": ["failed"]}
            count = sum(map(len, wanted.values()))
            await asyncio.to_thread(wait_until, lambda: sum(map(len, started_by(n8n_with_nodes).values())) >= count, 60)
            await asyncio.sleep(1.5)
            await asyncio.to_thread(server.stop)
    started = started_by(n8n_with_nodes)
    told = {
        trigger: [name for data in held for name, exchange in numbers.items() if exchange in data]
        for trigger, held in started.items()
    }
    assert told == wanted


def place_of_the_trigger(n8n: N8n) -> int | None:
    """The number of the last exchange that the trigger has looked at, as n8n keeps it."""
    database = sqlite3.connect(f"file:{n8n.folder}/.n8n/database.sqlite?mode=ro", uri=True)
    with contextlib.closing(database):
        ((found,),) = database.execute("SELECT staticData FROM workflow_entity").fetchall()
    data = json.loads(found) if found else {}
    number: int | None = data.get("node:When a call failed", {}).get("number")
    return number


def ends(n8n: N8n) -> list[str]:
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
            await asyncio.to_thread(wait_until, lambda: len(ends(n8n_with_nodes)) >= count, 60)
            await asyncio.sleep(1.5)
            assert ends(n8n_with_nodes) == ["success"] * count

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
