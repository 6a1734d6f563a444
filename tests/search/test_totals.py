import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.search.filters import Filter
from service.search.search import Search
from service.search.totals import Group, nearest_rank
from tests.search.indexed import index, said, write


@pytest.fixture
def searching(tmp_path: Path) -> Iterator[Search]:
    with contextlib.closing(Search(tmp_path)) as searching:
        yield searching


def test_values_are_the_names_one_could_ask_for_instead(tmp_path: Path, searching: Search) -> None:
    records = [
        said(1, model="a", node="x"),
        said(2, model="b", node="x"),
        said(3, model="b", node="y"),
        said(4, node="x"),
        said(5, model="c", node="x"),
    ]
    write(tmp_path, records)
    index(tmp_path)

    assert searching.values("model", Filter()) == [("b", 2), ("a", 1), ("c", 1)]
    assert searching.values("model", Filter(node=("x",), model=("a",))) == [("a", 1), ("b", 1), ("c", 1)]
    assert searching.values("model", Filter(), limit=1) == [("b", 2)]
    assert searching.values("user", Filter()) == []
    assert searching.values("outcome", Filter(node=("nothing",))) == []


def test_a_workflow_of_which_only_the_id_is_known_is_named_by_it(tmp_path: Path, searching: Search) -> None:
    write(tmp_path, [said(1, workflow="Invoices", workflow_id="w1"), said(2, workflow_id="w2"), said(3)])
    index(tmp_path)

    assert searching.values("workflow", Filter()) == [("Invoices", 1), ("w2", 1)]
    assert [group.name for group in searching.stats(Filter(), "workflow")] == ["", "Invoices", "w2"]


def test_statistics_add_up_each_group(tmp_path: Path, searching: Search) -> None:
    records = [
        said(n, model="a", seconds=n / 10, prompt_tokens=10, completion_tokens=n, tokens_per_second=float(n))
        for n in range(1, 21)
    ]
    write(tmp_path, [*records, said(21, model="b", seconds=None, outcome="gateway_died"), said(22, seconds=0.5)])
    index(tmp_path)

    assert searching.stats(Filter(), "model") == [
        Group("a", 20, 0, 1.05, 1.0, 1.9, 200, 210, 10.0),
        Group("", 1, 0, 0.5, 0.5, 0.5, 0, 0, None),
        Group("b", 1, 1, None, None, None, 0, 0, None),
    ]


@pytest.mark.parametrize(
    ("count", "share", "rank"), [(1, 0.95, 1), (20, 0.95, 19), (21, 0.95, 20), (100, 0.5, 50), (3, 0.5, 2), (0, 0.5, 1)]
)
def test_the_nearest_rank_is_exact(count: int, share: float, rank: int) -> None:
    assert nearest_rank(count, share) == rank
