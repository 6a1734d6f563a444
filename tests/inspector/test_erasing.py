"""Erasing: looked at first, then gone from the journal, its index and its files, and told to an audit."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import FakeOllama
from tests.running_app import ask, chat, found, get, running, said


def bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


async def test_what_is_erased_is_in_no_file_any_more_and_all_else_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "ollama_recorder")
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        secret = "zanzibarium"
        await chat(app, f"first {secret} " + "padding " * 4000, X_Caller="one")
        kept = await chat(app, "kept quokkaesque", X_Caller="two")
        await chat(app, f"second {secret}", X_Caller="one")
        await found(app, f"q={secret}", 2)
        assert secret.encode() in bytes_in(tmp_path)
        look = await said(app, "/erasing.json?caller=one")
        assert look["count"] == 2
        got = await ask(app, "/exchanges?caller=one&count=2", b"", "DELETE")
        answered = json.loads(got.body)
        assert answered["erased"] == 2
        assert answered["is_overwritten"]
        assert secret.encode() not in bytes_in(tmp_path)
        assert b"quokkaesque" in bytes_in(tmp_path)
        assert [entry["exchange"] for entry in (await said(app, "/exchanges.json"))["exchanges"]] == [kept]
        assert (await said(app, f"/exchanges.json?q={secret}"))["exchanges"] == []
    (audit,) = [entry for entry in caplog.records if getattr(entry, "event", "") == "RecordsErased"]
    facts: dict[str, Any] = audit.__dict__
    assert (facts["count"], facts["by"], facts["filter"], facts["loki"]) == (2, "127.0.0.1", "caller=one", "not asked")


async def test_one_exchange_is_erased_by_its_id(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        identifier = await chat(app, "one")
        await chat(app, "two")
        assert json.loads((await get(app, f"/exchanges/{identifier}", "DELETE")).body)["erased"] == 1
        assert (await get(app, f"/exchanges/{identifier}.json")).status == 404
        assert (await get(app, f"/exchanges/{identifier}", "DELETE")).status == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("caller=one", 400),
        ("count=1", 400),
        ("count=one&caller=one", 400),
        ("caller=one&count=2", 409),
        ("all=true&count=7", 409),
        ("caller=one&count=1&surprise=1", 400),
    ],
)
async def test_nothing_is_erased_that_was_not_looked_at(query: str, status: int, tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "one", X_Caller="one")
        await found(app, "caller=one", 1)
        got = await ask(app, f"/exchanges?{query}", b"", "DELETE")
        assert got.status == status
        assert json.loads(got.body)["error"]
        assert len((await said(app, "/exchanges.json"))["exchanges"]) == 1


async def test_everything_can_be_erased_if_that_is_said(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for number in range(120):
            await chat(app, f"number {number}")
        got = await ask(app, "/exchanges?all=true&count=120", b"", "DELETE")
        assert json.loads(got.body)["erased"] == 120
        await chat(app, "afterwards")
        assert [entry["number"] for entry in (await said(app, "/exchanges.json"))["exchanges"]] == [121]
