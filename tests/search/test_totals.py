import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.record.exchange import EncodedRecord
from service.search.filters import Filter
from service.search.search import Search
from service.search.totals import STATS_FIELDS, Group, in_order, nearest_rank
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
        Group("a", 20, 0, 1.05, 1.0, 1.9, 200, 210, 10.0, 21.0, 21 / 21.5, 21.0, 21 / 21.5),
        Group("", 1, 0, 0.5, 0.5, 0.5, 0, 0, None, 0.5, 0.5 / 21.5, 0.5, 0.5 / 21.5),
        Group("b", 1, 1, None, None, None, 0, 0, None),
    ]


def test_energy_is_of_the_calls_that_a_meter_told_of(tmp_path: Path, searching: Search) -> None:
    write(tmp_path, [said(1, model="a", energy=2.5), said(2, model="a", energy=0.0), said(3, model="a"), said(4)])
    index(tmp_path)

    groups = searching.stats(Filter(), "model")
    assert [(group.energy, group.energy_calls) for group in groups] == [(2.5, 2), (None, 0)]


def measured(number: int, waits: float, works: float, **facts: Any) -> EncodedRecord:
    """A streamed chat that waits so many seconds in the recorder, and then is answered."""
    facts |= {"queue_time": waits, "time_to_first_token": waits, "prompt_time": 0.0, "generation_time": works}
    return said(number, seconds=waits + works, stream=True, **facts)


def test_who_works_while_others_wait_made_them_wait(tmp_path: Path, searching: Search) -> None:
    records = [
        measured(1, 0, 10, user="ada"),
        measured(2, 9, 2, user="ada"),
        measured(3, 8, 5, user="bob"),
        measured(4, 7, 1, user="carl", model="other"),
    ]
    write(tmp_path, records)
    index(tmp_path)

    made = {group.name: (group.waited, group.made_wait) for group in searching.stats(Filter(), "user")}
    # Ada's first call works until second 11. Bob waits from 3 to 11 and Carl from 4 to 11, her second call for herself.
    # Then all three work, and nobody waits.
    assert made == {"ada": (9.0, 15.0), "bob": (8.0, 0.0), "carl": (7.0, 0.0)}
    # Whoever waited counts, whatever the filter.
    (ada,) = searching.stats(Filter(user=("ada",)), "user")
    assert ada.made_wait == 15.0


def test_who_works_at_one_ollama_makes_nobody_wait_at_another(tmp_path: Path, searching: Search) -> None:
    records = [
        measured(1, 0, 10, user="ada", upstream="gpu1"),
        measured(2, 0, 9, user="bob", upstream="gpu2"),
        measured(3, 4, 1, user="carl", upstream="gpu2"),
    ]
    write(tmp_path, records)
    index(tmp_path)

    made = {group.name: group.made_wait for group in searching.stats(Filter(), "user")}
    assert made == {"ada": 0.0, "bob": 4.0, "carl": 0.0}
    assert {group.name: group.calls for group in searching.stats(Filter(), "upstream")} == {"gpu1": 1, "gpu2": 2}


def test_those_who_work_at_once_share_the_waiting(tmp_path: Path, searching: Search) -> None:
    records = [measured(1, 0, 10, user="ada"), measured(2, 0, 9, user="bob"), measured(3, 4, 1, user="carl")]
    write(tmp_path, records)
    index(tmp_path)

    made = {group.name: group.made_wait for group in searching.stats(Filter(), "user")}
    assert made == {"ada": 2.0, "bob": 2.0, "carl": 0.0}


@pytest.mark.parametrize("by", STATS_FIELDS)
def test_totals_are_had_for_every_name(tmp_path: Path, searching: Search, by: str) -> None:
    field = {"address": "remote_addr", "cut": "prompt_truncated_by"}.get(by, by)
    value = "client_left" if by == "outcome" else "named"
    facts: dict[str, Any] = {field: value}
    write(tmp_path, [said(1, **facts)])
    index(tmp_path)

    (group,) = searching.stats(Filter(), by)
    assert group.name == value


def test_groups_are_sorted_by_any_number_of_theirs(tmp_path: Path, searching: Search) -> None:
    given = [said(1, model="b", seconds=9), said(2, model="a"), said(3, model="a"), said(4, model="c", seconds=None)]
    write(tmp_path, given)
    index(tmp_path)
    groups = searching.stats(Filter(), "model")

    assert [group.name for group in in_order(groups, "total")] == ["b", "a", "c"]
    assert [group.name for group in in_order(groups, "calls")] == ["a", "b", "c"]
    assert [group.name for group in in_order(groups, "p50")] == ["b", "a", "c"]
    assert [group.name for group in in_order(groups, "name")] == ["a", "b", "c"]
    with pytest.raises(ValueError, match="sort='colour' is not understood: expected is one of name, calls"):
        in_order(groups, "colour")


