"""What any two exchanges asked differently, over HTTP."""

import json
from pathlib import Path

from tests.fakes.ollama import FakeOllama, answer, whole
from tests.page.opened import answered
from tests.running_app import ELSEWHERE, chat, get, running, said


async def test_two_exchanges_are_compared(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", *[answer(whole(answered("Because.")))] * 2)
        first, second = await chat(app, "Why?"), await chat(app, "Why not?")
        told = await said(app, f"/comparison.json?before={first}&now={second}")
        (change,) = told["changes"]
        assert (told["before"], told["now"]) == (first, second)
        assert (change["kind"], change["before"], change["now"]) == ("question_changed", "Why?", "Why not?")

        for query, status in (
            (f"before={first}", 400),
            (f"before={first}&now=x", 400),
            (f"before={first}&now={'f' * 32}", 404),
        ):
            refused = await get(app, f"/comparison.json?{query}")
            assert (refused.status, bool(json.loads(refused.body)["error"])) == (status, True), query
        assert (await get(app, f"/comparison.json?before={first}&now={second}", **ELSEWHERE)).status == 401
