"""``store=loki``: what the addresses add up of all recorders, in front of a real Loki."""

from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama
from tests.inspector.test_all_stores import soon
from tests.running_app import chat, get, running, said
from tests.servers.loki import Loki

pytestmark = pytest.mark.blocks("the fixtures start and stop Loki on the event loop's thread")


async def test_the_totals_of_two_recorders_are_told_together(
    loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = iter(("office", "garage"))
    monkeypatch.setattr("service.journal.journal.socket.gethostname", lambda: next(names))
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "a", OLLAMA_URL=ollama.url, LOKI_URL=loki.url) as here,
        running(tmp_path / "b", OLLAMA_URL=ollama.url, LOKI_URL=loki.url) as there,
    ):
        await chat(here, "the blue parcel", X_Caller="cron")
        await chat(there, "the red parcel", X_Caller="cron")
        drawn = await soon(
            lambda: said(here, "/timeline.json?store=loki&from=-1h"), lambda timeline: timeline["count"] == 2
        )
        assert (drawn["store"], drawn["complete"], drawn["model_calls"]) == ("loki", True, 2)
        assert drawn["scanned"]["bytes"] > 0
        # A number would be one journal's.
        assert {len(dot) for dot in drawn["dots"]} == {4}
        words = await said(here, "/timeline.json?store=loki&from=-1h&q=red")
        assert words["count"] == 1

        stats = await said(here, "/stats.json?store=loki&by=caller&from=-1h")
        assert [(group["name"], group["calls"]) for group in stats["groups"]] == [("cron", 2)]
        assert "load_made_wait" not in stats
        assert "made_wait" not in stats["groups"][0]
        assert [group["calls"] for group in (await said(here, "/stats.json?by=caller"))["groups"]] == [1]
        table = (await get(here, "/stats.csv?store=loki&by=caller&from=-1h")).body.decode("utf-8-sig")
        assert table.splitlines()[0].startswith("name,calls")
        assert table.splitlines()[1].startswith('"cron",2')

        assert (await said(here, "/values.json?store=loki&field=caller&caller=x&from=-1h"))["values"] == [["cron", 2]]
        week = await said(here, "/week.json?store=loki&from=-1h")
        assert sum(calls for _, _, calls, _ in week["stretches"]) == 2


async def test_what_cannot_be_added_up_is_told(tmp_path: Path) -> None:
    paths = ("/timeline.json?x=", "/week.json?x=", "/values.json?field=model", "/stats.json?x=", "/stats.csv?x=")
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for path in paths:
            answer = await get(app, f"{path.removesuffix('?x=')}{'&' if 'field' in path else '?'}store=loki")
            assert (answer.status, "LOKI_URL" in answer.body.decode()) == (409, True)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, LOKI_URL="http://127.0.0.1:9") as app:
        for path, status, words in (
            ("/timeline.json?store=loki", 503, "could not be asked"),
            ("/stats.json?store=loki&by=model", 503, "could not be asked"),
            ("/timeline.json?store=loki&after=7", 400, "one recorder"),
            ("/stats.csv?store=loki&before=7", 400, "one recorder"),
            ("/week.json?store=loki&before=7", 400, "one recorder"),
            ("/values.json?store=loki&field=model&before=7", 400, "one recorder"),
            ("/values.json?store=loki&field=nothing", 400, "expected is one of"),
        ):
            answer = await get(app, path)
            assert (answer.status, words in answer.body.decode()) == (status, True), path


async def test_too_many_to_add_up_are_told(loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.loki_search.facts.MOST_LINES", 2)
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "a", OLLAMA_URL=ollama.url, LOKI_URL=loki.url) as app,
    ):
        for number in range(4):
            await chat(app, f"parcel {number}")
        await soon(lambda: said(app, "/timeline.json?store=loki&from=-1h"), lambda told: told["count"] == 4)
        monkeypatch.setattr("service.inspector.all_totals.MOST_RECORDS", 2)
        part = await said(app, "/stats.json?store=loki&by=model&from=-1h")
        assert (part["complete"], [group["calls"] for group in part["groups"]]) == (False, [2])
        refused = await get(app, "/stats.csv?store=loki&by=model&from=-1h")
        assert (refused.status, "too many" in refused.body.decode()) == (409, True)
        # What sorts by what one recorder alone knows is refused.
        by_waiting = await get(app, "/stats.json?store=loki&by=model&sort=made_wait")
        assert (by_waiting.status, "one recorder" in by_waiting.body.decode()) == (400, True)
