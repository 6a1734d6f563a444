"""With a meter, a call tells what it cost, everywhere; without one, nothing does."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama
from tests.running_app import chat, counted, found, running, said

LABELLED = "/api/ollama/~workflow=Mails/api/chat"


async def test_the_share_of_a_call_is_in_its_record_the_totals_and_the_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.monotonic()
    monkeypatch.setattr("service.record_making.all_meters", lambda: [lambda: 50 * (time.monotonic() - began)])
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        async with asyncio.timeout(20):
            while True:
                identifier = await chat(app, "Hi", path=LABELLED)
                record = (await said(app, f"/exchanges/{identifier}.json"))["record"]
                if "energy" in record:
                    break
                await asyncio.sleep(0.2)
        assert 0 < record["energy"] < 50
        (entry,) = await found(app, f"exchange={identifier}", 1)
        assert entry["energy"] == record["energy"]
        for by in ("model", "workflow"):
            (group,) = (await said(app, f"/stats.json?by={by}&sort=energy"))["groups"]
            assert group["energy"] >= record["energy"]
        energy = "ollama_recorder_model_energy_joules_total{", "ollama_recorder_workflow_energy_joules_total{"
        assert 'model_energy_joules_total{model="tiny"' in await counted(app, *energy)


async def test_without_a_meter_nothing_tells_of_energy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.record_making.all_meters", list)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await chat(app, "Hi", path=LABELLED)
        assert "energy" not in (await said(app, f"/exchanges/{identifier}.json"))["record"]
        await found(app, "workflow=Mails", 1)
        (group,) = (await said(app, "/stats.json?by=workflow"))["groups"]
        assert group["energy"] is None
