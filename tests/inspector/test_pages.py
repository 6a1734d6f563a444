"""The recorder's own addresses: which there are, how they are asked, and who may."""

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from service.inspector import exporting
from tests.fakes.ollama import FakeOllama
from tests.running_app import ELSEWHERE, ask, chat, get, running

DATA = ["/exchanges.json", "/timeline.json", "/stats.json", "/status.json", "/values.json?field=model", "/openapi.json"]
DATA += ["/models.json"]
DATA += ["/exchanges.jsonl", "/exchanges.chat.jsonl", "/exchanges.csv", "/exchanges.har", "/erasing.json", "/metrics"]


async def test_everything_that_is_kept_is_closed_to_others_and_open_with_the_token(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_TOKEN="secret") as app:
        identifier = await chat(app, "Hello")
        one = [f"/exchanges/{identifier}{part}" for part in (".json", ".curl", "/request", "/response")]
        for path in [*DATA, *one, "/live"]:
            closed = await get(app, path, **ELSEWHERE)
            assert (path, closed.status) == (path, 401)
            assert "INSPECTOR_TOKEN" in json.loads(closed.body)["error"]
        for path in [*DATA, *one]:
            got = await get(app, path, Authorization="Bearer secret", **ELSEWHERE)
            assert (path, got.status) == (path, 200)
            assert got.header("X-Content-Type-Options") == "nosniff"
            assert got.header("Cache-Control") == "no-store"
            assert (await get(app, path)).status == 200


async def test_of_many_exports_at_once_the_ninth_is_told_to_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = asyncio.Event()

    async def export(*_: object) -> web.Response:
        await goes_on.wait()
        return web.Response()

    monkeypatch.setattr(exporting, "export", export)
    async with running(tmp_path) as app:
        asked = [asyncio.create_task(get(app, "/exchanges.jsonl")) for _ in range(9)]
        refused, running_ones = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        (told,) = [task.result() for task in refused]
        assert (told.status, told.header("Retry-After")) == (503, "10")
        assert b"8 exports are running" in told.body
        goes_on.set()
        assert {(await task).status for task in running_ones} == {200}
        assert (await get(app, "/exchanges.csv")).status == 200


async def test_a_browser_from_elsewhere_gets_a_form_and_then_the_page(tmp_path: Path) -> None:
    async with running(tmp_path, INSPECTOR_TOKEN="s&cret") as app:
        form = await get(app, "/", **ELSEWHERE)
        assert form.status == 401
        assert b'action="/sign-in"' in form.body
        wrong = await ask(app, "/sign-in", b"token=guess", **ELSEWHERE)
        assert wrong.status == 401
        assert b"not the token" in wrong.body
        odd = (
            b"%2F%3F%0D%0AX%3A+1",
            b"%2F%3F%0A",
            b"%2F%3F%00",
            b"%2F%3F%C3%A9",
            b"%2F%3F%FF",
            b"%2F%3F+",
            b"%2F%3F" + b"a" * 9000,
        )
        for to in (b"https%3A%2F%2Fevil.example", b"%2F%2Fevil.example", b"%2Fexchanges.json", *odd):
            led = await ask(app, "/sign-in", b"token=s%26cret&to=" + to, **ELSEWHERE)
            assert (led.status, led.header("Location")) == (303, "/")
        asked_for = await get(app, "/?model=%22a%22", **ELSEWHERE)
        assert b'value="/?model=%22a%22"' in asked_for.body
        led = await ask(app, "/sign-in", b"token=s%26cret&to=%2F%3Fmodel%3Da", **ELSEWHERE)
        assert led.header("Location") == "/?model=a"
        right = await ask(app, "/sign-in", b"token=s%26cret", **ELSEWHERE)
        assert (right.status, right.header("Location")) == (303, "/")
        cookie = (right.header("Set-Cookie") or "").partition(";")[0]
        page = await get(app, "/", Cookie=cookie, **ELSEWHERE)
        assert page.status == 200
        assert "script-src 'self'" in (page.header("Content-Security-Policy") or "")
        assert (await get(app, "/exchanges.json", Cookie=cookie, **ELSEWHERE)).status == 200
        await ask(app, "/sign-out", b"x", Cookie=cookie, **ELSEWHERE)
        assert (await get(app, "/exchanges.json", Cookie=cookie, **ELSEWHERE)).status == 401


