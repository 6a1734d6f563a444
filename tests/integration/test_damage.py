"""A page of the journal goes bad: all else is shipped once and found, while the recorder runs or after a start."""

import asyncio
import json
import random
import time
from collections import Counter
from pathlib import Path

import orjson
import pytest

from service.journal import JournalError
from service.journal.reader import Reader
from service.journal.schema import PAGE_SIZE
from service.search.compacting import compact
from service.search.filters import Filter
from service.search.search import Search
from tests.fakes.loki import FakeLoki
from tests.fakes.ollama import FakeOllama
from tests.journal.damaging import body, must_be_saved
from tests.journal.given import open_journal, record
from tests.running_app import ask, get, running, said, until

RECORDS = 410


def fill(folder: Path) -> bytes:
    with open_journal(folder) as journal:
        for number in range(1, RECORDS + 1):
            journal.write([record(number, body(number, 2500), body(number, 300), ended_ns=time.time_ns())])
    return (folder / "journal.sqlite3").read_bytes()


def spoil_the_middle(path: Path, before: bytes) -> set[int]:
    """8 kB of noise in the middle; the numbers of the records that it does not touch."""
    content = bytearray(before)
    start = len(content) // 2 + 1000
    content[start : start + PAGE_SIZE] = random.Random(1).randbytes(PAGE_SIZE)
    path.write_bytes(content)
    return must_be_saved(before, bytes(content), RECORDS)


def shipped(loki: FakeLoki) -> Counter[int]:
    return Counter(
        int(orjson.loads(entry.line)["exchange"], 16)
        for entry in list(loki.entries)  # a thread adds to them meanwhile
        if '"exchange"' in entry.line
    )


@pytest.mark.blocks("the stand-in of Loki reads hundreds of records in this same interpreter")
@pytest.mark.parametrize("is_running", [True, False], ids=["while it runs", "before it starts"])
async def test_noise_in_the_middle_costs_only_what_lies_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_running: bool
) -> None:
    monkeypatch.setattr("service.journal.recorder.TIDY_SECONDS", 0.2)
    folder = tmp_path / "data"
    before = fill(folder)
    path = folder / "journal.sqlite3"
    untouched = set() if is_running else await asyncio.to_thread(spoil_the_middle, path, before)

    async with (
        FakeOllama() as ollama,
        FakeLoki() as loki,
        running(folder, OLLAMA_URL=ollama.url, LOKI_URL=loki.url, LOKI_SPANS="false") as app,
    ):
        if is_running:
            await ask(app)
            untouched = await asyncio.to_thread(spoil_the_middle, path, before)
        answer = await ask(app)
        assert answer.status == 200

        async def is_all_there() -> bool:
            if len(loki.entries) <= len(untouched):
                return False
            found = shipped(loki).keys()
            return untouched <= found and len(found) > len(untouched)

        await until(is_all_there, 30)

        async def is_listed() -> bool:
            got = await get(app, "/exchanges.json?limit=500&operation=chat")
            if got.status == 503:  # while the index is made anew
                return False
            page = json.loads(got.body)
            return len(page["exchanges"]) >= len(untouched) and page["complete"]

        await until(is_listed, 30)

        async def is_told() -> bool:
            # The notice of a file that was set aside is renewed with each tidying.
            return "set aside" in (await said(app, "/readyz"))["degraded"].get("journal", "")

        await until(is_told)
        metrics = (await ask(app, "/metrics", b"", "GET")).body.decode()
        assert "ollama_recorder_journal_set_aside_total " in metrics
    assert len(untouched) >= RECORDS - 8
    assert max(count for number, count in shipped(loki).items() if number <= RECORDS) == 1
    assert compact(folder).bytes_after > 0


def test_without_a_recorder_a_list_passes_over_the_page_and_says_so(tmp_path: Path) -> None:
    before = fill(tmp_path)
    untouched = spoil_the_middle(tmp_path / "journal.sqlite3", before)
    search = Search(tmp_path)

    page = search.page(Filter(), RECORDS)
    reader = Reader(tmp_path)
    exported = [kept.row.number for kept in reader.records(range(1, RECORDS + 1), "request, response", 1 << 20)]  # type: ignore[arg-type]
    search.close()
    reader.close()

    assert untouched <= {entry.number for entry in page.entries}
    assert page.unreadable == RECORDS - len(page.entries) > 0
    assert not page.is_complete
    assert untouched <= set(exported)
    assert len(exported) < RECORDS
    assert reader.passed_over > 0
    with pytest.raises(JournalError, match="Start the recorder once"):
        compact(tmp_path)
