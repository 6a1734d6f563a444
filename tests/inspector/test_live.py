"""What happens, as it happens, for everybody who watches."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from service.app import App
from service.inspector import live
from service.inspector.live import MOST_MISSED, MOST_WATCHERS, event
from service.journal.reader import Reader, Row
from tests.fakes.journals import make_journal
from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, done_line, head, token_line
from tests.gateway.harness import request_bytes
from tests.running_app import CHAT, ELSEWHERE, ask, chat, get, running

SECONDS = 20.0


class Watcher:
    """One connection to ``/live``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.waiting: list[tuple[str, Any, str]] = []

    async def hear(self, name: str) -> tuple[Any, str]:
        """The data and the id of the next event ``name``; others before it are passed over."""
        async with asyncio.timeout(SECONDS):
            while True:
                lines: dict[str, str] = {}
                while line := (await self.reader.readline()).decode().rstrip("\r\n"):
                    key, _, value = line.partition(": ")
                    lines[key] = value
                if lines.get("event") == name:
                    return json.loads(lines["data"]), lines.get("id", "")


@asynccontextmanager
async def watching(app: App, **headers: str) -> AsyncIterator[Watcher]:
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
    # HTTP/1.0: without chunks, so that lines are lines.
    writer.write(request_bytes("GET", "/live", b"", **headers).replace(b"HTTP/1.1", b"HTTP/1.0"))
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS)
        assert b"200 OK" in head, head
        assert b"text/event-stream" in head
        yield Watcher(reader, writer)
    finally:
        writer.close()


async def test_an_exchange_begins_goes_on_and_ends_before_a_watchers_eyes(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ndjson = head(200, CHUNKED | {"Content-Type": "application/x-ndjson"})
        rest = chunk(done_line(1)) + LAST_CHUNK
        ollama.answers("/api/chat", answer(ndjson, chunk(token_line("Once upon")), go_on, rest))
        async with watching(app) as watcher:
            hello, _ = await watcher.hear("hello")
            assert (hello["number"], hello["in_flight"]) == (0, [])
            assert abs(datetime.fromisoformat(hello["time"]).timestamp() - time.time()) < SECONDS
            asking = asyncio.create_task(ask(app, X_Caller="cron"))
            begun, _ = await watcher.hear("begun")
            assert begun["prompt"] == "hi"
            assert (begun["model"], begun["operation"], begun["caller"]) == ("tiny", "chat", "cron")
            going_on, _ = await watcher.hear("progress")
            assert going_on["exchange"] == begun["exchange"]
            assert going_on["text"] == "Once upon"
            async with watching(app) as late:
                assert (await late.hear("hello"))[0]["in_flight"] == [begun]
            go_on.set()
            ended, number = await watcher.hear("ended")
            assert ended["exchange"] == begun["exchange"] == (await asking).header("X-Exchange-Id")
            assert (ended["number"], number) == (1, "1")
            assert ended["answer"] == "Once upon"


async def test_the_first_who_watches_hears_at_once_what_is_in_flight(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(token_line("Once")), go_on, LAST_CHUNK))
        asking = asyncio.create_task(ask(app))
        while not ollama.requests:
            await asyncio.sleep(0.01)
        async with watching(app) as watcher:
            assert [said["prompt"] for said in (await watcher.hear("hello"))[0]["in_flight"]] == ["hi"]
            go_on.set()
            await asking
            await watcher.hear("ended")
            async with watching(app) as late:
                assert (await late.hear("hello"))[0]["in_flight"] == []


async def test_secrets_are_masked_while_it_goes_on_too(tmp_path: Path) -> None:
    go_on = asyncio.Event()
    secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(token_line(secret)), go_on, LAST_CHUNK))
        async with watching(app) as watcher:
            asking = asyncio.create_task(ask(app, body=CHAT.replace(b"hi", f"my key {secret}".encode())))
            begun, _ = await watcher.hear("begun")
            going_on, _ = await watcher.hear("progress")
            assert secret not in json.dumps([begun, going_on])
            assert begun["prompt"].startswith("my key")
            go_on.set()
            await asking


