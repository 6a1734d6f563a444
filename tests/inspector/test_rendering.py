"""``POST /exchanges/ID/rendered``: who may, and of what."""

import json
from pathlib import Path

from tests.fakes.ollama import FakeOllama
from tests.running_app import ask, chat, found, get, running


async def test_only_a_chat_of_ollamas_own_api_can_be_looked_at_and_only_by_post(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Alpha")
        await ask(app, "/api/ollama/api/generate", body=b'{"model":"tiny","prompt":"Beta"}')
        (first, second) = await found(app, "", 2)
        assert (await get(app, f"/exchanges/{first['exchange']}/rendered")).status == 405
        generated = first if first["operation"] == "generate" else second
        refused = await get(app, f"/exchanges/{generated['exchange']}/rendered", method="POST")
        assert (refused.status, "own API" in json.loads(refused.body)["error"]) == (409, True)
        absent = await get(app, f"/exchanges/{'0' * 32}/rendered", method="POST")
        assert absent.status == 404


async def test_whoever_may_not_send_again_may_not_look(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_REPLAY="false") as app:
        await chat(app, "Alpha")
        (entry,) = await found(app, "", 1)
        refused = await get(app, f"/exchanges/{entry['exchange']}/rendered", method="POST")
        assert refused.status == 403
        assert json.loads(refused.body)["setting"] == "INSPECTOR_REPLAY"
