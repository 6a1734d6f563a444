import contextlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.journal import JournalError
from service.journal.damage import forget_damage, noted_damage
from service.journal.journal import Journal
from service.journal.reader import COLUMNS, Bodies, Reader
from tests.journal.given import identifier, open_journal, record


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path) as journal:
        yield journal


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.close()


def test_records_come_in_order_behind_a_number_within_limits_of_count_and_bytes(
    journal: Journal, reader: Reader
) -> None:
    records = [record(number) for number in range(1, 11)]
    journal.write(records)
    length = len(records[0].line)

    assert [row.number for row in reader.read_after(0, 100, 1 << 20)] == list(range(1, 11))
    assert [row.number for row in reader.read_after(7, 100, 1 << 20)] == [8, 9, 10]
    assert [row.number for row in reader.read_after(2, 3, 1 << 20)] == [3, 4, 5]
    assert [row.number for row in reader.read_after(0, 100, 3 * length)] == [1, 2, 3]
    assert [row.line for row in reader.read_after(4, 100, 1)] == [records[4].line], "one comes however large"
    assert reader.read_after(10, 100, 1 << 20) == []


def test_one_record_comes_with_its_bodies(journal: Journal, reader: Reader) -> None:
    journal.write([record(1), record(2, b"what?", b"that")])

    found = reader.record(identifier(2))

    assert found is not None
    assert (found.row.number, found.request, found.response) == (2, b"what?", b"that")
    assert reader.record(identifier(3)) is None


def test_records_come_in_the_order_of_their_numbers_whatever_they_weigh(journal: Journal, reader: Reader) -> None:
    journal.write([record(number, b"q" * number, b"a" * number) for number in range(1, 5)])

    for most_bytes in (1, 1 << 20):
        read = list(reader.records([4, 9, 1, 3], Bodies.REQUEST, most_bytes))

        assert [kept.row.number for kept in read] == [4, 1, 3]
        assert [(kept.request, kept.response) for kept in read] == [(b"qqqq", b""), (b"q", b""), (b"qqq", b"")]


def test_the_columns_are_those_of_the_table(journal: Journal) -> None:
    table = journal.connection.execute("PRAGMA table_info(exchange)").fetchall()
    assert tuple(name for _, name, *_ in table) == COLUMNS


def test_how_far_receivers_are_is_known(journal: Journal, reader: Reader) -> None:
    assert reader.newest_number() == 0
    assert reader.oldest_unshipped_ended_ns("loki") is None
    journal.write([record(1), record(2), record(3)])
    journal.move_cursor("loki", 2)
    journal.park("loki", 1, "line_too_long", "x" * 5000)
    journal.park("otlp", 3, "rejected", "")

    assert reader.newest_number() == 3
    assert reader.cursors() == {"loki": 2}
    assert reader.oldest_unshipped_ended_ns("loki") == record(3).ended_ns
    assert reader.oldest_unshipped_ended_ns("otlp") == record(1).ended_ns
    assert [(item.receiver, item.number, item.reason) for item in reader.parked()] == [
        ("otlp", 3, "rejected"),
        ("loki", 1, "line_too_long"),
    ]
    assert [len(item.detail) for item in reader.parked("loki")] == [2000]
    assert reader.instance() == journal.instance
    assert reader.size_in_bytes() > 8192


def test_a_question_that_takes_too_long_is_given_up_and_the_next_is_answered(journal: Journal, tmp_path: Path) -> None:
    reader = Reader(tmp_path, seconds=0.05)

    with pytest.raises(JournalError, match=r"more than 0.05 seconds"):
        reader.ask("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")

    assert reader.newest_number() == 0
    reader.close()


def test_nothing_can_be_written_through_a_reader(journal: Journal, reader: Reader) -> None:
    with pytest.raises(JournalError, match="readonly"):
        reader.ask("DELETE FROM exchange")


