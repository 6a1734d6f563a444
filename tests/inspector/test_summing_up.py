"""Failures and the report over HTTP."""

import json
from pathlib import Path

from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.opened import answered
from tests.running_app import ELSEWHERE, chat, found, get, running, said


async def test_failures_and_the_report_are_there_for_readers(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(b'{"error": "it broke"}', status=500)))
        gone_wrong = await chat(app, "Why?", X_Caller="shop")
        ollama.answers("/api/chat", answer(whole(answered("Because."))))
        went_well = await chat(app, "Why?", X_Caller="shop")
        await found(app, "caller=shop", 2)

        told = await said(app, "/failures.json?caller=shop")
        (request,) = told["groups"][0]["requests"]
        assert (request["exchange"], request["answer"], request["tries"]) == (gone_wrong, went_well, 2)
        assert (await said(app, "/failures.json?caller=nobody"))["groups"] == []

        markdown = await get(app, "/report.md?since=-1h")
        assert markdown.header("Content-Type") == "text/markdown; charset=utf-8"
        assert b"1 failure, 0 requests never answered" in markdown.body
        html = await get(app, "/report.html?since=today&caller=shop")
        assert html.header("Content-Type") == "text/html; charset=utf-8"
        assert b"<td" in html.body
        assert "script-src" not in (html.header("Content-Security-Policy") or "")

        for path in ("/report.md?since=soon", "/failures.json?since=today", "/stats.json?sort=colour"):
            refused = await get(app, path)
            assert refused.status == 400
            assert "is not understood" in json.loads(refused.body)["error"] or "no parameter" in str(refused.body)
        for path in ("/report.md", "/report.html", "/failures.json", "/stats.csv"):
            assert (await get(app, path, **ELSEWHERE)).status == 401


async def test_totals_are_a_table_too(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Hi", X_Caller="=1+1")
        await found(app, "caller=%3D1%2B1", 1)
        got = await get(app, "/stats.csv?by=caller&sort=total")
        head, row, _ = got.body.decode("utf-8-sig").split("\r\n")
        assert got.header("Content-Disposition") == 'attachment; filename="stats-by-caller.csv"'
        assert head.startswith("name,calls,failed,mean,p50,p95,tokens_in")
        assert row.startswith('"\'=1+1",1,0,')
