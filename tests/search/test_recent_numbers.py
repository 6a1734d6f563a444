import contextlib
from pathlib import Path
from typing import Any

from service.record.exchange import EncodedRecord
from service.search.recent_numbers import RecentNumbers
from service.search.search import Search
from tests.search.indexed import BEGUN_NS, SECOND, index, said, write

NOW = 2000


def ended(seconds_ago: int, **facts: Any) -> EncodedRecord:
    seconds = facts.setdefault("seconds", 1.0)
    return said(NOW - seconds_ago - int(seconds), **facts)


def numbers(folder: Path) -> RecentNumbers:
    with contextlib.closing(Search(folder)) as search:
        return search.recent_numbers(BEGUN_NS + NOW * SECOND)


def test_the_last_ten_and_fifteen_minutes_are_counted(tmp_path: Path) -> None:
    cut: dict[str, Any] = {"prompt_truncated": True, "model": "tiny"}
    records = [
        ended(1000, status=500, failed=True, **cut),
        ended(850, status=500, failed=True, **cut),
        ended(700, outcome="client_left", seconds=20.0),
        ended(500, operation="list"),
        ended(400, status=500, failed=True, prompt_truncated=True),
        ended(300, operation="embed", seconds=3.0),
        ended(200, outcome="refused", status=429, seconds=90.0),
        ended(100, outcome="client_left", failed=False),
    ]
    write(tmp_path, records)
    index(tmp_path)

    # Stopped by its reader: no failure. Refused: no call of a model.
    assert numbers(tmp_path) == RecentNumbers(5, 2, 1, 20.0, {"tiny": 1, "": 1})


def test_where_nothing_happened_nothing_is_counted(tmp_path: Path) -> None:
    write(tmp_path, [said(1)])
    index(tmp_path)
    assert numbers(tmp_path) == RecentNumbers(0, 0, 0, None, {})
