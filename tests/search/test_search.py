import contextlib
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.journal import JournalError
from service.search import matching
from service.search.filters import Filter
from service.search.index import PARTITION_NUMBERS
from service.search.indexing import Indexer
from service.search.search import Search
from tests.journal.given import identifier, open_journal
from tests.search.indexed import BEGUN_NS, SECOND, erase_from_journal, go_on_at, index, said, write

WORDS = ("alpha", "beta", "gamma", "delta", "rare")
Said = dict[str, Any]
Kept = dict[int, Said]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept]:
    """A journal over four partitions, two of them next to each other, and all that its records say, by number."""
    folder = tmp_path_factory.mktemp("journal")
    chance = random.Random(7)
    everything: Kept = {}
    for first in (1, PARTITION_NUMBERS - 60, 4 * PARTITION_NUMBERS):
        records = []
        for number in range(first, first + 150):
            facts: Said = {
                "model": chance.choice(("llama", "qwen", None)),
                "workflow": chance.choice(("Invoices", None)),
                "workflow_id": chance.choice(("w1", "w2")),
                "execution_id": chance.choice(("7", "8", "9", None)),
                "outcome": chance.choice(("completed",) * 6 + ("client_left", "upstream_broke_off")),
                "status": chance.choice((200, 200, 404, None)),
                "prompt_truncated": chance.choice((True, False, None)),
                "prompt_tokens": chance.choice((None, 10, 20)),
                "tokens_per_second": chance.choice((None, 5.0, 7.5, 9.125)),
            }
            prompt = " ".join(chance.choices(WORDS, weights=(50, 30, 20, 10, 1), k=3))
            answer = " ".join(chance.choices(WORDS, k=2))
            seconds = chance.choice((None, 0.001, 0.5, 2.0, 61.25))
            records.append(said(number, prompt, answer, seconds=seconds, **facts))
            everything[number] = facts | {"seconds": seconds, "text": f"{prompt} | {answer}"}
        if first > 1:
            go_on_at(folder, first)
        write(folder, records)
    index(folder)
    return folder, everything


@pytest.fixture
def searching(kept: tuple[Path, Kept]) -> Iterator[Search]:
    with contextlib.closing(Search(kept[0])) as searching:
        yield searching


def ended_ns(number: int, record: Said) -> int:
    return BEGUN_NS + number * SECOND + int((record["seconds"] or 0) * SECOND)


Judge = Callable[[int, Said], bool]
Case = tuple[Filter, Judge]
CASES: list[Case] = [
    (Filter(), lambda number, record: True),
    (Filter(model=("llama",)), lambda number, record: record["model"] == "llama"),
    (Filter(model=("llama", "nobody", "qwen")), lambda number, record: record["model"] is not None),
    (Filter(model=("nobody",)), lambda number, record: False),
    (Filter(workflow=("w1",)), lambda number, record: record["workflow_id"] == "w1"),
    (Filter(workflow=("Invoices", "w2")), lambda n, r: r["workflow"] == "Invoices" or r["workflow_id"] == "w2"),
    (Filter(execution=("7", "8")), lambda number, record: record["execution_id"] in ("7", "8")),
    (Filter(model=("",)), lambda number, record: record["model"] is None),
    (Filter(model=("qwen", "")), lambda number, record: record["model"] in ("qwen", None)),
    (Filter(workflow=("",)), lambda n, r: r["workflow"] is None and r["workflow_id"] is None),
    (Filter(workflow=("", "w1")), lambda n, r: r["workflow_id"] == "w1" or not (r["workflow"] or r["workflow_id"])),
    (Filter(execution=("",)), lambda number, record: record["execution_id"] is None),
    (Filter(execution=("", "7")), lambda number, record: record["execution_id"] in (None, "7")),
    (Filter(task=("",)), lambda number, record: True),
    (Filter(status=(0, 404)), lambda number, record: record["status"] in (None, 404)),
    (Filter(outcome=("client_left",)), lambda number, record: record["outcome"] == "client_left"),
    (Filter(status=(404, 500)), lambda number, record: record["status"] == 404),
    (Filter(failed=True), lambda number, record: record["outcome"] != "completed"),
    (Filter(failed=False), lambda number, record: record["outcome"] == "completed"),
    (Filter(truncated=True), lambda number, record: record["prompt_truncated"] is True),
    (Filter(truncated=False), lambda number, record: record["prompt_truncated"] is False),
    (Filter(truncated="unknown"), lambda number, record: record["prompt_truncated"] is None),
    (Filter(slower=0.5), lambda number, record: (record["seconds"] or 0) > 0.5),
    (Filter(since_ns=BEGUN_NS + 5000 * SECOND), lambda n, r: ended_ns(n, r) >= BEGUN_NS + 5000 * SECOND),
    (Filter(until_ns=BEGUN_NS + 100 * SECOND), lambda n, r: ended_ns(n, r) < BEGUN_NS + 100 * SECOND),
    (Filter(before=5000, after=120), lambda number, record: 120 < number < 5000),
    (Filter(exchange=(identifier(4), identifier(5001), identifier(9))), lambda n, record: n in (4, 9, 5001)),
    (Filter(exchange=("f" * 32,)), lambda number, record: False),
    (Filter(text="beta"), lambda number, record: "beta" in record["text"]),
    (Filter(text="rare"), lambda number, record: "rare" in record["text"]),
    (Filter(text='"alpha beta"'), lambda number, record: "alpha beta" in record["text"]),
    (Filter(text="alpha delt*"), lambda n, r: "alpha" in r["text"] and "delta" in r["text"]),
    (Filter(text="rare OR delta"), lambda n, r: "rare" in r["text"] or "delta" in r["text"]),
    (Filter(text="alpha -beta"), lambda n, r: "alpha" in r["text"] and "beta" not in r["text"]),
    (Filter(text="-alpha"), lambda number, record: "alpha" not in record["text"]),
    (Filter(text="nowhere"), lambda number, record: False),
]


