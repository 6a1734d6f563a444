"""Erasing: looked at first, then gone from the journal, its index and its files, and told to an audit."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from service.inspector.erasing import Erasing, Gone, alone
from service.journal import JournalError
from service.journal.journal import Journal
from service.journal.reader import Reader
from service.search.filters import Filter
from service.search.indexing import Indexer
from service.search.matching import Matches
from tests.fakes.ollama import FakeOllama
from tests.journal.given import bytes_kept, identifier, open_journal
from tests.running_app import ask, chat, found, get, running, said
from tests.search.indexed import BEGUN_NS, SECOND
from tests.search.indexed import said as recorded


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
        assert secret.encode() in bytes_kept(tmp_path)
        look = await said(app, "/erasing.json?caller=one")
        assert look["count"] == 2
        got = await ask(app, "/exchanges?caller=one&count=2", b"", "DELETE")
        answered = json.loads(got.body)
        assert answered["erased"] == 2
        assert answered["is_overwritten"]
        assert secret.encode() not in bytes_kept(tmp_path)
        assert b"quokkaesque" in bytes_kept(tmp_path)
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


@dataclass(frozen=True)
class Asked:
    """A Loki that takes everything, and what it was asked."""

    is_asked: bool = True
    text: str = "asked"
    requests: tuple[str, ...] = ("path",)
    gone: list[Gone] = field(default_factory=list)

    def __call__(self, gone: Gone) -> "Asked":
        self.gone.append(gone)
        return self


@dataclass(frozen=True)
class WithoutRecorder:
    folder: Path
    journal: Journal
    erasing: Erasing
    loki: Asked

    def left(self) -> list[int]:
        return [number for (number,) in self.journal.connection.execute("SELECT number FROM exchange ORDER BY number")]


@pytest.fixture
def without_recorder(tmp_path: Path) -> Iterator[WithoutRecorder]:
    """Eight records of two callers, and no recorder that runs."""
    loki = Asked()
    with contextlib.ExitStack() as opened:
        journal = opened.enter_context(open_journal(tmp_path))
        journal.write([recorded(number, f"word{number}", caller=f"c{number % 2}") for number in range(1, 9)])
        indexer, reader, matches = Indexer(tmp_path), Reader(tmp_path), Matches(tmp_path)
        for each in (indexer, reader, matches):
            opened.callback(each.close)
        indexer.catch_up()
        erasing = alone(journal, matches, indexer, reader, loki, has_other_receivers=True)
        yield WithoutRecorder(tmp_path, journal, erasing, loki)


async def test_it_works_where_no_recorder_runs(without_recorder: WithoutRecorder) -> None:
    told: list[int] = []
    done = await without_recorder.erasing.erase(Filter(caller=("c0",)), "command line", told.append)
    assert (done["erased"], done["is_overwritten"], done["loki"]["asked"]) == (4, True, True)
    assert "Tempo" in done["notes"][0]
    assert told == [4]
    assert without_recorder.left() == [1, 3, 5, 7]
    assert b"word2" not in bytes_kept(without_recorder.folder)
    (gone,) = without_recorder.loki.gone
    assert gone.whole_time is None
    assert sorted(gone) == [(identifier(number), BEGUN_NS + (number + 1) * SECOND) for number in (2, 4, 6, 8)]


@pytest.mark.parametrize(
    ("wanted", "whole_time", "left"),
    [
        (Filter(), (0, 9), []),
        (Filter(before=9), (0, 9), []),
        (Filter(until_ns=BEGUN_NS + 5 * SECOND), (0, 4), [4, 5, 6, 7, 8]),
        (Filter(since_ns=BEGUN_NS + 5 * SECOND, until_ns=BEGUN_NS + 8 * SECOND), (5, 7), [1, 2, 3, 7, 8]),
        (Filter(after=3), None, [1, 2, 3]),
    ],
)
async def test_loki_is_told_a_time_where_all_that_ended_in_it_goes(
    wanted: Filter, whole_time: tuple[int, int] | None, left: list[int], without_recorder: WithoutRecorder
) -> None:
    await without_recorder.erasing.erase(wanted, "command line")
    assert without_recorder.left() == left
    (gone,) = without_recorder.loki.gone
    if whole_time is None:
        assert gone.whole_time is None
    else:
        first, last = whole_time
        assert gone.whole_time == (first and BEGUN_NS + first * SECOND, BEGUN_NS + last * SECOND)


async def test_the_audit_does_not_repeat_what_was_looked_for(
    without_recorder: WithoutRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "ollama_recorder")
    await without_recorder.erasing.erase(Filter(text="word3", caller=("c1",)), "command line")
    (audit,) = [entry for entry in caplog.records if getattr(entry, "event", "") == "RecordsErased"]
    assert (audit.__dict__["count"], audit.__dict__["filter"]) == (1, "q=...&caller=c1")
    assert "word3" not in str(audit.__dict__)


async def test_it_goes_on_when_whoever_waits_for_it_leaves(without_recorder: WithoutRecorder) -> None:
    left_now = asyncio.Event()
    erase_now = without_recorder.erasing.erase_records

    async def erase_later(numbers: Any) -> int:
        await left_now.wait()
        return await erase_now(numbers)

    erasing = replace(without_recorder.erasing, erase_records=erase_later)
    waiting = asyncio.create_task(erasing.erase(Filter(), "127.0.0.1"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    left_now.set()
    async with asyncio.timeout(20):
        while not without_recorder.loki.gone:
            await asyncio.sleep(0.01)
    assert without_recorder.left() == []


async def test_what_was_erased_before_a_trouble_of_the_disk_is_forgotten_everywhere(
    without_recorder: WithoutRecorder,
) -> None:
    erase_now, steps_taken = without_recorder.erasing.erase_records, 0

    async def erase_once(numbers: Any) -> int:
        nonlocal steps_taken
        steps_taken += 1
        if steps_taken > 1:
            raise JournalError("the journal could not be written: disk I/O error")
        return await erase_now(numbers)

    without_recorder.journal.write([recorded(number, "more") for number in range(9, 100)])
    erasing = replace(without_recorder.erasing, erase_records=erase_once)
    with pytest.raises(JournalError):
        await erasing.erase(Filter(), "command line")
    (gone,) = without_recorder.loki.gone
    assert len(gone.numbers) == 50
    assert sorted([*without_recorder.left(), *gone.numbers]) == [*range(1, 100)]


async def test_an_index_that_is_being_made_is_waited_for_and_one_that_cannot_forget_is_told(
    without_recorder: WithoutRecorder,
) -> None:
    behind = replace(without_recorder.erasing, count_behind=lambda: 12_000)
    refused = await behind.erase_expected(Filter(caller=("c0",)), 4, "127.0.0.1")
    assert refused.status == 503
    assert without_recorder.left() == [*range(1, 9)]

    def forget(numbers: Any) -> bool:
        raise OSError(5, "Input/output error")

    done = await replace(without_recorder.erasing, forget=forget).erase(Filter(), "command line")
    assert (done["erased"], done["is_overwritten"]) == (8, False)
    assert "index" in done["notes"][0]
