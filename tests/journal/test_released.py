"""A journal of every released version opens, is searched, shown and exported, and goes on.

Each file of ``released/`` is what that version's own recorder wrote, with a scripted Ollama behind it, as SQL.
"""

import re
import sqlite3
from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama
from tests.running_app import chat, found, get, running, said

RELEASED = sorted((Path(__file__).parent / "released").glob("*.sql"))
CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
EXPORTS = ("/exchanges.jsonl", "/exchanges.chat.jsonl", "/exchanges.csv", "/exchanges.har")


def test_every_released_version_has_its_journal() -> None:
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", CHANGELOG.read_text(), re.MULTILINE)
    assert sorted(path.stem for path in RELEASED) == sorted(versions)


@pytest.fixture(params=RELEASED, ids=lambda path: str(path.stem))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A data folder as that version left it."""
    connection = sqlite3.connect(tmp_path / "journal.sqlite3")
    connection.executescript(request.param.read_text())
    connection.close()
    return tmp_path


async def test_it_is_searched_shown_exported_and_gone_on_with(folder: Path) -> None:
    async with FakeOllama() as ollama, running(folder, OLLAMA_URL=ollama.url) as app:
        old = await found(app, "", 5)
        assert [entry["outcome"] for entry in old] == ["refused", *["completed"] * 4]
        assert [entry["number"] for entry in await found(app, "q=invoice&workflow=Invoices", 1)] == [1]
        first = await said(app, f"/exchanges/{old[-1]['exchange']}.json")
        assert first["record"]["response_text"] == "The invoice is paid."
        assert first["record"]["execution_id"] == "231"
        assert b"invoice paid?" in (await get(app, f"/exchanges/{old[-1]['exchange']}/request")).body
        for path in EXPORTS:
            exported = await get(app, path)
            assert exported.status == 200
            assert b"invoice" in exported.body, path
        assert (await said(app, "/stats.json?by=model"))["by"] == "model"
        identifier = await chat(app, "And the next?")
        assert (await found(app, "", 6))[0]["exchange"] == identifier
    # Once more, with nothing left to bring up to date.
    async with running(folder) as app:
        assert len(await found(app, "", 6)) == 6