def fields_of(wanted: Filter) -> set[str]:
    return {name for name in Filter.__slots__ if getattr(wanted, name) != getattr(Filter(), name)}


def joined(count: int) -> Iterator[tuple[Case, ...]]:
    """Three cases at a time that do not ask for different values of the same field."""
    chance = random.Random(1)
    while count:
        cases = chance.sample(CASES, 3)
        fields = [fields_of(wanted) for wanted, _ in cases]
        if len(set.union(*fields)) == sum(map(len, fields)):
            count -= 1
            yield tuple(cases)


@pytest.mark.parametrize("cases", [*((case,) for case in CASES), *joined(30)])
def test_any_filters_together_find_what_each_of_them_lets_through(
    kept: tuple[Path, Kept], searching: Search, cases: tuple[Case, ...]
) -> None:
    wanted = Filter(**{name: getattr(part, name) for part, _ in cases for name in fields_of(part)})
    expected = [n for n, record in sorted(kept[1].items(), reverse=True) if all(judge(n, record) for _, judge in cases)]

    assert [number for some in searching.numbers(wanted, batch=7) for number in some] == expected
    assert searching.count(wanted) == len(expected)
    assert shown_page_by_page(searching, wanted) == expected
    check_sums(searching, wanted, [kept[1][number] for number in expected])


def shown_page_by_page(searching: Search, wanted: Filter) -> list[int]:
    shown: list[int] = []
    before = wanted.before
    while True:
        page = searching.page(replace(wanted, before=before), 11)
        shown += [entry.number for entry in page.entries]
        if page.next_before is None:
            return shown
        before = page.next_before


def check_sums(searching: Search, wanted: Filter, expected: list[Said]) -> None:
    timeline = searching.timeline(wanted, columns=20)
    seconds = sorted(record["seconds"] for record in expected if record["seconds"] is not None)
    assert timeline.count == len(expected) == sum(dot[3] for dot in timeline.dots)
    assert timeline.failed == sum(record["outcome"] != "completed" for record in expected)
    assert timeline.truncated == sum(record["prompt_truncated"] is True for record in expected)
    assert timeline.tokens_in == sum(record["prompt_tokens"] or 0 for record in expected)
    assert (timeline.p50, timeline.p95) == (ranked(seconds, 50), ranked(seconds, 95))
    assert timeline.mean == (pytest.approx(sum(seconds) / len(seconds)) if seconds else None)
    assert dict(timeline.models) == Counter(record["model"] for record in expected if record["model"])
    groups = searching.stats(wanted, "model")
    assert {group.name: group.calls for group in groups} == Counter(record["model"] or "" for record in expected)
    for group in groups:
        of_it = [record for record in expected if (record["model"] or "") == group.name]
        rates = sorted(record["tokens_per_second"] for record in of_it if record["tokens_per_second"] is not None)
        durations = sorted(record["seconds"] for record in of_it if record["seconds"] is not None)
        assert group.failed == sum(record["outcome"] != "completed" for record in of_it)
        assert (group.p50, group.p95) == (ranked(durations, 50), ranked(durations, 95))
        assert group.rate_median == ranked(rates, 50)


