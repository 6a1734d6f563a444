import contextlib
from collections import Counter
from pathlib import Path

import orjson

from service.record.fields import FIELD_NAMES
from service.search.filters import Filter
from service.search.indexing import Indexer
from service.search.search import Search
from tests.fakes.journals import COMMON_PHRASE, make_journal, make_records

UNTIL = 1_795_248_000_000_000_000


def test_the_same_seed_makes_the_same_records() -> None:
    first, second, other = (list(make_records(50, seed=seed, until_ns=UNTIL)) for seed in (3, 3, 4))

    assert first == second
    assert first != other


def test_records_look_like_those_of_a_month_of_use() -> None:
    records = list(make_records(4000, until_ns=UNTIL))
    lines = [orjson.loads(record.line) for record in records]

    assert all(list(line) == [key for key in FIELD_NAMES if key in line] for line in lines)
    assert len({record.id for record in records}) == 4000
    times = [record.ended_ns for record in records]
    assert times == sorted(times)
    assert UNTIL - 30 * 86_400 * 10**9 <= times[0] < times[-1] <= UNTIL
    counts = Counter(line["operation"] for line in lines)
    assert counts["chat"] > counts["embed"] > counts["list"] > 100
    assert 0.01 < sum(line["failed"] for line in lines) / 4000 < 0.04
    assert 0.01 < sum(line.get("prompt_truncated", False) for line in lines) / 4000 < 0.05
    assert 1000 < sum(len(record.line) for record in records) / 4000 < 5000


def test_a_made_journal_can_be_searched(tmp_path: Path) -> None:
    make_journal(tmp_path, 500)
    with contextlib.closing(Indexer(tmp_path)) as indexer:
        assert indexer.catch_up() == 500

    with contextlib.closing(Search(tmp_path)) as search:
        assert 100 < search.count(Filter(text=f'"{COMMON_PHRASE}"')) < 400
        assert search.timeline(Filter()).count == 500
