"""Health, readiness and numbers: answered as ever, on connections that go on, without the page being loaded."""

import asyncio
from pathlib import Path

import pytest

from service.app import App
from service.events import DefectFound, counters
from service.inspector.pages import Pages
from service.journal import JournalError
from service.journal.reader import Reader
from service.status import Status
from tests.fakes.ollama import FakeOllama
from tests.gateway.harness import request_bytes, talk
from tests.integration.load import connected
from tests.running_app import ELSEWHERE, ask, chat, get, running

PATHS = ("/healthz", "/readyz", "/metrics")


def is_page_there(app: App) -> bool:
    return app._inspector._inspector.now is not None


async def test_none_of_them_nor_an_exchange_loads_the_page(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for path in PATHS:
            assert (await get(app, path)).status == 200
        await chat(app, "Hello")
        assert not is_page_there(app)
        assert (await get(app, "/")).status == 200
        assert is_page_there(app)
        for path in PATHS:
            assert (await get(app, path)).status == 200


async def test_a_connection_goes_on_with_whatever_is_asked_next(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app, connected(app.port) as client:
        for path in (*PATHS, "/openapi.json", "/api/ollama/api/tags", *PATHS, "/exchanges.json"):
            got = await client.ask(request_bytes("GET", path))
            assert (path, got.status) == (path, 200)


async def test_a_head_says_how_long_the_answer_is_and_others_are_told_what_is_allowed(tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        whole = await get(app, "/healthz")
        assert (whole.body, whole.header("Content-Type")) == (b"ok\n", "text/plain; charset=utf-8")
        head = await get(app, "/healthz", "HEAD")
        assert (head.status, head.header("Content-Length"), head.body) == (200, "3", b"")
        for path in PATHS:
            for body in (b"", b'{"a":1}'):
                wrong = await ask(app, path, body, "POST")
                assert (wrong.status, wrong.header("Allow")) == (405, "GET, HEAD")
                assert b"is asked with GET" in wrong.body


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_is_no_valid_http_is_told_and_ends_the_connection(
    path: str, method: str, tmp_path: Path
) -> None:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with running(tmp_path) as app:
        refused = await talk(app.port, head + b"no size\r\n")
    assert (refused.status, refused.header("Connection")) == (400, "close")
    assert b"the size of a chunk is malformed" in refused.body


@pytest.mark.parametrize("path", PATHS)
async def test_a_host_that_is_not_known_is_refused(path: str, tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        refused = await talk(app.port, request_bytes("GET", path, host="evil.example"))
        assert refused.status == 403
        assert b"ALLOWED_HOSTS" in refused.body


async def test_numbers_are_private_and_for_those_who_may_see_them(tmp_path: Path) -> None:
    async with running(tmp_path, INSPECTOR_TOKEN="a token that is long enough") as app:
        seen = await get(app, "/metrics", Authorization="Bearer a token that is long enough", **ELSEWHERE)
        assert seen.status == 200
        assert b"ollama_recorder_in_flight" in seen.body
        assert seen.header("Cache-Control") == "no-store"
        kept_out = await get(app, "/metrics", **ELSEWHERE)
        assert (kept_out.status, kept_out.header("WWW-Authenticate")) == (401, "Bearer")
        assert b'"setting":"INSPECTOR_TOKEN"' in kept_out.body


async def test_wrong_tokens_count_wherever_they_are_tried(tmp_path: Path) -> None:
    async with running(tmp_path, INSPECTOR_TOKEN="secret") as app:
        for path in ("/metrics", "/exchanges.json", "/metrics", "/exchanges.json"):
            assert (await get(app, path, Authorization="Bearer no", **ELSEWHERE)).status == 401
        assert (await get(app, "/metrics", Authorization="Bearer no", **ELSEWHERE)).status == 429
        for path in ("/metrics", "/exchanges.json"):
            slowed = await get(app, path, Authorization="Bearer secret", **ELSEWHERE)
            assert slowed.status == 429
            assert int(slowed.header("Retry-After") or 0) > 0


async def test_what_is_excluded_has_to_be_a_part(tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        wrong = await get(app, "/readyz?exclude=olama")
        assert wrong.status == 400
        assert b"exclude=olama" in wrong.body
        # A query that nobody would write ends in words too.
        assert (await get(app, "/readyz?" + "&".join(["a=1"] * 3000))).status == 400


async def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(reader: Reader) -> int:
        raise JournalError("the disk does not answer")

    async with running(tmp_path) as app:
        monkeypatch.setattr(Reader, "size_in_bytes", fail)
        told = await get(app, "/metrics")
        assert (told.status, told.header("Retry-After")) == (503, "5")
        assert b"the disk does not answer" in told.body


@pytest.mark.parametrize(("path", "fails"), [("/metrics", "metrics"), ("/readyz", "readiness")])
async def test_a_fault_of_ours_is_told_and_answered(
    path: str, fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> bytes:
        raise ZeroDivisionError("at 3 o'clock")

    before = counters()[DefectFound]._value.get()
    monkeypatch.setattr(Status, fails, fail)
    async with running(tmp_path) as app, connected(app.port) as client:
        got = await client.ask(request_bytes("GET", path))
        assert (got.status, b"Its log says more" in got.body) == (500, True)
        assert (await client.ask(request_bytes("GET", "/healthz"))).status == 200
    assert counters()[DefectFound]._value.get() == before + 1


async def test_numbers_are_told_while_the_folder_of_the_journal_is_away(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as app:
        (tmp_path / "data").rename(tmp_path / "away")
        numbers = await get(app, "/metrics")
        (tmp_path / "away").rename(tmp_path / "data")
        assert (numbers.status, b"ollama_recorder_disk_free_bytes" in numbers.body) == (200, False)
        assert b"ollama_recorder_disk_free_bytes" in (await get(app, "/metrics")).body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_fault_of_ours_in_a_page_is_told_in_the_same_words(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> bytes:
        raise ZeroDivisionError("at 3 o'clock")

    monkeypatch.setattr(Pages, "answer", fail)
    async with running(tmp_path) as app:
        got = await get(app, "/status.json", method)
    assert (got.status, got.header("Content-Type")) == (500, "application/json")
    assert got.header("Connection") == "close"
    assert got.body == (b'{"error":"A fault in the recorder. Its log says more."}' if method == "GET" else b"")


async def test_a_client_that_leaves_before_its_answer_is_no_defect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_go_on = asyncio.Event(), asyncio.Event()
    before = counters()[DefectFound]._value.get()

    async def slowly(status: Status, is_scrape: bool) -> bytes:
        begun.set()
        await may_go_on.wait()
        return b""

    monkeypatch.setattr(Status, "metrics", slowly)
    async with running(tmp_path) as app:
        async with connected(app.port) as client:
            client.writer.write(request_bytes("GET", "/metrics"))
            await asyncio.wait_for(begun.wait(), 20)
        may_go_on.set()
    assert counters()[DefectFound]._value.get() == before
