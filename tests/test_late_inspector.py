"""What readers are shown is there when somebody asks, and at the start where an erasure goes on."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from service.inspector_setup import Inspector
from service.peers.open_erasures import FILE, LOKI, OpenErasure, OpenErasures
from tests.running_app import ELSEWHERE, get, running, said


def is_there(app: Any) -> bool:
    return app._inspector._inspector.now is not None


async def test_many_who_ask_at_once_are_shown_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Inspector] = []
    make = Inspector.__init__

    def note(inspector: Inspector, *arguments: Any) -> None:
        made.append(inspector)
        make(inspector, *arguments)

    monkeypatch.setattr(Inspector, "__init__", note)
    async with running(tmp_path) as app:
        assert not is_there(app)
        answers = await asyncio.gather(*(get(app, path) for path in ("/", "/exchanges.json", "/status.json") * 3))
        assert {answer.status for answer in answers} == {200}
    assert len(made) == 1


@pytest.mark.parametrize("content", ["open", "done", "damaged", "none"])
async def test_an_erasure_that_a_restart_interrupted_goes_on_by_itself(content: str, tmp_path: Path) -> None:
    erasures, one = OpenErasures(tmp_path), OpenErasure(LOKI, requests=("{}",), since="2026-01-01T00:00:00Z")
    if content == "damaged":
        (tmp_path / FILE).write_text("{")
    elif content != "none":
        erasures.add([one])
    if content == "done":
        erasures.settle(one, "")
    async with running(tmp_path) as app:
        assert is_there(app) is (content in ("open", "damaged"))
        degraded = (await said(app, "/readyz?exclude=ollama")).get("degraded", {})
        assert ("erasing" in degraded) is (content in ("open", "damaged"))


async def test_readers_whose_file_was_read_again_count_before_anybody_asked(tmp_path: Path) -> None:
    ann = '[reader."Ann"]\ntoken_sha256 = "' + "a" * 64 + '"\nmay = ["numbers"]\n'
    (tmp_path / "readers").write_text(ann)
    async with running(tmp_path / "data", READERS_FILE=str(tmp_path / "readers")) as app:
        assert (await get(app, "/metrics")).status == 200
        (tmp_path / "readers").write_text(ann + "[here]\nmay = []\n")
        app.read_watched_files_again()
        async with asyncio.timeout(20):
            while (await get(app, "/metrics")).status != 401:
                await asyncio.sleep(0.01)
        assert not is_there(app)
        assert (await get(app, "/exchanges.json")).status == 401
        assert (await get(app, "/exchanges.json", **ELSEWHERE)).status == 401


async def test_a_recorder_ends_while_the_page_is_being_loaded(tmp_path: Path) -> None:
    async with running(tmp_path) as app:
        asking = asyncio.create_task(get(app, "/"))
        await asyncio.sleep(0)
    await asyncio.gather(asking, return_exceptions=True)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "erase elsewhere"]
