import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.journal.reader import Reader, Row
from service.search import index
from service.search.index import PARTITION_NUMBERS
from service.search.indexed_rows import add_rows
from tests.journal.given import identifier
from tests.search.indexed import said, write


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(index.connect(tmp_path)) as connection:
        yield connection


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    write(tmp_path, [said(1, "first words"), said(2, replay_of=identifier(1)), said(3, replay_of=identifier(99))])
    with contextlib.closing(Reader(tmp_path)) as reader:
        yield reader


def moved(row: Row, number: int) -> Row:
    return Row(number, *(getattr(row, name) for name in Row.__slots__[1:]))


def test_a_record_becomes_facts_and_words(connection: sqlite3.Connection, reader: Reader) -> None:
    add_rows(connection, reader.read_after(0, 10, 1 << 20), reader)

    assert connection.execute("SELECT number, replay_of FROM fact").fetchall() == [(1, None), (2, 1), (3, None)]
    assert connection.execute("SELECT rowid FROM text_0 WHERE text_0 MATCH 'words'").fetchall() == [(1,)]
    assert connection.execute("SELECT text FROM name ORDER BY text").fetchall() == [("chat",), ("completed",)]


def test_each_partition_has_its_own_words_and_knows_its_times(connection: sqlite3.Connection, reader: Reader) -> None:
    (row, *_) = reader.read_after(0, 1, 1 << 20)
    numbers = [PARTITION_NUMBERS - 1, PARTITION_NUMBERS, 3 * PARTITION_NUMBERS + 7]
    add_rows(connection, [moved(row, number) for number in numbers], reader)

    assert connection.execute("SELECT number, min_started_ms, max_ended_ms FROM partition").fetchall() == [
        (partition, row.started_ns // 1_000_000, row.ended_ns // 1_000_000) for partition in (0, 1, 3)
    ]
    for partition, number in zip((0, 1, 3), numbers, strict=True):
        found = connection.execute(f"SELECT rowid FROM text_{partition} WHERE text_{partition} MATCH 'first'")
        assert found.fetchall() == [(number,)]
    assert set(connection.execute("SELECT newest_partition FROM name").fetchall()) == {(3,)}


def test_several_rows_of_facts_are_one_statement(connection: sqlite3.Connection, reader: Reader) -> None:
    (row, *_) = reader.read_after(0, 1, 1 << 20)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    add_rows(connection, [moved(row, number) for number in range(1, 40)], reader)
    connection.set_trace_callback(None)

    assert connection.execute("SELECT count(*), min(number), max(number) FROM fact").fetchone() == (39, 1, 39)
    assert sum("INTO fact" in statement for statement in statements) == 7
    assert sum("INTO partition" in statement for statement in statements) == 1


def test_words_are_written_once_a_transaction(connection: sqlite3.Connection, reader: Reader) -> None:
    (row, *_) = reader.read_after(0, 1, 1 << 20)
    connection.execute("BEGIN IMMEDIATE")
    add_rows(connection, [moved(row, 1)], reader)
    (before,) = connection.execute("SELECT count(*) FROM text_0_data").fetchone()
    add_rows(connection, [moved(row, number) for number in range(2, 40)], reader)

    assert connection.execute("SELECT count(*) FROM text_0_data").fetchone() == (before,)
    connection.execute("COMMIT")
    assert connection.execute("SELECT count(*) FROM text_0 WHERE text_0 MATCH 'first'").fetchone() == (39,)


def test_a_name_that_is_used_again_is_not_forgotten_with_its_partition(
    connection: sqlite3.Connection, reader: Reader
) -> None:
    (row, *_) = reader.read_after(0, 1, 1 << 20)
    for number in (1, PARTITION_NUMBERS + 1, 2):
        add_rows(connection, [moved(row, number)], reader)

    assert connection.execute("SELECT text, newest_partition FROM name ORDER BY text").fetchall() == [
        ("chat", 1),
        ("completed", 1),
    ]
    assert connection.execute("SELECT count(DISTINCT operation) FROM fact").fetchone() == (1,)