async def test_who_comes_back_gets_what_ended_meanwhile(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for text in ("one", "two", "three"):
            await chat(app, text)
        async with watching(app, Last_Event_ID="1") as watcher:
            assert [(await watcher.hear("ended"))[0]["prompt"] for _ in range(2)] == ["two", "three"]
            await chat(app, "four")
            assert (await watcher.hear("ended"))[0]["prompt"] == "four"
        async with watching(app, Last_Event_ID="nonsense") as watcher:
            assert (await watcher.hear("hello"))[0]["number"] == 4


async def test_who_missed_too_much_is_told_to_load_anew(tmp_path: Path) -> None:
    await asyncio.to_thread(make_journal, tmp_path, MOST_MISSED + 2)
    async with running(tmp_path) as app, watching(app, Last_Event_ID="1") as watcher:
        assert (await watcher.hear("reload"))[0] == {"number": MOST_MISSED + 2}


async def test_a_journal_that_is_made_anew_is_told() -> None:
    class Anew:
        newest = 5

        def newest_number(self) -> int:
            return self.newest

        def read_after(self, *_: int) -> list[Row]:
            return []

    reader = Anew()
    told = live.Live(lambda _: [], cast("Reader", reader), mask=True)
    async with contextlib.aclosing(told.watch(None)) as pieces:
        assert (await anext(pieces)).startswith(b'event: hello\ndata: {"number":5,')
        reader.newest = 2
        assert await asyncio.wait_for(anext(pieces), SECONDS) == event("reload", {"number": 2})


async def test_whoever_signs_out_hears_nothing_more(tmp_path: Path) -> None:
    form = {**ELSEWHERE, "Content_Type": "application/x-www-form-urlencoded"}
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_TOKEN="secret") as app:
        signed_in = await ask(app, "/sign-in", b"token=secret", **form)
        headers = ELSEWHERE | {"Cookie": (signed_in.header("Set-Cookie") or "").partition(";")[0]}
        async with watching(app, **headers) as watcher:
            await watcher.hear("hello")
            await ask(app, "/sign-out", b"", "POST", **headers)
            await chat(app, "not for everybody")
            assert b"not for everybody" not in await asyncio.wait_for(watcher.reader.read(), SECONDS)


async def test_there_is_room_for_many_but_not_for_any_number_of_watchers(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        connections = [watching(app) for _ in range(MOST_WATCHERS)]
        watchers = [await connection.__aenter__() for connection in connections]
        for watcher in watchers:
            await watcher.hear("hello")
        assert (await get(app, "/live")).status == 503
        identifier = await chat(app, "hi")
        for watcher in watchers:
            assert (await watcher.hear("ended"))[0]["exchange"] == identifier
        for connection in connections:
            await connection.__aexit__(None, None, None)
        async with asyncio.timeout(SECONDS):
            while (await get(app, "/live", method="HEAD")).status != 200:
                await asyncio.sleep(0.01)


async def test_a_watcher_that_reads_nothing_holds_up_nobody(tmp_path: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url) as app,
        watching(app) as sleeper,
        watching(app) as awake,
    ):
        await sleeper.hear("hello")
        for _ in range(50):
            await chat(app, "x" * 1000)
        assert [(await awake.hear("ended"))[1] for _ in range(50)][-1] == "50"


async def test_of_many_that_come_at_once_no_more_than_there_is_room_for_get_in(tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        connections = [await asyncio.open_connection("127.0.0.1", app.port) for _ in range(MOST_WATCHERS + 10)]
        for _, writer in connections:
            writer.write(request_bytes("GET", "/live"))
        heads = [await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS) for reader, _ in connections]
        assert sum(b" 200 OK" in head for head in heads) == MOST_WATCHERS
        for _, writer in connections:
            writer.close()


async def test_a_watcher_that_reads_nothing_loses_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(live, "_HEARTBEAT_SECONDS", 0.001)
    # As if a heartbeat were large: one fills what the connection holds.
    monkeypatch.setattr(live, "_HEARTBEAT", b":" + b"x" * (8 << 20) + b"\n\n")
    monkeypatch.setattr(live, "MOST_WATCHERS", 1)
    async with running(tmp_path) as app, watching(app):
        async with asyncio.timeout(SECONDS):
            while (await get(app, "/live", method="HEAD")).status != 200:
                await asyncio.sleep(0.01)


async def test_without_a_journal_there_is_one_answer_and_it_says_so(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as app:
        (tmp_path / "data" / "journal.sqlite3").rename(tmp_path / "away")
        got = await get(app, "/live")
        assert got.status == 503
        assert got.body.startswith(b'{"error":')
        (tmp_path / "away").rename(tmp_path / "data" / "journal.sqlite3")
        async with watching(app) as watcher:
            await watcher.hear("hello")


def test_an_event_is_one_line_of_data() -> None:
    assert event("ended", {"a": "1\n2"}, 7) == b'id: 7\nevent: ended\ndata: {"a":"1\\n2"}\n\n'


async def test_head_ends_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        assert (await get(app, "/live", method="HEAD")).status == 200


async def test_watchers_are_told_when_something_was_erased(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        gone = await chat(app, "private")
        async with watching(app) as watcher:
            assert (await watcher.hear("hello"))[0]["erasures"] == 0
            await ask(app, f"/exchanges/{gone}", b"", "DELETE")
            assert (await watcher.hear("erased"))[0] == {"erasures": 1}
        async with watching(app) as watcher:
            assert (await watcher.hear("hello"))[0]["erasures"] == 1