async def test_without_a_token_a_browser_from_elsewhere_reads_what_to_set(tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        closed = await get(app, "/", **ELSEWHERE)
        assert closed.status == 401
        assert b"INSPECTOR_TOKEN" in closed.body
        assert (await ask(app, "/sign-in", b"token=", **ELSEWHERE)).status == 401


async def test_who_guesses_too_often_has_to_wait(tmp_path: Path) -> None:
    async with running(tmp_path, INSPECTOR_TOKEN="secret") as app:
        for _ in range(4):
            assert (await get(app, "/metrics", Authorization="Bearer no", **ELSEWHERE)).status == 401
        assert (await get(app, "/metrics", Authorization="Bearer no", **ELSEWHERE)).status == 429
        slowed = await get(app, "/metrics", Authorization="Bearer secret", **ELSEWHERE)
        assert slowed.status == 429
        assert int(slowed.header("Retry-After") or 0) > 0
        assert (await ask(app, "/sign-in", b"token=secret", **ELSEWHERE)).status == 429


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/exchanges?all=true&count=1"),
        ("DELETE", "/exchanges/{id}"),
        ("POST", "/exchanges/{id}/replay"),
        ("POST", "/sign-in"),
        ("POST", "/sign-out"),
    ],
)
async def test_a_page_of_another_site_can_change_nothing(method: str, path: str, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await chat(app, "Hello")
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
            got = await ask(app, path.replace("{id}", identifier), b"{}", method, **headers)
            assert got.status == 403
        assert (await get(app, f"/exchanges/{identifier}.json")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/metrics", 405),
        ("POST", "/exchanges.json", 405),
        ("GET", "/exchanges", 405),
        ("GET", "/sign-in", 405),
        ("PUT", "/page/app.js", 405),
        ("DELETE", "/exchanges.csv", 405),
        ("GET", "/exchanges/0123", 404),
        ("GET", "/exchanges/" + "0" * 32 + ".json", 404),
        ("GET", "/exchanges/" + "0" * 32 + ".html", 404),
        ("GET", "/exchanges/" + "0" * 32 + "/request", 404),
        ("DELETE", "/exchanges/" + "0" * 32, 404),
        ("GET", "/exchanges.json?foo=1", 400),
        ("GET", "/exchanges.json?q=%22open", 400),
        ("GET", "/exchanges.json?limit=0", 400),
        ("GET", "/exchanges.json?from=yesterday-ish", 400),
        ("GET", "/timeline.json?slower=fast", 400),
        ("GET", "/values.json?field=prompt", 400),
        ("GET", "/stats.json?by=prompt", 400),
        ("GET", "/exchanges.csv?drop_system=true", 400),
        ("GET", "/exchanges.chat.jsonl?drop_system=perhaps", 400),
        ("GET", "/exchanges.json?" + "model=a&" * 800, 400),
        ("GET", "/nothing", 404),
    ],
)
async def test_what_is_wrong_is_told_in_a_sentence(method: str, path: str, status: int, tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        got = await get(app, path, method)
        assert (got.status, got.header("Content-Type")) == (status, "application/json")
        assert len(json.loads(got.body)["error"]) > 20
        if status == 405:
            assert got.header("Allow")


async def test_no_journal_is_a_503_and_not_a_defect(tmp_path: Path) -> None:
    async with running(tmp_path / "data") as app:
        (tmp_path / "data" / "journal.sqlite3").rename(tmp_path / "away")
        got = await get(app, "/exchanges.json")
        assert got.status == 503
        assert got.header("Retry-After")
        (tmp_path / "away").rename(tmp_path / "data" / "journal.sqlite3")
        assert (await get(app, "/exchanges.json")).status == 200
