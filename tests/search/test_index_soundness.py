"""An index that holds what was never written into it is made anew, whoever finds it."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from service.events import counters
from service.index_events import IndexDiscarded
from service.journal import JournalError
from service.search.filters import Filter
from service.search.index import FACT_COLUMNS, INDEX
from service.search.index_soundness import is_sound
from service.search.search import Search
from service.search.totals import Group
from tests.search.indexed import index, said, write

FACTS: dict[str, Any] = {
    "model": "tiny",
    "prompt_tokens": 5,
    "completion_tokens": 6,
    "tokens_per_second": 3.0,
    "wait_time": 1.0,
    "load_time": 0.5,
    "prompt_time": 0.5,
    "generation_time": 1.0,
}


def write_some(folder: Path) -> None:
    failed: dict[str, Any] = {"outcome": "upstream_unreachable", "status": 502, "error": "away"}
    write(
        folder, [said(number, "alpha", seconds=3.0, **FACTS, **(failed if number == 2 else {})) for number in (1, 2, 3)]
    )
    index(folder)


def change(folder: Path, table: str, column: str, value: object) -> None:
    with contextlib.closing(sqlite3.connect(folder / INDEX)) as connection, connection:
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = 2 OR ?2 <> 'fact'", (value, table))


@pytest.mark.parametrize("value", ["text", b"bytes", 1.5, 1 << 60], ids=repr)
@pytest.mark.parametrize("column", FACT_COLUMNS[1:])
def test_a_value_of_another_kind_or_out_of_all_measure_is_seen(column: str, value: object, tmp_path: Path) -> None:
    write_some(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / INDEX, isolation_level=None)) as connection:
        assert is_sound(connection)
        connection.execute(f"UPDATE fact SET {column} = ? WHERE number = 2", (value,))
        assert is_sound(connection) is (column == "asked" and value == 1 << 60)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("apart", None),
        ("apart", 9),
        ("begun_ms", "text"),
        ("works_ms", b"bytes"),
        ("waited_ms", (1 << 63) - 1),
        ("asked", "x"),
        ("status", b"x"),
        ("request_ms", None),
    ],
)
def test_totals_of_such_an_index_are_told_to_be_damaged_and_then_are_right(
    column: str, value: object, tmp_path: Path
) -> None:
    write_some(tmp_path)
    with contextlib.closing(Search(tmp_path)) as search:

        def ask() -> tuple[list[Group], int, int]:
            return (
                search.stats(Filter(), "model"),
                search.timeline(Filter()).model_calls,
                sum(group.count for group in search.failures(Filter()).groups),
            )

        right = ask()
        change(tmp_path, "fact", column, value)
        told = counters()[IndexDiscarded]._value.get()
        with pytest.raises(JournalError, match="the index"):
            ask()
        assert counters()[IndexDiscarded]._value.get() == told + 1
        index(tmp_path)
        assert ask() == right
