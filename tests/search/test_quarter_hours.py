import contextlib
from pathlib import Path

import pytest

from service.search import quarter_hours
from service.search.filters import Filter
from service.search.quarter_hours import Quarter
from service.search.search import Search
from tests.search.indexed import BEGUN_NS, index, said, write

MS = 900_000
# Of the quarter in which the records of these tests begin.
FIRST = BEGUN_NS // 1_000_000 // MS * MS


def quarters(folder: Path, wanted: Filter) -> list[Quarter]:
    with contextlib.closing(Search(folder)) as search:
        return search.quarter_hours(wanted)


def test_a_call_counts_where_it_ended_with_the_time_of_its_model(tmp_path: Path) -> None:
    measured = {"prompt_time": 1.0, "generation_time": 2.0}
    records = [
        said(1, seconds=5.0, model="a", **measured),  # type: ignore[arg-type]  # numbers among a line's own keys
        said(2, operation="embed", seconds=1.5),
        said(3, operation="list"),
        said(4, outcome="refused", status=429),
        said(950, model="a", status=500, failed=True),
    ]
    write(tmp_path, records)
    index(tmp_path)

    assert quarters(tmp_path, Filter()) == [(FIRST, 4.5, 2, 0), (FIRST + MS, 0.0, 1, 1)]
    assert quarters(tmp_path, Filter(model=("a",), failed=False)) == [(FIRST, 3.0, 1, 0)]


def test_of_a_long_time_the_newest_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarter_hours, "MOST_QUARTERS", 1)
    write(tmp_path, [said(1), said(950)])
    index(tmp_path)

    assert [quarter[0] for quarter in quarters(tmp_path, Filter())] == [FIRST + MS]
