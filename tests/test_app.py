"""All parts together in one process: what starts, what stops, and in which order."""

import asyncio
import contextlib
import hashlib
import io
import json
import os
import socket
import sqlite3
import sys
import threading
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.app import App
from service.gateway.http_server import HttpServer
from service.gateway.relay import Relay
from service.inspector.live import Live
from service.inspector_setup import Inspector
from service.journal import JournalError
from service.journal.folder import take_lock
from service.journal.journal import Journal
from service.journal.reader import Reader
from service.journal.recorder import Recorder
from service.logs import Output
from service.search.indexing import IndexingThread
from service.settings import SettingsError, read_settings
from service.shipping.shipper import Shipper
from tests.fakes.loki import FakeLoki
from tests.fakes.ollama import CHUNKED, HOLD, FakeOllama, answer, chunk, head
from tests.running_app import CHAT, ask, counted, running

NOBODY = "http://127.0.0.1:1"


async def kept(folder: Path) -> list[dict[str, object]]:
    reader = Reader(folder)
    try:
        rows = await asyncio.to_thread(reader.read_after, 0, 1000, 1 << 30)
    finally:
        reader.close()
    return [json.loads(row.line) for row in rows]


async def test_an_answered_call_is_in_the_journal_before_its_end_and_on_standard_output(tmp_path: Path) -> None:
    said = io.BytesIO()
    async with FakeOllama() as ollama, running(tmp_path / "data", said, OLLAMA_URL=ollama.url) as app:
        got = await ask(app)
        (record,) = await kept(tmp_path / "data")
        assert record["exchange"] == got.header("X-Exchange-Id")
        assert record["request_body"] == CHAT.decode()
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [line["exchange"] for line in lines] == [record["exchange"]]
    assert "request_body" not in lines[0]
    assert "response_text" not in lines[0]


async def test_readiness_names_what_is_missing_and_a_receiver_is_no_reason_not_to_work(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path / "data", OLLAMA_URL=ollama.url, LOKI_URL=NOBODY) as app:
        await ask(app)
        async with asyncio.timeout(20):
            while True:
                ready = await ask(app, "/readyz", b"")
                if b"degraded" in ready.body and b"loki" in ready.body:
                    break
                await asyncio.sleep(0.02)
        assert ready.status == 200
        await ollama.stop()
        lost = await ask(app, "/readyz", b"")
        assert lost.status == 503
        assert b"ollama" in lost.body
        assert (await ask(app, "/healthz", b"")).status == 200


async def test_a_recorder_that_keeps_nothing_is_not_healthy_whatever_else_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, is_broken = Journal.write, False

    def fail(journal: Journal, *given: Any) -> None:
        if is_broken:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        write(journal, *given)

    async def health(app: App) -> tuple[int, str]:
        words = ("-m", "service", "health", "--url", f"http://127.0.0.1:{app.port}")
        asking = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=PIPE, stderr=STDOUT)
        return await asking.wait(), (await asking.communicate())[0].decode()

    monkeypatch.setattr(Journal, "write", fail)
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "data", OLLAMA_URL=ollama.url, LOKI_URL=NOBODY, RECORD_BEFORE_REPLY="true") as app,
    ):
        await ollama.stop()
        assert (await health(app))[0] == 0
        is_broken = True
        assert (await ask(app)).status == 502  # exchanges go on
        code, text = await health(app)
        assert (code, "unready\njournal: attempt to write a readonly database" in text) == (1, True), text
        assert (await ask(app, "/healthz", b"")).status == 200
        is_broken = False
        async with asyncio.timeout(20):
            while (await ask(app, "/readyz?exclude=ollama", b"")).status != 200:
                await asyncio.sleep(0.05)
        assert (await health(app))[0] == 0


async def test_readiness_without_a_part_neither_asks_nor_names_it(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path / "data", OLLAMA_URL=ollama.url) as app:
        asked = len(ollama.requests)
        got = await ask(app, "/readyz?exclude=ollama&exclude=index", b"")
        assert len(ollama.requests) == asked
        assert json.loads(got.body)["parts"] == ["journal", "connections"]
        wrong = await ask(app, "/readyz?exclude=olama", b"")
        assert wrong.status == 400
        assert b"exclude=olama" in wrong.body
        assert b"ollama, journal" in wrong.body


