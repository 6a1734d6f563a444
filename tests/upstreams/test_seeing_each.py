"""How each of several Ollamas is: for readiness, for Prometheus, for the page, for doctor."""

import asyncio
import json
from pathlib import Path

from service.alerting.looking import Looking
from service.cli.doctor.ollama import look_at_ollama
from service.settings import read_settings
from tests.fakes.ollama import HOLD, answer, json_answer
from tests.running_app import get, said, until
from tests.upstreams.pair import chat, pair


async def test_readiness_and_the_page_name_each(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        assert (await chat(app, "hi", "left")).status == 200
        status = await said(app, "/status.json")
        assert [upstream["name"] for upstream in status["upstreams"]] == [one.name, other.name]
        assert status["upstreams"][0]["loaded"] == ["left:latest"]
        ready = await said(app, "/readyz")
        assert ready["status"] == "ready"
        assert ready["parts"][-2:] == [f"ollama {one.name}", f"ollama {other.name}"]
        await one.ollama.stop()
        ready = await said(app, "/readyz")
        assert (ready["status"], list(ready["degraded"])) == ("degraded", [f"ollama {one.name}"])
        status = await said(app, "/status.json")
        assert status["ollama"]["trouble"] is None
        assert "connection refused" in status["upstreams"][0]["trouble"]
        await other.ollama.stop()
        got = await get(app, "/readyz")
        assert got.status == 503
        assert one.ollama.url in json.loads(got.body)["degraded"]["ollama"]
        for also in ("", f"&exclude=ollama%20{one.name}"):
            ready = await said(app, f"/readyz?exclude=ollama{also}")
            assert (ready["status"], ready["parts"]) == ("ready", ["journal", "index", "connections"])


async def test_prometheus_is_told_of_each(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="2") as (app, one, other):
        one.loaded = ["tiny"]
        await one.ollama.stop()
        await get(app, "/readyz")

        async def text() -> str:
            return (await get(app, "/metrics")).body.decode()

        metrics = await text()
        assert f'ollama_recorder_upstream_up{{upstream="{one.name}"}} 0.0' in metrics
        assert f'ollama_recorder_upstream_up{{upstream="{other.name}"}} 1.0' in metrics
        assert f'ollama_recorder_upstream_active{{upstream="{other.name}"}} 0.0' in metrics
        assert "ollama_recorder_ollama_up 1.0" in metrics


async def test_alerts_are_told_of_each(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        looking = Looking(30.0)

        async def told() -> list[str]:
            await get(app, "/readyz")
            found = looking.look(0.0, app._status.part_numbers(), None)
            return [f"{finding.rule.uid} {finding.about}" for finding in found]

        assert await told() == []
        await one.ollama.stop()
        assert await told() == [f"ollama-one-gone {one.name}"]
        (finding,) = looking.look(0.0, app._status.part_numbers(), None)
        summary = finding.rule.summary.format(about=finding.about, value=finding.shown)
        assert summary.startswith(f"{one.name} gets no calls: {one.ollama.url}: Ollama cannot be asked: ")
        assert summary.endswith("refused. The other Ollamas go on.")
        await other.ollama.stop()
        (all_gone,) = await told()
        assert all_gone.startswith("ollama-unreachable ")


async def test_models_in_memory_are_told_apart_by_their_ollama(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        for number, each in enumerate((one, other), 1):
            model = {"name": "tiny:latest", "size": 10 * number, "size_vram": 0}
            each.ollama.answers("/api/ps", json_answer({"models": [model]}))
        await app._status._ask_for_models()

        async def told() -> bool:
            metrics = (await get(app, "/metrics")).body.decode()
            return all(
                f'model="tiny:latest",place="cpu",recorder="{recorder}",upstream="{each.name}"}} {10 * number}.0'
                in metrics
                for number, each in enumerate((one, other), 1)
                for recorder in [app._status.reader.instance()]
            )

        await until(told)


async def test_one_that_is_silent_keeps_no_other_from_telling_its_models(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        one.ollama.answers("/api/ps", answer(HOLD))
        other.ollama.answers("/api/ps", json_answer({"models": [{"name": "tiny:latest", "size": 7, "size_vram": 0}]}))
        asking = asyncio.create_task(app._status._ask_for_models())

        async def told() -> bool:
            return b'place="cpu"' in (await get(app, "/metrics")).body

        await until(told)
        assert not asking.done()
        asking.cancel()


async def test_the_queue_names_the_ollama_of_each_call_that_runs(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, _, other):
        other.let_go.clear()
        call = asyncio.create_task(chat(app, "hi", "right"))

        async def running() -> bool:
            picture = await said(app, "/queue.json")
            return [one["upstream"] for one in picture["active"]] == [other.name]

        await until(running)
        other.let_go.set()
        await call


async def test_doctor_looks_at_each(tmp_path: Path) -> None:
    async with pair(tmp_path) as (_, one, other):
        settings = read_settings({"OLLAMA_URL": f"{one.ollama.url},{other.ollama.url}"})
        await other.ollama.stop()
        results = await asyncio.to_thread(look_at_ollama, settings)
        about = [result.about for result in results]
        assert f"Ollama {one.name}" in about
        assert about[-1] == f"Ollama {other.name}"
        assert f"{other.ollama.url} cannot be reached" in results[-1].text
