"""Downloads of what a filter finds."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.inspector import exporting
from service.journal import JournalError
from service.loki_search.loki_answers import LokiError
from tests.fakes.ollama import FakeOllama
from tests.inspector.test_all_stores import soon
from tests.running_app import ask, chat, found, get, running
from tests.servers.loki import Loki


@pytest.mark.parametrize("suffix", ["jsonl", "chat.jsonl", "csv", "har"])
async def test_a_file_holds_what_the_filter_finds_and_says_what_it_is(suffix: str, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Alpha", X_Caller="one")
        await chat(app, "Beta", X_Caller="two")
        await found(app, "caller=two", 1)
        # What the stand-in says was cut by num_predict.
        more = "&all=true" if suffix == "chat.jsonl" else ""
        got = await get(app, f"/exchanges.{suffix}?caller=two{more}")
        assert got.status == 200
        assert (got.header("Content-Disposition") or "").endswith(f'.{suffix}"')
        assert b"Beta" in got.body
        assert b"Alpha" not in got.body
        if suffix == "har":
            assert len(json.loads(got.body)["log"]["entries"]) == 1
        assert (await get(app, f"/exchanges.{suffix}", method="HEAD")).body == b""
        assert (await get(app, f"/exchanges.{suffix}?caller=nobody")).status == 200


@pytest.mark.parametrize(("limit", "words"), [("1", [b"Gamma"]), ("2", [b"Gamma", b"Beta"]), ("9", [b"Alpha"])])
async def test_a_limit_gives_the_newest(limit: str, words: list[bytes], tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for word in ("Alpha", "Beta", "Gamma"):
            await chat(app, word)
        lines = (await get(app, f"/exchanges.jsonl?limit={limit}")).body.splitlines()
        assert len(lines) == min(int(limit), 3)
        assert all(word in b"".join(lines) for word in words)
        assert (await get(app, "/exchanges.jsonl?limit=some")).status == 400


async def test_what_adds_up_knows_no_limit(tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        for address in ("/timeline.json", "/stats.json", "/erasing.json"):
            refused = await get(app, f"{address}?limit=3")
            assert (refused.status, b"There is no parameter 'limit'" in refused.body) == (400, True)


async def test_system_prompts_can_be_left_out_of_chats(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await ask(app, body=json.dumps({"model": "tiny", "messages": messages}).encode())
        with_system = json.loads((await get(app, "/exchanges.chat.jsonl?all=true")).body)
        assert [message["role"] for message in with_system["messages"]] == ["system", "user", "assistant"]
        without = json.loads((await get(app, "/exchanges.chat.jsonl?all=true&drop_system=true")).body)
        assert [message["role"] for message in without["messages"]] == ["user", "assistant"]


@pytest.mark.parametrize(
    "trouble", [JournalError("the disk is gone"), LokiError("Loki is gone"), ValueError("a defect of ours")]
)
async def test_a_file_that_breaks_off_does_not_look_whole(
    trouble: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pieces(*_: object) -> Iterator[bytes]:
        yield b"a line\n"
        raise trouble

    monkeypatch.setattr(exporting, "_pieces", pieces)
    async with running(tmp_path) as app:
        got = await get(app, "/exchanges.jsonl")
        assert got.status == 200
        assert not got.is_complete
        assert b"HTTP/1.1" not in got.rest


async def test_what_clients_asked_for_themselves_is_in_a_chat_export_on_demand(tmp_path: Path) -> None:
    title = (
        "### Task:\nGenerate a concise title summarizing the chat history.\n<chat_history>\nUSER: a\n</chat_history>"
    )
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Alpha")
        await chat(app, title)
        await found(app, "task=title", 1)
        assert [entry["prompt"] for entry in await found(app, "task=", 1)] == ["Alpha"]
        for more, lines in (("", 1), ("&tasks=true", 2), ("&task=title", 1), ("&task=", 1), ("&task=&task=title", 2)):
            got = await get(app, f"/exchanges.chat.jsonl?all=true{more}")
            assert len(got.body.splitlines()) == lines, more
        groups = json.loads((await get(app, "/stats.json?by=task")).body)["groups"]
        assert {group["name"]: group["calls"] for group in groups} == {"": 1, "title": 1}


@pytest.mark.blocks("the fixture starts and stops Loki on the event loop's thread")
async def test_a_file_of_all_recorders_holds_what_they_shipped(loki: Loki, tmp_path: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "a", OLLAMA_URL=ollama.url, LOKI_URL=loki.url) as here,
        running(tmp_path / "b", OLLAMA_URL=ollama.url, LOKI_URL=loki.url) as there,
    ):
        ids = {await chat(here, "Alpha"), await chat(there, "Beta")}
        await soon(
            lambda: get(here, "/exchanges.jsonl?store=loki&from=-1h"), lambda got: len(got.body.splitlines()) == 2
        )
        got = await get(here, "/exchanges.jsonl?store=loki&from=-1h")
        assert {json.loads(line)["exchange"] for line in got.body.splitlines()} == ids
        assert len((await get(here, "/exchanges.jsonl?store=loki&from=-1h&limit=1")).body.splitlines()) == 1
        chats = await get(here, "/exchanges.chat.jsonl?store=loki&from=-1h&all=true")
        assert (b"Alpha" in chats.body, b"Beta" in chats.body) == (True, True)
        assert (await get(here, "/exchanges.csv?store=loki&after=3")).status == 400
    async with FakeOllama() as ollama, running(tmp_path / "c", OLLAMA_URL=ollama.url) as app:
        assert (await get(app, "/exchanges.jsonl?store=loki")).status == 409
    async with running(tmp_path / "c", LOKI_URL="http://127.0.0.1:9") as app:
        assert (await get(app, "/exchanges.jsonl?store=loki")).status == 503
