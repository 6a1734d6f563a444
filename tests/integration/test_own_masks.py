"""Masks of one's own, in all that a recorder keeps, ships and shows; what passes through stays as it is."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.ollama import CHUNKED, HOLD, LAST_CHUNK, FakeOllama, answer, chunk, head, json_answer
from tests.gateway.harness import request_bytes, talk
from tests.integration.test_secrets import everything_kept, shipped
from tests.integration.watching import asked, events, records, started, summaries
from tests.servers.loki import Loki
from tests.servers.process import RunningServer

StartRecorder = Callable[..., RunningServer]
PATH = "/api/ollama/api/chat"
MAIL = "joe.miller@mail.example.org"
SHAPES = (MAIL, "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "+49 151 23456789")
SECONDS = 20.0


def prompt(text: str, *, is_ascii: bool = True) -> bytes:
    """A chat that asks ``text``."""
    asks = {"model": "tiny", "messages": [{"role": "user", "content": text}]}
    return json.dumps(asks, ensure_ascii=is_ascii).encode()


async def told_by(port: int, path: str) -> str:
    """What one of the recorder's own addresses answers."""
    got = await talk(port, request_bytes("GET", path))
    assert got.status == 200, path
    return got.body.decode()


async def test_what_packs_find_is_masked_in_all_that_is_kept_shipped_and_shown(
    start_recorder: StartRecorder, start_loki: Callable[..., Loki]
) -> None:
    began = time.time()
    loki = await asyncio.to_thread(start_loki)
    async with FakeOllama() as ollama:
        recorder = await started(
            start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, LOKI_URL=loki.url, MASK_PACK="all"
        )
        said = {"model": "tiny", "message": {"role": "assistant", "content": " or ".join(SHAPES)}, "done": True}
        ollama.answers("/api/chat", json_answer(said))
        # As .NET and PHP write it, too: an escape hides nothing.
        bodies = [prompt(" and\n".join(SHAPES)), prompt(MAIL).replace(b"@", rb"\u0040").replace(b"+", rb"\u002b")]
        for body in bodies:
            got = await talk(recorder.port, request_bytes("POST", PATH + "?mail=joe.miller%40mail.example.org", body))
            assert json.loads(got.body) == said
        assert [one.body for one in asked(ollama)] == bodies
        kept = await asyncio.to_thread(records, recorder.log.parent, 2)
        assert kept[0].request.count(b"***") == kept[0].response.count(b"***") == len(SHAPES)
        assert json.loads(kept[0].request)["messages"][0]["content"] == " and\n".join(["***"] * len(SHAPES))
        identifier = json.loads(kept[0].row.line)["exchange"]
        shown = [
            await told_by(recorder.port, path)
            for path in (
                *("/exchanges.json", "/exchanges.jsonl", "/exchanges.chat.jsonl", "/exchanges.csv", "/exchanges.har"),
                *(f"/exchanges/{identifier}{part}" for part in (".json", ".curl", "/request", "/response")),
                *("/stats.json", "/failures.json", "/report.md"),
            )
        ]
        in_loki = await shipped(loki, began, 2)
        await asyncio.to_thread(summaries, recorder, 2)
        await asyncio.to_thread(recorder.stop)
        on_disk = everything_kept(recorder.log.parent)
        assert '"job": "spans"' in in_loki
        for secret in SHAPES:
            assert secret.encode() not in on_disk, secret
            assert secret not in in_loki, secret
            assert not [text for text in shown if secret in text], secret
        assert b"joe.miller" not in on_disk


