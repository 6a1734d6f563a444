"""An Ollama is judged gone while calls wait for it, or before they come: nobody waits for it any longer."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from service.app import App
from service.upstreams import watching
from tests.fakes.ollama import HOLD, RESET, answer, json_answer, whole
from tests.running_app import ask, get, said, until
from tests.sharing.held import record, waiting, words
from tests.upstreams.pair import OneOfTwo, chat, pair

ILLNESSES = {
    "silent": (answer(HOLD), "did not answer within 0.5 s"),
    "answers errors": (json_answer({"error": "no"}, 503), "it answers 503"),
    "hangs up": (answer(RESET), ""),
    "no HTTP": (answer(b"SSH-2.0-OpenSSH_9.6\r\n"), ""),
    "half an answer": (answer(b"HTTP/1.1 200 OK\r\nContent-Le", HOLD), "did not answer within 0.5 s"),
}


@pytest.fixture(autouse=True)
def _quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.5)
    monkeypatch.setattr(watching, "EVERY_SECONDS", 1.0)


@pytest.mark.parametrize("illness", ILLNESSES)
async def test_who_waits_for_the_only_one_that_has_the_model_gets_a_502_that_names_it(
    tmp_path: Path, illness: str
) -> None:
    script, reason = ILLNESSES[illness]
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        one.let_go.clear()
        busy = asyncio.create_task(chat(app, "busy", "left"))
        await until(lambda: _served(one, 1))
        waits = [asyncio.create_task(chat(app, f"waits {number}", "left")) for number in range(3)]
        pinned = asyncio.create_task(chat(app, "pinned", "tiny", f"upstream={one.name}"))
        await waiting(app, 4)
        one.answer_all(script)
        for got in await asyncio.gather(*waits, pinned):
            assert got.status == 502
            assert words(got).startswith(f"Ollama cannot be reached at {one.ollama.url} (")
            assert reason in words(got)
            line = (await record(app, got))["record"]
            assert (line["outcome"], line["upstream"]) == ("upstream_unreachable", one.name)
            assert line["queue_time"] > 0
        assert (await said(app, "/queue.json"))["waiting_count"] == 0
        # What only the other has goes on meanwhile, and so does what both have.
        assert [(await chat(app, "hi", model)).status for model in ("right", "tiny")] == [200, 200]
        # A call that comes later is told at once too.
        got = await chat(app, "later", "left")
        assert (got.status, "queue_time" in (await record(app, got))["record"]) == (502, False)
        assert other.served == ["hi", "hi"]
        one.be_well()
        one.let_go.set()
        await busy
        await until(lambda: _is_up(app, one, True))
        assert (await chat(app, "back", "left")).status == 200
        assert one.served == ["busy", "back"]
        _all_is_free(app)


async def test_who_waits_for_both_goes_on_with_the_other(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        one.let_go.clear()
        other.let_go.clear()
        busy = [asyncio.create_task(chat(app, "busy", model)) for model in ("left", "right")]
        await until(lambda: _served(one, 1))
        await until(lambda: _served(other, 1))
        waits = [asyncio.create_task(chat(app, f"waits {number}")) for number in range(4)]
        await waiting(app, 4)
        one.answer_all(answer(HOLD))
        await until(lambda: _is_up(app, one, False))
        other.let_go.set()
        assert [got.status for got in await asyncio.gather(*waits)] == [200] * 4
        assert len(other.served) == 5
        one.let_go.set()
        await asyncio.gather(*busy)
        _all_is_free(app)


async def test_where_all_are_gone_each_is_named(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        one.let_go.clear()
        other.let_go.clear()
        busy = [asyncio.create_task(chat(app, "busy", model)) for model in ("left", "right")]
        await until(lambda: _served(one, 1))
        await until(lambda: _served(other, 1))
        waits = [asyncio.create_task(chat(app, f"waits {number}")) for number in range(2)]
        await waiting(app, 2)
        one.answer_all(answer(HOLD))
        other.answer_all(json_answer({}, 500))
        for got in await asyncio.gather(*waits):
            assert got.status == 502
            for text in (f"{one.name}: did not answer within 0.5 s", f"{other.name}: it answers 500"):
                assert text in words(got)
            assert "upstream" not in (await record(app, got))["record"]
        assert (await get(app, "/api/ollama/api/version")).status == 502
        for each in (one, other):
            each.let_go.set()
        await asyncio.gather(*busy)
        _all_is_free(app)


async def test_without_a_queue_a_call_for_one_that_hangs_is_told_so_too(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, _):
        one.answer_all(answer(HOLD))
        await until(lambda: _is_up(app, one, False))
        got = await chat(app, "hi", "left")
        assert (got.status, one.served) == (502, [])
        assert "did not answer within 0.5 s" in words(got)
        shown = await get(app, f"/api/ollama/~upstream={one.name}/api/version")
        assert shown.status == 502


async def test_a_list_does_not_wait_for_one_that_is_gone_and_says_that_it_is_missing(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        one.answer_all(answer(HOLD))
        await until(lambda: _is_up(app, one, False))
        for path, where in (("/api/tags", "models"), ("/api/ps", "models"), ("/v1/models", "data")):
            began = asyncio.get_running_loop().time()
            got = await get(app, f"/api/ollama{path}")
            assert asyncio.get_running_loop().time() - began < 5
            assert (got.status, got.header("X-Recorder-Missing")) == (200, one.name)
            assert len(json.loads(got.body)[where]) == (0 if path == "/api/ps" else 2)
        assert await said(app, "/models.json") == {"models": ["tiny:latest", "right:latest"]}
        one.be_well()
        await until(lambda: _is_up(app, one, True))
        assert (await get(app, "/api/ollama/api/tags")).header("X-Recorder-Missing") is None
        assert other.asked("/api/tags") > 1


async def test_one_that_is_well_and_does_not_list_is_asked_for_a_moment_only(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, _):
        for path in ("/api/tags", "/api/ps", "/v1/models"):
            one.ollama.answers(path, answer(HOLD))
        routing: Any = app._ollama.routing
        await routing.watches[one.name].look()
        assert await _is_up(app, one, True)
        began = asyncio.get_running_loop().time()
        got = await get(app, "/api/ollama/api/tags")
        assert asyncio.get_running_loop().time() - began < 4
        assert (got.status, got.header("X-Recorder-Missing")) == (200, one.name)


async def test_a_long_request_for_one_that_is_gone_is_answered_without_it(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        one.answer_all(answer(HOLD))
        await until(lambda: _is_up(app, one, False))
        for path in ("/api/chat", "/v1/chat/completions"):
            body = {"stream": False, "model": "left", "messages": [{"role": "user", "content": "x" * (17 << 20)}]}
            got = await ask(app, f"/api/ollama{path}", json.dumps(body).encode())
            assert got.status == 502
            line = (await record(app, got))["record"]
            assert (line["outcome"], line["upstream"]) == ("upstream_unreachable", one.name)
        # It goes where its model is, wherever in its beginning that is named.
        got = await ask(app, "/api/ollama/api/chat", json.dumps({**body, "model": "right"}).encode())
        assert (got.status, other.served) == (200, ["long"])
        _all_is_free(app)


async def test_a_limit_is_told_before_that_its_ollama_is_gone(tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text('[default]\nmodels = ["tiny"]\n')
    async with pair(tmp_path, MAX_ACTIVE="1", LIMITS_FILE=str(limits)) as (app, one, _):
        one.answer_all(answer(HOLD))
        await until(lambda: _is_up(app, one, False))
        assert (await chat(app, "hi", "left")).status == 403


async def test_one_silence_alone_ends_nobodys_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only the looks that the test asks for.
    monkeypatch.setattr(watching, "_LEAST_PAUSE", 600.0)
    monkeypatch.setattr(watching, "EVERY_SECONDS", 1200.0)
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, _):
        await until(lambda: _has(app, one, "left:latest"))
        one.let_go.clear()
        busy = asyncio.create_task(chat(app, "busy", "left"))
        await until(lambda: _served(one, 1))
        waits = asyncio.create_task(chat(app, "waits", "left"))
        await waiting(app, 1)
        routing: Any = app._ollama.routing
        one.ollama.answers("/api/version", json_answer({}, 503))
        await routing.watches[one.name].look()
        assert not await _is_up(app, one, True)
        await waiting(app, 1)
        one.be_well()
        await routing.watches[one.name].look()
        one.let_go.set()
        assert [got.status for got in await asyncio.gather(busy, waits)] == [200, 200]


async def test_a_client_that_leaves_while_its_ollama_is_looked_at_loses_nothing(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, _):
        one.answer_all(answer(HOLD))
        await until(lambda: _is_up(app, one, False))
        calls = [asyncio.create_task(chat(app, f"{number}", "left")) for number in range(6)]
        await asyncio.sleep(0.1)
        for call in calls[::2]:
            call.cancel()
        got = await asyncio.gather(*calls, return_exceptions=True)
        assert [each.status for each in got if not isinstance(each, BaseException)] == [502] * 3
        one.answer_all(answer(whole(b"{}")))
        _all_is_free(app)


async def _served(one: OneOfTwo, count: int) -> bool:
    return len(one.served) >= count


async def _is_up(app: App, one: OneOfTwo, is_up: bool) -> bool:
    upstream = app._ollama.routing.upstreams.all[one.name]  # type: ignore[union-attr]  # there are two
    return (upstream.trouble is None) is is_up


async def _has(app: App, one: OneOfTwo, model: str) -> bool:
    return model in app._ollama.routing.upstreams.all[one.name].models  # type: ignore[union-attr]  # there are two


def _all_is_free(app: App) -> None:
    ollama: Any = app._ollama
    queue = ollama.sharing.places.queue
    assert (queue.active, queue.waiting, ollama.routing.calls, ollama.sharing.calls) == (0, 0, {}, {})
    assert not any(queue._active_at.values())
