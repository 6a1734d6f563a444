"""Two real Ollamas behind one recorder: one is killed in mid-answer and while others wait, and comes back."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import ollama as ollama_python
import pytest

from tests.gateway.harness import RawAnswer, request_bytes, talk
from tests.integration.watching import records
from tests.servers.ollama import MODEL, ONE_THREAD, PROGRAMS, TEMPLATE, Ollama, running_ollama
from tests.servers.process import RunningServer, require
from tests.servers.recorder import running_recorder

CALLS = 12
BACK_WITHIN = 10.0


async def chat(server: RunningServer, text: str, model: str = MODEL, tokens: int = 4) -> RawAnswer:
    """A streamed chat of so many tokens."""
    options = {"num_predict": tokens, **ONE_THREAD}
    body = {"model": model, "messages": [{"role": "user", "content": text}], "options": options}
    return await talk(server.port, request_bytes("POST", "/api/ollama/api/chat", json.dumps(body).encode()), within=300)


async def picture(server: RunningServer) -> dict[str, Any]:
    got = await talk(server.port, request_bytes("GET", "/queue.json"))
    return dict(json.loads(got.body))


async def calls_until(
    server: RunningServer, upstreams: set[str], text: str, count: int, model: str = MODEL
) -> list[asyncio.Task[RawAnswer]]:
    """So many calls under way, some of which may be over, once each of ``upstreams`` answers one.

    On a busy machine all of them may be over before anybody looks: then there are more.
    """
    calls: list[asyncio.Task[RawAnswer]] = []
    async with asyncio.timeout(120):
        while True:
            missing = count - sum(not call.done() for call in calls)
            calls += [asyncio.create_task(chat(server, text, model, tokens=2000)) for _ in range(missing)]
            await asyncio.sleep(0.01)
            if {call["upstream"] for call in (await picture(server))["active"]} == upstreams:
                return calls


def lines(folder: Path) -> dict[str, dict[str, Any]]:
    """All records by their ids."""
    return {kept.row.id: json.loads(kept.row.line) for kept in records(folder, 0)}


def name_of(ollama: Ollama) -> str:
    return ollama.url.partition("://")[2]


def has_answer(got: RawAnswer) -> bool:
    return got.status == 200 and got.is_complete and json.loads(got.body.splitlines()[-1])["done"] is True


def see_one_list(base: str) -> None:
    """Official clients see one list, and Ollama's own error for a model that nobody has."""
    import openai  # takes a second: not whenever tests are collected

    client = ollama_python.Client(base)
    names = [model.model for model in client.list().models]
    client._client.close()
    assert names.count(f"{MODEL}:latest") == 1
    assert "only-there:latest" in names
    with openai.OpenAI(base_url=f"{base}/v1", api_key="none") as openai_client:
        assert "only-there:latest" in {model.id for model in openai_client.models.list().data}
        with pytest.raises(openai.NotFoundError):
            openai_client.chat.completions.create(model="nobodys", messages=[{"role": "user", "content": "x"}])


@pytest.mark.long
@pytest.mark.blocks("what is tested are processes of their own; this loop is only the load around them")
async def test_one_of_two_ollamas_is_killed_and_comes_back(tmp_path: Path, measured: Callable[[str], None]) -> None:
    one_folder, other_folder = tmp_path / "one", tmp_path / "other"
    one_folder.mkdir()
    other_folder.mkdir()
    names = list(PROGRAMS)
    with ExitStack() as stack:
        one = stack.enter_context(running_ollama(one_folder, names[-1]))
        other = stack.enter_context(running_ollama(other_folder, names[0]))
        weights = require("models", "run make servers") / "tiny.gguf"
        other.create("only-there", weights, template=TEMPLATE, parameters=ONE_THREAD)
        urls = f"{one.url},{other.url}"
        server = stack.enter_context(running_recorder(tmp_path, OLLAMA_URL=urls, MAX_ACTIVE="1"))

        # A model that only one has goes there, whoever is busy.
        got = await chat(server, "hi", "only-there")
        assert has_answer(got)
        assert lines(tmp_path)[got.header("X-Exchange-Id") or ""]["upstream"] == name_of(other)
        await asyncio.to_thread(see_one_list, f"http://127.0.0.1:{server.port}/api/ollama")

        # Both have the model loaded, then one is killed in mid-answer and while others wait.
        await asyncio.gather(*(chat(server, f"warm {number}") for number in range(4)))
        calls = await calls_until(server, {name_of(one), name_of(other)}, "call", CALLS)
        one.server.stop(signal.SIGKILL)
        killed = time.monotonic()
        answers = await asyncio.gather(*calls)
        measured(f"{len(calls)} calls were over {time.monotonic() - killed:.1f} s after one of two Ollamas was killed")
        broken = [got for got in answers if not has_answer(got)]
        # One was being answered there; one more may have come to it in the very moment.
        assert 1 <= len(broken) <= 2
        found = lines(tmp_path)
        for got in broken:
            line = found[got.header("X-Exchange-Id") or ""]
            assert (line["outcome"], line["upstream"]) == ("upstream_broke_off", name_of(one))
            assert got.status == 502 or not got.is_complete
        for got in answers:
            if got not in broken:
                assert found[got.header("X-Exchange-Id") or ""]["outcome"] == "completed"
        ready = await talk(server.port, request_bytes("GET", "/readyz"))
        assert (ready.status, list(json.loads(ready.body)["degraded"])) == (200, [f"ollama {name_of(one)}"])

        # It is back, and gets work.
        stack.enter_context(running_ollama(one_folder, names[-1], port=one.server.port))
        back = time.monotonic()
        while True:
            pair = await asyncio.gather(*(chat(server, "again", tokens=20) for _ in range(2)))
            assert all(map(has_answer, pair))
            found = lines(tmp_path)
            if name_of(one) in {found[got.header("X-Exchange-Id") or ""]["upstream"] for got in pair}:
                break
            assert time.monotonic() - back < BACK_WITHIN
        measured(f"it got work {time.monotonic() - back:.1f} s after it was back")
        assert (await picture(server))["active"] == []
        await _see_one_that_hangs(server, other, tmp_path, measured)


async def _see_one_that_hangs(
    server: RunningServer, frozen: Ollama, folder: Path, measured: Callable[[str], None]
) -> None:
    """It takes connections and says nothing: who waits for it hears that, and it gets work when it goes on."""
    running = await calls_until(server, {name_of(frozen)}, "long", 1, "only-there")
    frozen.server.process.send_signal(signal.SIGSTOP)
    waits = asyncio.create_task(chat(server, "waits", "only-there"))
    try:
        began = time.monotonic()
        got = await waits
        measured(f"who waited for one that hangs was told after {time.monotonic() - began:.1f} s")
        later = await chat(server, "later", "only-there")
        for answer in (got, later):
            assert answer.status == 502
            assert f"Ollama cannot be reached at {frozen.url} (did not answer within 2 s)" in answer.body.decode()
        found = lines(folder)
        assert found[got.header("X-Exchange-Id") or ""]["outcome"] == "upstream_unreachable"
        began = time.monotonic()
        listed = await talk(server.port, request_bytes("GET", "/api/ollama/api/tags"))
        assert time.monotonic() - began < 2
        assert listed.header("X-Recorder-Missing") == name_of(frozen)
        assert has_answer(await chat(server, "elsewhere"))
    finally:
        frozen.server.process.send_signal(signal.SIGCONT)
    for call in running:
        assert has_answer(await call)
    until = time.monotonic() + BACK_WITHIN
    while not has_answer(await chat(server, "back", "only-there")):
        assert time.monotonic() < until
