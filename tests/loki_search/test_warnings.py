"""An answer of Loki's that may lack something, as it warns, is nowhere taken for all there is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.loki_search import all_recorders
from service.loki_search.all_recorders import AllRecorders
from service.loki_search.facts import gathered, matching_ids
from service.loki_search.loki_answers import LokiAddress, LokiError, LokiLines
from service.loki_search.selection import LokiLine
from service.search.filters import Filter
from tests.fakes.ollama import FakeOllama
from tests.running_app import get, running, said

FOUND, ABSENT = "1" * 32, "f" * 32
WARNING = "partial: one ingester is away"


@pytest.fixture(autouse=True)
def warned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stretch has one line, and came with a warning."""
    asked = 0

    def answer(_: object, __: str, since: int, until: int, *___: object) -> LokiLines:
        nonlocal asked
        asked += 1
        lines = [LokiLine(until - 1, "office", FOUND, b'{"model":"tiny","operation":"chat"}')] if asked == 1 else []
        return LokiLines(lines, 7, (WARNING,))

    monkeypatch.setattr(all_recorders, "ask_for_lines", answer)


STORE = AllRecorders(LokiAddress("http://127.0.0.1:9"), 30)


def test_a_page_and_totals_have_what_there_is_and_what_loki_warned_of() -> None:
    page = STORE.page(Filter(), 10)
    assert ([line.exchange for line in page.lines], page.is_complete, page.warnings) == ([FOUND], False, (WARNING,))


def test_a_page_that_is_full_is_not_complete_either(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [LokiLine(time, "office", f"{time:032x}", b"{}") for time in range(10**18 + 9, 10**18, -1)]
    monkeypatch.setattr(all_recorders, "ask_for_lines", lambda *_: LokiLines(many, 7, (WARNING,)))
    page = AllRecorders(LokiAddress("http://127.0.0.1:9"), 36_500).page(Filter(), 3)
    assert (len(page.lines), page.is_complete) == (3, False)


def test_totals_of_it_say_so() -> None:
    with gathered(STORE, Filter()) as facts:
        assert facts.warnings == (WARNING,)
        assert facts.connection.execute("SELECT count(*) FROM fact").fetchone() == (1,)


def test_one_that_was_found_is_there_and_one_that_was_not_is_not_said_to_be_gone() -> None:
    assert STORE.one(FOUND) is not None
    with pytest.raises(LokiError, match=WARNING):
        STORE.one(ABSENT)


@pytest.mark.parametrize("all_of", [lambda: STORE.lines(Filter()), lambda: matching_ids(STORE, Filter())])
def test_what_has_to_be_whole_is_refused(all_of: Callable[[], Iterator[object]]) -> None:
    with pytest.raises(LokiError, match=WARNING):
        list(all_of())


async def test_each_address_says_it(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, LOKI_URL="http://127.0.0.1:9") as app:
        for path in ("/exchanges.json", "/stats.json", "/timeline.json", "/values.json", "/week.json"):
            more = "&field=model" if path == "/values.json" else ""
            answer = await said(app, f"{path}?store=loki&from=-1h{more}")
            assert (answer["complete"], answer["scanned"]["warnings"]) == (False, [WARNING])
        for path in (f"/exchanges/{ABSENT}.json", "/exchanges.jsonl", "/exchanges.csv", "/stats.csv", "/erasing.json"):
            got = await get(app, f"{path}?store=loki")
            assert (got.status, WARNING.encode() in got.body) == (503, True)


async def test_why_totals_stop_in_the_middle_is_told_and_a_table_of_them_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = 0

    def answer(*_: object) -> LokiLines:
        nonlocal asked
        asked += 1
        if asked % 2 == 0:
            raise LokiError("Loki answered 500: boom")
        return LokiLines([], 7)

    monkeypatch.setattr(all_recorders, "ask_for_lines", answer)
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, LOKI_URL="http://127.0.0.1:9") as app:
        totals = await said(app, "/stats.json?by=model&store=loki")
        assert (totals["complete"], totals["scanned"]["warnings"]) == (False, ["Loki answered 500: boom"])
        table = await get(app, "/stats.csv?by=model&store=loki")
        assert (table.status, b"answered 500: boom" in table.body) == (503, True)