def test_a_journal_that_is_not_there_yet_is_read_once_it_is(tmp_path: Path, reader: Reader) -> None:
    with pytest.raises(JournalError, match="no journal"):
        reader.newest_number()

    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
        assert reader.newest_number() == 1
    assert reader.newest_number() == 1, "also when nobody has it open any more"


def test_a_file_that_took_the_journals_place_is_noticed(tmp_path: Path, reader: Reader) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
        assert reader.newest_number() == 1
    for path in tmp_path.iterdir():
        path.unlink()

    with open_journal(tmp_path) as journal:
        journal.write([record(1), record(2), record(3)])
        assert reader.newest_number() == 3


def test_a_damaged_file_is_reported_not_raised_as_something_else(tmp_path: Path, reader: Reader) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"no journal" * 1000)

    with pytest.raises(JournalError, match="cannot be read") as raised:
        reader.newest_number()

    assert isinstance(raised.value.__cause__, sqlite3.DatabaseError)


@pytest.mark.parametrize("value", [5, 1.5, float("inf"), "text", "", b"bytes", b""], ids=repr)
@pytest.mark.parametrize("column", COLUMNS[1:])
def test_a_value_that_damage_made_one_of_another_kind_is_read_as_its_column_has_them(
    journal: Journal, reader: Reader, column: str, value: object
) -> None:
    journal.write([record(1), record(2), record(3)])
    journal.connection.execute(f"UPDATE exchange SET {column} = ? WHERE number = 2", (value,))
    kept = list(reader.records([3, 2, 1], Bodies.BOTH, 1))
    rows = [*reader.read_after(0, 100, 1 << 20), *(one.row for one in kept)]
    assert [row.number for row in rows] == [1, 2, 3, 3, 2, 1]
    kinds = {(type(row.started_ns), type(row.ended_ns), type(row.line)) for row in rows}
    assert kinds == {(int, int, bytes)}
    texts = (text for row in rows for text in (row.id, row.method, row.operation, row.outcome))
    assert {type(text) for text in texts} == {str}
    assert {type(body) for one in kept for body in (one.request, one.response)} == {bytes}


@pytest.mark.parametrize("lost", [64, 512])
def test_where_zeros_are_in_the_place_of_a_record_damage_is_told(tmp_path: Path, lost: int) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(number, b"<%d>" % number * 20, b"answer" * 20) for number in range(1, 40)])
    path = tmp_path / "journal.sqlite3"
    content = path.read_bytes()
    for number in range(10, 39):
        at = content.rindex(b"<%d>" % number) - lost
        path.write_bytes(content[:at] + bytes(lost) + content[at + lost :])
        forget_damage(tmp_path)
        with contextlib.closing(Reader(tmp_path)) as reader:
            found = list(reader.records(range(1, 40), Bodies.BOTH, 1 << 20))
            assert [one.row.number for one in found if b"<1>" in one.request] == [1]
            reached = 0
            with contextlib.suppress(JournalError):
                while rows := reader.read_after(reached, 10, 1 << 20):
                    assert reached < rows[0].number
                    reached = rows[-1].number
            assert reached == 39 or noted_damage(tmp_path) is not None


def test_many_threads_may_ask_one_reader_while_the_writer_writes(journal: Journal, reader: Reader) -> None:
    def ask() -> list[list[int]]:
        return [[row.number for row in reader.read_after(0, 1000, 1 << 30)] for _ in range(50)]

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(ask) for _ in range(4)]
        for number in range(1, 200):
            journal.write([record(number)])

    seen = [numbers for future in asking for numbers in future.result()]
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)


def test_a_journal_that_is_being_made_is_not_there_yet(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").touch()
    with contextlib.closing(Reader(tmp_path)) as reader:
        with pytest.raises(JournalError, match="there is no journal"):
            reader.newest_number()
        with open_journal(tmp_path) as journal:
            journal.write([record(1)])
            assert reader.newest_number() == 1