def ranked(values: list[float], percent: int) -> float | None:
    return values[math.ceil(len(values) * percent / 100) - 1] if values else None


def test_a_page_shows_the_lines_of_the_journal(kept: tuple[Path, Kept], searching: Search) -> None:
    page = searching.page(Filter(text="rare"), 3)

    assert len(page.entries) == 3
    for entry in page.entries:
        assert orjson.loads(entry.line)["exchange"] == identifier(entry.number)


def test_what_ended_a_moment_ago_is_in_the_list_before_it_is_indexed(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, contextlib.closing(Search(tmp_path)) as searching:
        journal.write([said(1), said(2)])

        assert [entry.number for entry in searching.page(Filter(), 10).entries] == [2, 1]
        assert searching.count(Filter(after=1)) == 1
        with pytest.raises(JournalError, match="no index"):
            searching.page(Filter(failed=True), 10)


def test_what_the_journal_no_longer_has_is_left_out_of_a_page(tmp_path: Path) -> None:
    write(tmp_path, [said(number, "alpha") for number in range(1, 11)])
    index(tmp_path)
    erase_from_journal(tmp_path, [10, 7, 1])

    with contextlib.closing(Search(tmp_path)) as searching:
        page = searching.page(Filter(text="alpha"), 4)
        assert [entry.number for entry in page.entries] == [9, 8]
        assert page.next_before == 7
        page = searching.page(Filter(text="alpha", before=page.next_before), 100)
        assert [entry.number for entry in page.entries] == [6, 5, 4, 3, 2]


def test_a_page_of_very_long_lines_ends_early_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_PAGE_BYTES", 25_000)
    write(tmp_path, [said(number, answer="long " * 2000) for number in range(1, 8)])

    with contextlib.closing(Search(tmp_path)) as searching:
        page = searching.page(Filter(), 100)
        assert [entry.number for entry in page.entries] == [7, 6]
        assert (page.next_before, page.is_complete) == (6, True)
        monkeypatch.setattr(matching, "_PAGE_BYTES", 1)
        assert [entry.number for entry in searching.page(Filter(before=6), 100).entries] == [5]


def test_a_search_that_takes_long_shows_what_it_has_and_where_to_go_on(
    kept: tuple[Path, Kept], searching: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "PAGE_SECONDS", 0.0)
    expected = [number for number, record in sorted(kept[1].items(), reverse=True) if "beta" in record["text"]]
    shown: list[int] = []
    before: int | None = None
    parts = 0
    while True:
        page = searching.page(Filter(text="beta", before=before), 1000)
        shown += [entry.number for entry in page.entries]
        parts += 1
        if page.next_before is None:
            break
        assert not page.is_complete
        before = page.next_before

    assert shown == expected
    assert parts >= 4


def test_a_malformed_text_is_explained_not_searched_for(searching: Search) -> None:
    for ask in (searching.count, searching.timeline, lambda wanted: searching.page(wanted, 1)):
        with pytest.raises(ValueError, match="closing quotation mark"):
            ask(Filter(text='"open'))


def test_hostile_names_are_only_names(kept: tuple[Path, Kept], searching: Search) -> None:
    for name in ("'; DROP TABLE fact; --", '"', "\0", "%", "1 OR 1=1", "\ud800".encode("utf-8", "replace").decode()):
        assert searching.count(Filter(model=(name,), workflow=(name,))) == 0
    with pytest.raises(ValueError, match="no values of"):
        searching.values("number) FROM fact; --", Filter())
    with pytest.raises(ValueError, match="by="):
        searching.stats(Filter(), "exchange")


def test_many_search_while_the_index_is_written(tmp_path: Path) -> None:
    done = threading.Event()
    write(tmp_path, [said(number, "alpha") for number in range(1, 101)])
    index(tmp_path)

    def look() -> int:
        looks = 0
        with contextlib.closing(Search(tmp_path)) as searching:
            while not done.is_set() or not looks:
                count = searching.count(Filter(text="alpha"))
                assert 100 <= count == len(searching.page(Filter(text="alpha", before=count + 1), 5000).entries)
                looks += 1
        return looks

    with ThreadPoolExecutor(4) as threads, contextlib.closing(Indexer(tmp_path)) as indexer:
        looking = [threads.submit(look) for _ in range(4)]
        try:
            for first in range(101, 1001, 100):
                write(tmp_path, [said(number, "alpha") for number in range(first, first + 100)])
                indexer.catch_up()
        finally:
            done.set()
        assert all(future.result() for future in looking)