@pytest.mark.long
async def test_an_address_that_comes_in_pieces_is_masked_and_its_pieces_are_not_kept(
    start_recorder: StartRecorder,
) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, MASK_PACK="email")
        pieces = ["Write to ", "joe", ".mil", "ler@", "mail.ex", "ample", ".org", ", please"]
        lines = [json.dumps({"message": {"role": "assistant", "content": one}, "done": False}) for one in pieces]
        lines.append('{"done":true,"done_reason":"stop"}')
        chunks = [chunk((line + "\n").encode()) for line in lines]
        ollama.answers("/api/chat", answer(head(200, CHUNKED), *chunks, LAST_CHUNK))
        got = await talk(recorder.port, request_bytes("POST", PATH, prompt("where to?")))
        assert b"ler@" in got.body
        (kept,) = await asyncio.to_thread(records, recorder.log.parent, 1)
        assert json.loads(kept.row.line)["response_text"] == "Write to ***, please"
        assert kept.response == b""
        await asyncio.to_thread(recorder.stop)
        assert b"ler@" not in everything_kept(recorder.log.parent)


@pytest.mark.long
async def test_what_goes_on_is_masked_in_the_journal_the_queue_and_the_feed(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", answer(HOLD))
        recorder = await started(
            start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, MASK_PACK="email", MAX_ACTIVE="1"
        )
        _, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
        writer.write(request_bytes("POST", PATH, prompt(f"ask {MAIL}")))
        async with asyncio.timeout(SECONDS):
            while not asked(ollama):
                await asyncio.sleep(0.01)
        reader, watcher = await asyncio.open_connection("127.0.0.1", recorder.port)
        watcher.write(request_bytes("GET", "/live"))
        async with asyncio.timeout(SECONDS):
            feed = (await reader.readuntil(b"in_flight")) + await reader.readuntil(b"}]}")
        queue = await told_by(recorder.port, "/queue.json")
        recorder.process.kill()
        await asyncio.to_thread(recorder.process.wait)
        writer.close()
        watcher.close()
        assert "ask ***" in queue
        assert b"ask ***" in feed
        assert MAIL.encode() not in everything_kept(recorder.log.parent)


async def test_the_file_is_read_again_and_one_with_a_mistake_changes_nothing(
    start_recorder: StartRecorder, tmp_path: Path
) -> None:
    file = tmp_path / "masks.toml"
    file.write_text('[[pack]]\nname = "email"\n')

    async def asked_for(text: str, count: int) -> str:
        await talk(recorder.port, request_bytes("POST", PATH, prompt(text)))
        kept = await asyncio.to_thread(records, recorder.log.parent, count)
        return str(json.loads(kept[-1].request)["messages"][0]["content"])

    async def until_told(event: str, count: int) -> None:
        async with asyncio.timeout(SECONDS):
            while len(await asyncio.to_thread(events, recorder, event)) < count:
                await asyncio.sleep(0.05)

    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, MASK_FILE=str(file))
        assert await asked_for(f"{MAIL} 4111111111111111", 1) == "*** 4111111111111111"
        file.write_text('[[pack]]\nname = "card"\n')
        os.kill(recorder.process.pid, signal.SIGHUP)
        await until_told("SettingsFileRead", 1)
        assert await asked_for("joe@example.org 4111111111111111", 2) == "joe@example.org ***"
        file.write_text('[[pack]]\nname = "cards"\n')
        await until_told("SettingsFileRefused", 1)
        assert await asked_for("4111111111111111", 3) == "***"


@pytest.mark.long
@pytest.mark.parametrize("where", ["prompts", "names"])
async def test_names_are_masked_where_the_file_asks_for_it(
    start_recorder: StartRecorder, tmp_path: Path, where: str
) -> None:
    file = tmp_path / "masks.toml"
    file.write_text(f'[[pack]]\nname = "email"\nwhere = ["{where}"]\n')
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, MASK_FILE=str(file))
        body = request_bytes("POST", PATH, prompt(MAIL), X_OpenWebUI_User_Name=MAIL)
        await talk(recorder.port, body)
        (kept,) = await asyncio.to_thread(records, recorder.log.parent, 1)
        line = json.loads(kept.row.line)
        assert line["user"] == ("***" if where == "names" else MAIL)
        assert (MAIL in line["request_body"]) == (where == "names")