async def test_metrics_count_by_operation_and_outcome(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path / "data", OLLAMA_URL=ollama.url) as app:
        await ask(app)
        await ask(app)
        await ask(app, "/api/ollama/api/pull")
        text = await counted(app, 'outcome="refused"')
        lines = [line for line in text.splitlines() if 'outcome="' in line]
        chats = [line for line in lines if 'operation="chat"' in line and 'outcome="completed"' in line]
        assert [line.rpartition(" ")[2] for line in chats] == ["2.0"]
        assert [line for line in lines if 'outcome="refused"' in line and line.endswith(" 1.0")]


async def test_records_are_shipped_and_what_is_left_goes_out_before_the_end(tmp_path: Path) -> None:
    async with FakeLoki() as loki:
        async with FakeOllama() as ollama, running(tmp_path / "data", OLLAMA_URL=ollama.url, LOKI_URL=loki.url) as app:
            for _ in range(5):
                await ask(app)
        lines = [line for line in loki.lines() if '"exchange"' in line and '"request_time"' in line]
        assert len({json.loads(line)["exchange"] for line in lines}) == 5


async def test_stopping_cuts_off_what_does_not_end_and_records_that(tmp_path: Path) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(b"half"), HOLD))
        async with running(tmp_path / "data", OLLAMA_URL=ollama.url) as app:
            asking = asyncio.create_task(ask(app))
            await ollama.request()
        got = await asking
        assert not got.is_complete
        (record,) = await kept(tmp_path / "data")
        assert record["outcome"] == "gateway_stopped"


async def test_without_record_before_reply_answers_do_not_wait(tmp_path: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "data", OLLAMA_URL=ollama.url, RECORD_BEFORE_REPLY="false") as app,
    ):
        assert (await ask(app)).is_complete
        async with asyncio.timeout(20):
            while len(await kept(tmp_path / "data")) < 1:
                await asyncio.sleep(0.01)


