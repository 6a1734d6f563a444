"""A recorded prompt, sent again."""

import asyncio
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.inspector.replaying import changed, read_changes
from service.journal.reader import KeptRecord, Row
from tests.fakes.ollama import CHUNKED, HOLD, RESET, FakeOllama, answer, chunk, head, token_line
from tests.gateway.harness import request_bytes
from tests.running_app import ELSEWHERE, ask, chat, found, get, running, until


def asked(ollama: FakeOllama) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in ollama.requests if request.path == "/api/chat"]


async def test_it_goes_through_the_gateway_with_what_is_to_be_different_and_is_recorded_with_its_origin(
    tmp_path: Path,
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await chat(app, "Hello", path="/api/ollama/~workflow=Invoices/api/chat")
        changes = {"model": "other", "options": {"temperature": 0}, "system": "Be brief.", "stream": False}
        got = await ask(app, f"/exchanges/{identifier}/replay", json.dumps(changes).encode())
        assert got.status == 200
        first, second = asked(ollama)
        assert first["model"] == "tiny"
        assert second["model"] == "other"
        assert second["options"] == {"temperature": 0}
        assert [message["role"] for message in second["messages"]] == ["system", "user"]
        assert second["stream"] is False
        (entry,) = await found(app, "caller=replay", 1)
        assert entry["exchange"] == got.header("X-Exchange-Id")
        assert entry["replay_of"] == identifier
        assert "workflow" not in entry


async def test_without_changes_the_same_bytes_are_sent(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await chat(app, "Hello")
        await ask(app, f"/exchanges/{identifier}/replay", b" ")
        first, second = (request.body for request in ollama.requests if request.path == "/api/chat")
        assert first == second


@pytest.mark.parametrize(
    ("allowed", "here", "elsewhere"), [("loopback", 200, 403), ("true", 200, 200), ("false", 403, 403)]
)
async def test_the_setting_decides_who_may(allowed: str, here: int, elsewhere: int, tmp_path: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_REPLAY=allowed, INSPECTOR_TOKEN="secret") as app,
    ):
        path = f"/exchanges/{await chat(app, 'Hello')}/replay"
        assert (await ask(app, path, b"{}")).status == here
        got = await ask(app, path, b"{}", Authorization="Bearer secret", **ELSEWHERE)
        assert got.status == elsewhere
        if elsewhere == 403:
            assert json.loads(got.body)["setting"] == "INSPECTOR_REPLAY"


async def test_it_needs_no_key_of_its_own_where_callers_need_one(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    await asyncio.to_thread(keys.write_text, f"n8n {hashlib.sha256(b'key').hexdigest()}\n")
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "data", OLLAMA_URL=ollama.url, API_KEYS_FILE=str(keys)) as app,
    ):
        identifier = await chat(app, "Hello", Authorization="Bearer key")
        assert (await ask(app, f"/exchanges/{identifier}/replay", b"{}")).status == 200
        assert (await ask(app)).status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b'{"prompt":"x"}', 400), (b'{"model":1}', 400), (b'{"options":"x"}', 400)],
)
async def test_what_cannot_be_changed_is_told(body: bytes, status: int, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await chat(app, "Hello")
        got = await ask(app, f"/exchanges/{identifier}/replay", body)
        assert got.status == status
        assert json.loads(got.body)["error"]
        assert len(asked(ollama)) == 1


async def test_a_request_that_was_not_kept_whole_is_a_409(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, KEEP_BODY_BYTES="100") as app:
        identifier = await chat(app, "Hello " * 100)
        got = await ask(app, f"/exchanges/{identifier}/replay", b"{}")
        assert got.status == 409
        assert "KEEP_BODY_BYTES" in json.loads(got.body)["error"]
        command = await get(app, f"/exchanges/{identifier}.curl")
        assert command.status == 409
        assert "KEEP_BODY_BYTES" in json.loads(command.body)["error"]


async def test_closing_the_page_stops_the_generation_and_half_an_answer_does_not_look_whole(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await chat(app, "Hello")
        path = f"/exchanges/{identifier}/replay"
        ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(token_line("Once")), HOLD))
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(request_bytes("POST", path, b"{}"))
        await asyncio.wait_for(reader.readuntil(b"Once"), 20)
        writer.close()
        replayed = [request for request in ollama.requests if request.path == "/api/chat"][-1]
        await asyncio.wait_for(replayed.hung_up.wait(), 20)
        await until(lambda: found(app, "outcome=client_left", 1))
        ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(token_line("Once")), 0.05, RESET))
        got = await ask(app, path, b"{}")
        assert not got.is_complete


def kept(request: dict[str, Any]) -> KeptRecord:
    return KeptRecord(
        Row(1, "a" * 32, 0, 0, "POST", "chat", "completed", None, b"{}"), json.dumps(request).encode(), b""
    )


@pytest.mark.parametrize(
    ("api", "request_body", "changes", "expected"),
    [
        ("ollama", {"options": {"seed": 1}}, {"options": {"top_k": 2}}, {"options": {"seed": 1, "top_k": 2}}),
        ("ollama", {"prompt": "p"}, {"system": "s"}, {"prompt": "p", "system": "s"}),
        ("openai", {"top_p": 1}, {"options": {"top_p": 0.5}}, {"top_p": 0.5}),
        ("openai", {"input": "x"}, {"system": "s"}, {"input": "x", "instructions": "s"}),
        ("anthropic", {"messages": []}, {"system": "s"}, {"messages": [], "system": "s"}),
        (
            "openai",
            {"messages": [{"role": "developer", "content": "old"}, {"role": "user", "content": "u"}]},
            {"system": "new"},
            {"messages": [{"role": "system", "content": "new"}, {"role": "user", "content": "u"}]},
        ),
    ],
)
def test_each_api_has_its_place_for_what_is_different(
    api: str, request_body: dict[str, Any], changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert json.loads(changed(kept(request_body), api, changes)) == expected


def test_null_means_nothing_is_to_be_different() -> None:
    assert read_changes(b'{"model":null}') == {}


def test_half_an_emoji_is_sent_again_as_it_came() -> None:
    half = KeptRecord(Row(1, "a" * 32, 0, 0, "POST", "chat", "completed", None, b"{}"), b'{"prompt": "\\ud83d"}', b"")
    assert changed(half, "ollama", {"model": "other"}) == b'{"prompt": "\\ud83d", "model": "other"}'
    odd = replace(half, request=b'{"prompt":"K\xf6ln"}')
    assert changed(odd, "ollama", {"model": "other"}) == b'{"prompt": "K\\ufffdln", "model": "other"}'
    assert changed(odd, "ollama", {}) == odd.request


def test_what_stands_behind_the_json_is_left_where_nothing_else_is_changed() -> None:
    sent = replace(kept({}), request=b'{"model": "m"}\0')
    assert changed(sent, "ollama", {}) == sent.request
    assert changed(sent, "ollama", {"model": "other"}) == b'{"model": "other"}'
