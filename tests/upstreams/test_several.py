"""A whole recorder in front of two Ollamas: where calls go, what is one list, and whom management is for."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import answer, json_answer, whole
from tests.running_app import ask, found, get, said, until
from tests.sharing.held import record, waiting, words
from tests.upstreams.pair import chat, pair


async def test_a_model_that_only_one_has_goes_there_and_the_record_says_which(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        for model, at in (("right", other), ("left", one), ("RIGHT:latest", other)):
            got = await chat(app, "hi", model)
            assert got.status == 200
            line = (await record(app, got))["record"]
            assert line["upstream"] == at.name
            assert at.served.pop() == "hi"
        assert not one.served + other.served
        await found(app, f"upstream={other.name}", 2)
        await found(app, f"upstream={one.name}", 1)


async def test_every_shape_of_request_that_names_a_model_goes_where_that_is(tmp_path: Path) -> None:
    # Nothing of a body is kept: what is decided from it is read as it passes.
    async with pair(tmp_path, KEEP_BODY_BYTES="0") as (app, one, other):
        bodies: dict[str, dict[str, Any]] = {
            "/api/chat": {"messages": [{"role": "user", "content": "x"}]},
            "/api/generate": {"prompt": "x"},
            "/api/embed": {"prompt": "x", "input": "x"},
            "/v1/chat/completions": {"messages": [{"role": "user", "content": "x"}]},
            "/v1/messages": {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5},
        }
        for path, body in bodies.items():
            assert (await ask(app, f"/api/ollama{path}", json.dumps({**body, "model": "right"}).encode())).status == 200
        long = {"model": "right", "messages": [{"role": "user", "content": "x" * (17 << 20)}]}
        assert (await ask(app, "/api/ollama/api/chat", json.dumps(long).encode())).status == 200
        assert (len(one.served), len(other.served)) == (0, len(bodies) + 1)
        packed = gzip.compress(json.dumps({**bodies["/api/chat"], "model": "right"}).encode())
        await ask(app, "/api/ollama/api/chat", packed, Content_Encoding="gzip")
        assert not one.asked("/api/chat")
        show = json.dumps({"model": "right"}).encode()
        assert (await ask(app, "/api/ollama/api/show", show)).status == 200
        await get(app, "/api/ollama/v1/models/right")
        # The recorder asks there too, for what it knows of the model.
        assert (one.asked("/api/show"), other.asked("/api/show") > 0) == (0, True)
        assert (one.asked("/v1/models/right"), other.asked("/v1/models/right")) == (0, 1)


async def test_a_model_that_nobody_has_gets_ollamas_own_404(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, _, _):
        got = await chat(app, "hi", "nobodys")
        assert got.status == 404
        assert words(got) == "model 'nobodys' not found"


async def test_a_model_that_was_just_fetched_is_found_at_the_first_call(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        await chat(app, "hi", "nobodys")
        other.models.append("new")
        await asyncio.sleep(1.1)
        assert (await chat(app, "hi", "new")).status == 200
        assert (one.served, other.served[-1:]) == (one.served, ["hi"])


async def test_where_it_is_loaded_and_a_place_is_free_then_elsewhere(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        other.loaded = ["tiny"]
        await until(lambda: _is_loaded(app, "tiny"))
        one.let_go.clear()
        other.let_go.clear()
        calls = [asyncio.create_task(chat(app, "first"))]
        await until(lambda: _has(other.served, 1))
        calls.append(asyncio.create_task(chat(app, "second")))
        await until(lambda: _has(one.served, 1))
        calls.append(asyncio.create_task(chat(app, "third")))
        (third,) = await waiting(app, 1)
        assert f"all places at {one.name} and {other.name} are taken" in third["reason"]
        # A call for the one that is busy holds nobody up, nor is it held up.
        calls.append(asyncio.create_task(chat(app, "fourth", "left")))
        await waiting(app, 2)
        other.let_go.set()
        await until(lambda: _has(other.served, 2))
        assert other.served == ["first", "third"]
        one.let_go.set()
        assert [got.status for got in await asyncio.gather(*calls)] == [200] * 4
        assert one.served == ["second", "fourth"]


async def test_a_model_leaves_memory_where_it_is_in_memory(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        other.loaded = ["tiny"]
        await until(lambda: _is_loaded(app, "tiny"))
        other.let_go.clear()
        busy = asyncio.create_task(chat(app, "busy"))
        await until(lambda: _has(other.served, 1))
        body = b'{"model":"tiny","keep_alive":0}'
        unload = asyncio.create_task(ask(app, "/api/ollama/api/generate", body))
        await waiting(app, 1)
        other.let_go.set()
        assert [got.status for got in await asyncio.gather(busy, unload)] == [200, 200]
        assert (len(one.served), len(other.served)) == (0, 2)


async def test_without_a_queue_a_second_call_goes_to_the_one_that_is_not_busy(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        one.let_go.clear()
        other.let_go.clear()
        calls = [asyncio.create_task(chat(app, f"call {number}")) for number in range(6)]
        await until(lambda: _has(one.served + other.served, 6))
        assert (len(one.served), len(other.served)) == (3, 3)
        one.let_go.set()
        other.let_go.set()
        await asyncio.gather(*calls)


async def test_a_conversation_stays_where_its_prompt_is_in_the_cache(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        first = await chat(app, "tell me of bees", "tiny", f"upstream={other.name}")
        assert first.status == 200
        one.loaded = other.loaded = ["tiny"]
        await until(lambda: _is_loaded(app, "tiny"))
        for number in range(3):
            turns = [{"role": "user", "content": "tell me of bees"}, {"role": "user", "content": f"more {number}"}]
            await chat(app, "", messages=turns)
            await chat(app, f"something else {number}", labels=f"upstream={one.name}")
        assert other.served == ["tell me of bees", "more 0", "more 1", "more 2"]


async def test_lists_are_the_union_in_ollamas_own_shape(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        one.loaded, other.loaded = ["tiny"], ["tiny", "right"]
        tags = await said(app, "/api/ollama/api/tags")
        assert [model["name"] for model in tags["models"]] == ["tiny:latest", "left:latest", "right:latest"]
        assert tags["models"][0]["at"] == one.name
        loaded = await said(app, "/api/ollama/api/ps")
        assert [model["name"] for model in loaded["models"]] == ["tiny:latest", "right:latest"]
        listed = await said(app, "/api/ollama/v1/models")
        assert listed["object"] == "list"
        assert [model["id"] for model in listed["data"]] == ["tiny:latest", "left:latest", "right:latest"]
        # Of one of them, where somebody asks for that.
        own = await said(app, f"/api/ollama/~upstream={other.name}/api/tags")
        assert [model["name"] for model in own["models"]] == ["tiny:latest", "right:latest"]
        got = await get(app, "/api/ollama/api/tags", "HEAD")
        assert (got.status, int(got.header("Content-Length") or 0) > 100, got.rest) == (200, True, b"")
        line = (await record(app, await get(app, "/api/ollama/api/tags")))["record"]
        assert "upstream" not in line


async def test_one_that_answers_nonsense_is_left_out_of_a_list(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, _, other):
        for nonsense in (b"<html>", b'{"models": 5}', b"[]", b'{"models":null}', b'{"models":[1,{"name":[]}]}'):
            other.ollama.answers("/api/tags", answer(whole(nonsense)))
            tags = await said(app, "/api/ollama/api/tags")
            assert [model["name"] for model in tags["models"][:2]] == ["tiny:latest", "left:latest"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/pull", b'{"model":"x"}'),
        ("POST", "/api/push", b'{"model":"x"}'),
        ("POST", "/api/create", b'{"model":"x"}'),
        ("POST", "/api/copy", b'{"source":"x","destination":"y"}'),
        ("DELETE", "/api/delete", b'{"model":"x"}'),
        ("POST", "/api/blobs/sha256:" + "0" * 64, b"weights"),
    ],
)
async def test_management_is_for_the_one_that_is_named(tmp_path: Path, method: str, path: str, body: bytes) -> None:
    async with pair(tmp_path, ALLOW_MANAGEMENT="true") as (app, one, other):
        one.ollama.answers(path, json_answer({}))
        other.ollama.answers(path, json_answer({}))
        refused = await ask(app, f"/api/ollama{path}", body, method)
        assert refused.status == 409
        assert f"~upstream=NAME/…, or in the header X-Recorder-Upstream. Here are: {one.name}, {other.name}." in words(
            refused
        )
        line = (await record(app, refused))["record"]
        assert (line["outcome"], "upstream" in line) == ("refused", False)
        assert (await ask(app, f"/api/ollama/~upstream={other.name}{path}", body, method)).status == 200
        assert (await ask(app, f"/api/ollama{path}", body, method, X_Recorder_Upstream=other.ollama.url)).status == 200
        assert (one.asked(path), other.asked(path)) == (0, 2)


async def test_who_names_an_ollama_that_is_not_there_is_told_which_there_are(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        got = await chat(app, "hi", labels="upstream=gpu9")
        assert got.status == 400
        assert words(got).startswith("There is no Ollama 'gpu9'. ")
        assert json.loads(got.body)["setting"] == "OLLAMA_URL"
        body = b'{"model":"tiny","messages":[]}'
        openai = await ask(app, "/api/ollama/~upstream=gpu9/v1/chat/completions", body)
        assert json.loads(openai.body)["error"]["type"] == "invalid_request_error"
        assert not one.served + other.served


async def _has(served: list[str], count: int) -> bool:
    return len(served) >= count


async def _is_loaded(app: Any, model: str) -> bool:
    routing = app._ollama.routing
    for watch in routing.watches.values():
        await watch.look()
    return any(f"{model}:latest" in one.loaded for one in routing.upstreams.all.values())


async def test_a_page_names_one_of_them_by_the_header_too(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        for upstream in (one, other):
            got = await ask(app, "/generate", b'{"model":"tiny","prompt":"x"}', X_Recorder_Upstream=upstream.name)
            assert (got.status, upstream.served.pop()) == (200, "x")
        nobody = await ask(app, "/generate", b'{"model":"tiny","prompt":"x"}', X_Recorder_Upstream="gpu9")
        assert nobody.status == 400
        assert "There is no Ollama 'gpu9'" in json.loads(nobody.body)["error"]