async def test_strict_holds_an_answer_for_longer_than_a_quarter_of_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, is_broken = Journal.write, True

    def fail(journal: Journal, *given: Any) -> None:
        if is_broken:
            raise OSError(5, "Input/output error")
        write(journal, *given)

    async with (
        FakeOllama() as ollama,
        running(tmp_path / "data", OLLAMA_URL=ollama.url, RECORD_BEFORE_REPLY="strict") as app,
    ):
        monkeypatch.setattr(Journal, "write", fail)
        asking = asyncio.create_task(ask(app))
        await asyncio.sleep(0.8)
        assert not asking.done()
        is_broken = False
        assert (await asyncio.wait_for(asking, 20)).is_complete
        assert len(await kept(tmp_path / "data")) == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [("API_KEYS_FILE", "{folder}/keys"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
)
def test_what_the_table_cannot_judge_is_a_mistake_too(variable: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("n8n 123\n")
    given = {"DATA_DIR": str(tmp_path / "data"), "OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY}
    given[variable] = value.format(folder=tmp_path)
    output = Output(io.BytesIO())
    with pytest.raises(SettingsError, match=variable):
        App(read_settings(given), given, output)
    output.stop()
    assert not (tmp_path / "data").exists()


async def test_keys_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("n8n " + hashlib.sha256(b"right").hexdigest() + "\n")
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "data", OLLAMA_URL=ollama.url, API_KEYS_FILE=str(tmp_path / "keys")) as app,
    ):
        assert (await ask(app)).status == 401
        assert (await ask(app, Authorization="Bearer right")).status == 200


@contextlib.contextmanager
def taken_address() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def threads_of_the_recorder() -> list[str]:
    """The names of those that run; an executor keeps its own."""
    return [thread.name for thread in threading.enumerate() if thread.name in ("journal", "index")]


def not_started(folder: Path, **environment: str) -> App:
    given = {"LISTEN": "127.0.0.1:0", "DATA_DIR": str(folder), "OLLAMA_URL": NOBODY, **environment}
    output = Output(io.BytesIO())
    output.stop()
    return App(read_settings(given), given, output)


def is_free(folder: Path) -> bool:
    """Whether the journal's lock can be taken."""
    os.close(take_lock(folder))
    return True


async def test_a_start_that_fails_undoes_what_it_began(tmp_path: Path) -> None:
    tasks = asyncio.all_tasks()
    with taken_address() as taken:
        app = not_started(tmp_path / "data", LISTEN=taken, LOKI_URL=NOBODY)
        with pytest.raises(OSError, match="in use"):
            await app.start()
    assert asyncio.all_tasks() == tasks
    assert threads_of_the_recorder() == []
    assert is_free(tmp_path / "data")
    await app.stop()
    async with running(tmp_path / "data", OLLAMA_URL=NOBODY) as another:
        assert (await ask(another, "/healthz", b"")).status == 200
        assert sorted(threads_of_the_recorder()) == ["index", "journal"]
    assert threads_of_the_recorder() == []


async def test_a_start_that_is_cancelled_undoes_what_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opening, may_go_on = threading.Event(), threading.Event()
    open_journal = Journal.open

    def open_slowly(journal: Journal) -> None:
        opening.set()
        may_go_on.wait(20)
        open_journal(journal)

    monkeypatch.setattr(Journal, "open", open_slowly)
    starting = asyncio.create_task(not_started(tmp_path / "data").start())
    assert await asyncio.to_thread(opening.wait, 20)
    starting.cancel()
    _, still_ending = await asyncio.wait({starting}, timeout=0.3)
    assert still_ending, "a file that is being opened cannot be closed yet"
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert threads_of_the_recorder() == []
    assert is_free(tmp_path / "data")


async def test_a_journal_that_is_opened_and_not_recorded_into_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(journal: Journal) -> int:
        raise JournalError("what a crash left open cannot be read")

    monkeypatch.setattr(Journal, "newest_ended_ns", fail)
    with pytest.raises(JournalError, match="crash"):
        await not_started(tmp_path / "data").start()
    assert is_free(tmp_path / "data")


async def test_parts_stop_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No new exchanges, the running ones; then the journal and what it feeds; last what all of them read."""
    stopped: list[str] = []

    def noting(part: type, name: str) -> None:
        stop = getattr(part, name)

        def stop_and_note(self: Any, *arguments: Any, **named: Any) -> Any:
            stopped.append(f"{part.__name__}.{name}")
            return stop(self, *arguments, **named)

        monkeypatch.setattr(part, name, stop_and_note)

    for part, name in (
        (Inspector, "close"),
        (IndexingThread, "stop"),
        (Live, "stop"),
        (Recorder, "stop"),
        (Relay, "stop"),
        (Relay, "wait_until_idle"),
        (HttpServer, "shutdown"),
        (Shipper, "stop"),
    ):
        noting(part, name)
    async with running(tmp_path / "data", OLLAMA_URL=NOBODY, LOKI_URL=NOBODY) as app:
        # What readers are shown is there from the first of them on.
        assert (await ask(app, "/", b"")).status == 200
    assert stopped == [
        "Relay.wait_until_idle",
        "Live.stop",
        "Relay.stop",
        "HttpServer.shutdown",
        "Shipper.stop",
        "Recorder.stop",
        "IndexingThread.stop",
        "Inspector.close",
    ]


async def test_an_address_that_is_taken_and_a_journal_in_use_are_told_apart(tmp_path: Path) -> None:
    async with running(tmp_path / "data", OLLAMA_URL=NOBODY):
        with pytest.raises(JournalError):
            async with running(tmp_path / "data", OLLAMA_URL=NOBODY):
                pass
    with taken_address() as taken, pytest.raises(OSError, match="in use"):
        async with running(tmp_path / "other", LISTEN=taken, OLLAMA_URL=NOBODY):
            pass