@pytest.mark.parametrize(
    ("count", "share", "rank"), [(1, 0.95, 1), (20, 0.95, 19), (21, 0.95, 20), (100, 0.5, 50), (3, 0.5, 2), (0, 0.5, 1)]
)
def test_the_nearest_rank_is_exact(count: int, share: float, rank: int) -> None:
    assert nearest_rank(count, share) == rank


def test_one_model_has_one_name_however_it_is_spelled_and_is_found_by_each(tmp_path: Path, searching: Search) -> None:
    spellings = ("tiny", "tiny:latest", "Tiny", " tiny ", "library/tiny", "registry.ollama.ai/library/tiny:latest")
    others = ("tiny:1b", "someone/tiny", "tiny2", ":latest", "library/")
    write(tmp_path, [said(number, model=name) for number, name in enumerate((*spellings, *others), 1)])
    index(tmp_path)

    assert searching.values("model", Filter())[0] == ("tiny", len(spellings))
    counts = {group.name: group.calls for group in searching.stats(Filter(), "model")}
    assert counts == {"tiny": len(spellings), **dict.fromkeys(others, 1)}
    for name in spellings:
        assert searching.count(Filter(model=(name,))) == len(spellings)
        assert searching.count(Filter(model=(name, "TINY:1B"))) == len(spellings) + 1
    for name in others:
        assert searching.count(Filter(model=(name,))) == 1
    assert searching.count(Filter(model=("",))) == 0


def loaded(number: int, loads: float, works: float, **facts: Any) -> EncodedRecord:
    """A chat whose model Ollama loads for so many seconds, and that is then answered at once."""
    facts |= {"wait_time": loads, "load_time": loads, "prompt_time": 0.0, "generation_time": works}
    return said(number, seconds=loads + works, stream=True, time_to_first_token=loads, **facts)


def test_what_calls_waited_while_a_model_was_loaded_is_nobodys_and_told_apart(
    tmp_path: Path, searching: Search
) -> None:
    # The model is loaded from second 1 to 11; Bob comes at second 5 and waits in the recorder until Ada is done.
    write(tmp_path, [loaded(1, 10, 4, user="ada"), measured(5, 10, 2, user="bob")])
    index(tmp_path)
    use = searching.use(Filter(), "user")

    assert use.load_made_wait == 10 + 6
    assert {group.name: group.made_wait for group in use.groups} == {"ada": 4.0, "bob": 0.0}
    # Whoever waited counts, whatever the filter; outside of its time nobody did.
    assert searching.use(Filter(user=("bob",)), "user").load_made_wait == 16
    assert searching.use(Filter(user=("nobody",)), "user").load_made_wait == 16
    assert searching.use(Filter(until_ns=1), "user").load_made_wait == 0


@pytest.mark.parametrize(
    "record",
    [
        # A load that Ollama did not tell, one of a model that was ready, and a wait with nothing told of what for.
        measured(1, 5, 2),
        loaded(1, 0.4, 2),
        said(1, seconds=9, api="openai", wait_time=6.0, load_time=None, stream=True, time_to_first_token=6.0),
        said(1, seconds=9, load_time=1e9, prompt_time=0.1, generation_time=0.1),
    ],
)
def test_no_load_is_told_where_ollama_told_none(record: EncodedRecord, tmp_path: Path, searching: Search) -> None:
    write(tmp_path, [record])
    index(tmp_path)
    assert searching.use(Filter(), "model").load_made_wait == 0


def test_who_works_meanwhile_makes_others_wait_and_not_the_load(tmp_path: Path, searching: Search) -> None:
    write(tmp_path, [measured(1, 0, 8, user="ada"), loaded(2, 10, 1, user="bob", model="other")])
    index(tmp_path)
    use = searching.use(Filter(), "user")
    # Ada works until second 9, and Bob's model is there in second 12.
    assert ({group.name: group.made_wait for group in use.groups}["ada"], use.load_made_wait) == (7.0, 3.0)


def test_a_load_at_one_ollama_keeps_nobody_waiting_at_another(tmp_path: Path, searching: Search) -> None:
    write(tmp_path, [loaded(1, 10, 1, upstream="one"), measured(2, 5, 1, upstream="two", api="openai")])
    index(tmp_path)
    assert searching.use(Filter(), "upstream").load_made_wait == 10
