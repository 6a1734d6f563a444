import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.journal import JournalError
from service.search.filters import Filter
from service.search.index import INDEX, PARTITION_NUMBERS
from service.search.index_query import IndexFile, number_ranges
from tests.search.indexed import BEGUN_NS, SECOND, go_on_at, index, make_noise_of_a_name, said, write


@pytest.fixture
def index_file(tmp_path: Path) -> Iterator[IndexFile]:
    write(tmp_path, [said(number, "alpha") for number in range(1, 4)])
    for partition in (1, 2, 70):
        first = partition * PARTITION_NUMBERS
        go_on_at(tmp_path, first)
        write(tmp_path, [said(number, "alpha") for number in range(first, first + 3)])
    index(tmp_path)
    with contextlib.closing(IndexFile(tmp_path)) as index_file:
        yield index_file


def firsts(index_file: IndexFile, wanted: Filter, numbers: list[int] | None = None) -> list[int]:
    with index_file.snapshot(5) as connection:
        return [part.first // PARTITION_NUMBERS for part in number_ranges(connection, wanted, numbers)]


def test_words_are_looked_for_partition_by_partition_the_newest_first(index_file: IndexFile) -> None:
    assert firsts(index_file, Filter(text="alpha")) == [70, 2, 1, 0]
    assert firsts(index_file, Filter(failed=True)) == [70, 0], "facts in longer stretches"


def test_partitions_that_cannot_hold_it_are_passed_over(index_file: IndexFile) -> None:
    at_1 = BEGUN_NS + PARTITION_NUMBERS * SECOND
    assert firsts(index_file, Filter(text="a", since_ns=at_1, until_ns=at_1 + 60 * SECOND)) == [1]
    assert firsts(index_file, Filter(text="a", before=2 * PARTITION_NUMBERS, after=2)) == [1, 0]
    assert firsts(index_file, Filter(text="a"), [5001, 10_001]) == [2, 1]
    assert firsts(index_file, Filter(text="a", before=0)) == []
    assert firsts(index_file, Filter(text="a", model=("nobody",))) == []


def test_a_question_cannot_write(index_file: IndexFile) -> None:
    with pytest.raises(JournalError, match="readonly"), index_file.snapshot(5) as connection:
        connection.execute("DELETE FROM fact")


def test_a_question_that_takes_too_long_is_given_up_and_the_next_is_answered(index_file: IndexFile) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(JournalError, match=r"more than 0.05 seconds"), index_file.snapshot(0.05) as connection:
        connection.execute(endless).fetchall()

    assert firsts(index_file, Filter(text="alpha")) == [70, 2, 1, 0]


def test_a_snapshot_does_not_change_while_the_index_does(index_file: IndexFile, tmp_path: Path) -> None:
    with index_file.snapshot(5) as connection:
        before = connection.execute("SELECT count(*) FROM fact").fetchall()
        write(tmp_path, [said(9_999_999, "alpha")])
        index(tmp_path)
        assert connection.execute("SELECT count(*) FROM fact").fetchall() == before


def test_connections_are_used_again_and_a_new_file_is_noticed(index_file: IndexFile, tmp_path: Path) -> None:
    with index_file.snapshot(5) as first:
        pass
    with index_file.snapshot(5) as second, index_file.snapshot(5) as third:
        assert second is first
        assert third is not first
    for path in tmp_path.glob(f"{INDEX}*"):
        path.unlink()
    with pytest.raises(JournalError, match="no index"), index_file.snapshot(5):
        pass
    index(tmp_path)
    with index_file.snapshot(5) as fourth:
        assert fourth not in (first, third)
        assert fourth.execute("SELECT count(*) FROM fact").fetchone() == (12,)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        first.execute("SELECT 1")


def test_where_the_name_of_a_table_is_noise_the_index_is_said_to_be_damaged(
    index_file: IndexFile, tmp_path: Path
) -> None:
    index_file.close()
    path = tmp_path / INDEX
    make_noise_of_a_name(path)
    with pytest.raises(JournalError, match="malformed database schema"), index_file.snapshot(5.0):
        pass


def test_an_index_that_is_being_made_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / INDEX).touch()
    with contextlib.closing(IndexFile(tmp_path)) as new, pytest.raises(JournalError, match="there is no index"):
        firsts(new, Filter())
