"""Totals of all recorders are those that one journal with all their records gives."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from service.journal.reader import Reader, Row
from service.loki_search import all_recorders, facts
from service.loki_search.facts import gathered, whole_line
from service.loki_search.loki_answers import LokiError
from service.loki_search.selection import LokiLine, select
from service.record.record import Record
from service.search.filters import Filter
from service.search.index import connect_in_memory
from service.search.indexed_rows import add_rows
from service.search.quarter_hours import quarter_hours
from service.search.timeline import draw_timeline
from service.search.totals import STATS_FIELDS, use, values
from tests.loki_search.everywhere import Everywhere, everywhere
from tests.loki_search.test_all_recorders import FILTERS, NAMES, NOW, TEXTS

RECORDS = 120


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everywhere]:
    with everywhere(tmp_path_factory.mktemp("facts"), RECORDS) as stores:
        yield stores


@pytest.fixture(scope="module")
def of_one(stores: Everywhere) -> Iterator[sqlite3.Connection]:
    """The index of a journal that has the records of all."""
    rows: list[Row] = []
    for folder in stores.folders:
        with contextlib.closing(Reader(folder)) as reader:
            rows += reader.read_after(0, 10_000, 1 << 30)
    rows.sort(key=lambda row: (row.ended_ns, row.id))
    with contextlib.closing(connect_in_memory()) as connection:
        add_rows(connection, [replace(row, number=number) for number, row in enumerate(rows, 1)], None)
        yield connection


def totals_of(connection: sqlite3.Connection, wanted: Filter) -> dict[str, Any]:
    """All that is added up, without numbers, and without what is known of one recorder only."""
    timeline = asdict(draw_timeline(connection, wanted, None, 450))
    return {
        **timeline,
        "dots": [dot[:4] for dot in timeline["dots"]],
        "quarters": quarter_hours(connection, wanted, None),
        "models": dict(timeline["models"]),
        "values": {field: dict(values(connection, field, wanted, None, 100)) for field in NAMES},
        "use": {
            by: sorted(
                (
                    sorted(asdict(group).items())
                    for group in _without_waiting(use(connection, [by], wanted, None)[0].groups)
                ),
                key=str,
            )
            for by in STATS_FIELDS
        },
    }


def _without_waiting(groups: list[Any]) -> list[Any]:
    return [replace(group, made_wait=0.0) for group in groups]


def same_in_both(stores: Everywhere, of_one: sqlite3.Connection, wanted: Filter) -> dict[str, Any]:
    with gathered(stores.store, wanted) as found:
        assert found.is_complete
        assert found.scanned_bytes or wanted != Filter()
        told = totals_of(found.connection, found.wanted)
    expected = totals_of(of_one, wanted)
    if not expected["count"] and wanted.since_ns is None:
        # Of nothing the time is now.
        expected |= {name: told[name] for name in ("since_ns", "until_ns")}
    assert told == expected
    return told


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(since_ns=NOW - 4 * 86_400 * 10**9, until_ns=NOW),
        Filter(),
        Filter(text="résumé dossier"),
        Filter(caller=("n8n",)),
        Filter(failed=True, slower=2.0),
    ],
    ids=["all", "all time", "words", "caller", "failed and slow"],
)
def test_a_few_filters_add_up_to_the_same(stores: Everywhere, of_one: sqlite3.Connection, wanted: Filter) -> None:
    assert same_in_both(stores, of_one, wanted)["count"]


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_names_add_up_to_the_same(stores: Everywhere, of_one: sqlite3.Connection, name: str) -> None:
    for value in NAMES[name]:
        wanted: dict[str, Any] = {name: (value,)}
        same_in_both(stores, of_one, Filter(**wanted))


@pytest.mark.long
@pytest.mark.parametrize("text", TEXTS)
def test_words_add_up_to_the_same(stores: Everywhere, of_one: sqlite3.Connection, text: str) -> None:
    same_in_both(stores, of_one, Filter(text=text))


@pytest.mark.long
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS)
def test_any_filter_adds_up_to_the_same(stores: Everywhere, of_one: sqlite3.Connection, wanted: Filter) -> None:
    same_in_both(stores, of_one, wanted)


def test_what_takes_too_long_is_told_with_how_far_it_went(
    stores: Everywhere, of_one: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MOST_LINES", 50)
    (everything,) = of_one.execute("SELECT count(*) FROM fact").fetchone()
    for bounds in ({"most": 1}, {"seconds": 0.0}):
        with gathered(stores.store, Filter(), **bounds) as found:
            assert not found.is_complete
            (count,) = found.connection.execute("SELECT count(*) FROM fact").fetchone()
            assert count < everything
            # All that ended since then is there, and nothing else.
            newer = f"SELECT count(*) FROM fact WHERE ended_ms >= {found.since_ns // 10**6 + 1}"
            (expected,) = of_one.execute(newer).fetchone()
            assert found.connection.execute(newer).fetchone()[0] == expected


def test_what_loki_gave_before_it_took_too_long_is_told(stores: Everywhere, monkeypatch: pytest.MonkeyPatch) -> None:
    ask, asked = all_recorders.ask_for_lines, list[int]()  # type: ignore[attr-defined]  # where it is looked up

    def slow(loki: Any, query: str, since_ns: int, *more: Any) -> Any:
        asked.append(since_ns)
        if len(asked) > first:
            raise LokiError("it took too long")
        return ask(loki, query, since_ns, *more)

    monkeypatch.setattr(all_recorders, "ask_for_lines", slow)
    first = 3
    with gathered(stores.store, Filter()) as found:
        assert (found.is_complete, found.since_ns) == (False, asked[2])
        assert found.warnings == ("it took too long",)
        assert found.connection.execute("SELECT count(*) FROM fact").fetchone()[0]
    first = 0
    with pytest.raises(LokiError), gathered(stores.store, Filter()):
        pass


def test_a_whole_line_stays_as_it_is_and_a_short_one_becomes_a_record() -> None:
    whole = LokiLine(1, "office", "e", b'{"model":"a"}')
    assert whole_line(whole) == whole
    short = LokiLine(1, "office", "e", ("\x1f" + "\x1f".join(["200", "0.5", *[""] * (len(facts._NAMES) - 2)])).encode())
    assert whole_line(short).line == b'{"status":200,"request_time":0.5}'


@pytest.mark.parametrize("text", ["\x1f", "\x1f200\x1f0.5", "\x1f" * 999])
def test_a_line_that_no_recorder_shipped_ends_no_totals(text: str) -> None:
    odd = LokiLine(1, "office", "e", text.encode())
    assert whole_line(odd) == odd
    assert select(Filter(model=("a",)), [whole_line(odd)]) == []


@pytest.mark.parametrize("number", ["[" * 900 + "]" * 900, '{"a":1}', "NaN", "null", "1e999", "9" * 400])
def test_a_number_that_no_recorder_shipped_ends_no_totals(number: str) -> None:
    texts = [number, *[""] * (len(facts._NAMES) - 2), "x"]
    found = whole_line(LokiLine(1, "office", "e", ("\x1f" + "\x1f".join(texts)).encode()))
    assert Record(found.line).status is None
    assert select(Filter(status=(500,)), [found]) == []
