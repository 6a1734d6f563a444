"""Erasing from the journal's file: nothing stays, nobody waits, and a crash in between forgets nothing."""

import random
import re
import sqlite3
from pathlib import Path

import pytest

from service.journal.erasing import (
    BYTES_A_STEP,
    ROWS_A_STEP,
    erase_records,
    is_overwritten,
    overwrite_all,
    set_aside,
    steps,
)
from service.journal.journal import Journal
from service.journal.reader import Reader
from service.journal.space import Retention
from tests.journal.given import bytes_kept, record

LARGE = b"marker-of-the-erased " * 3000


def opened(folder: Path) -> Journal:
    journal = Journal(folder, retention=Retention(days=36_500))
    journal.open()
    return journal


def tidy(journal: Journal) -> None:
    while journal.tidy():
        pass


def test_erased_bytes_are_overwritten_in_every_file(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.write([record(1, LARGE, LARGE), record(2, b"kept question", b"kept answer")])
    journal.park("loki", 1, "bad", "it said: marker-of-the-erased")
    reader = Reader(tmp_path)
    assert b"marker-of-the-erased" in bytes_kept(tmp_path)
    assert erase_records(journal.connection, [1, 77]) == 1
    assert reader.record(record(1).id) is None
    assert not is_overwritten(reader)
    tidy(journal)
    assert is_overwritten(reader)
    assert b"marker-of-the-erased" not in bytes_kept(tmp_path)
    assert b"kept answer" in bytes_kept(tmp_path)
    reader.close()
    journal.close()


def test_a_request_that_lay_among_the_open_ones_is_overwritten_with_its_record(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.write(opened=[(record(1).id, "{}", LARGE, b"")])
    journal.write([record(1, b"short", b"short")], no_longer_open=[record(1).id])
    assert b"marker-of-the-erased" in bytes_kept(tmp_path)
    erase_records(journal.connection, [1])
    tidy(journal)
    assert b"marker-of-the-erased" not in bytes_kept(tmp_path)
    journal.close()


def test_a_reader_that_looks_on_holds_up_the_overwriting_but_not_the_writer(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.write([record(1, LARGE)])
    other = sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM exchange").fetchone()
    erase_records(journal.connection, [1])
    tidy(journal)
    reader = Reader(tmp_path)
    assert not is_overwritten(reader)
    journal.write([record(2)])
    other.close()
    tidy(journal)
    assert is_overwritten(reader)
    assert b"marker-of-the-erased" not in bytes_kept(tmp_path)
    reader.close()
    journal.close()


def test_what_a_crash_interrupted_is_done_after_the_next_start(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.write([record(1, LARGE)])
    erase_records(journal.connection, [1])
    journal.close()
    again = opened(tmp_path)
    tidy(again)
    assert b"marker-of-the-erased" not in bytes_kept(tmp_path)
    again.close()


def test_steps_are_bounded_in_rows_and_bytes(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.write([record(number) for number in range(1, 121)])
    journal.write([record(number, b"x" * (BYTES_A_STEP - 1000)) for number in range(121, 124)])
    reader = Reader(tmp_path)
    found = steps(reader, [*range(1, 130)])
    assert len(found) == 6
    assert max(map(len, found)) == ROWS_A_STEP
    assert [number for step in found for number in step] == [*range(1, 124)]
    reader.close()
    journal.close()


def test_damaged_journals_that_were_kept_are_named(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3.corrupt-20261121T010203").touch()
    assert set_aside(tmp_path) == ["journal.sqlite3.corrupt-20261121T010203"]


def test_a_refusal_that_comes_after_the_erasure_leaves_no_quote(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.write([record(1, LARGE), record(2)])
    erase_records(journal.connection, [1])
    journal.park("loki", 1, "bad", "it said: marker-of-the-erased")
    journal.park("loki", 2, "bad", "it said nothing")
    reader = Reader(tmp_path)
    assert [parked.number for parked in reader.parked()] == [2]
    assert overwrite_all(journal.connection, journal.headroom, seconds=10)
    assert is_overwritten(reader)
    assert b"marker-of-the-erased" not in bytes_kept(tmp_path)
    reader.close()
    journal.close()


def test_requests_that_are_still_being_answered_outlive_the_overwriting(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    rows = [(record(number).id, "{}", b"head %d" % number * 700, b"tail") for number in range(2, 9)]
    journal.write([record(1, LARGE)], opened=rows)
    erase_records(journal.connection, [1])
    assert overwrite_all(journal.connection, journal.headroom, seconds=10)
    assert journal.open_rows() == [(name, b"{}", head, tail) for name, _, head, tail in rows]
    journal.close()


@pytest.mark.parametrize("seed", [pytest.param(2, marks=pytest.mark.long), 9, pytest.param(12, marks=pytest.mark.long)])
def test_no_byte_stays_where_pages_were_used_again_and_rows_moved(seed: int, tmp_path: Path) -> None:
    """SQLite reuses pages without clearing them and leaves copies of rows that it moves; these days had both."""
    choose, journal, newest = random.Random(seed), opened(tmp_path), 0
    waiting: list[int] = []

    def text(number: int, kind: bytes) -> bytes:
        mark = b"<%s%07d>" % (kind, number)
        return mark * (choose.choice((50, 300, 1500, 3000, 9000)) // len(mark))

    for _ in range(24):
        for _ in range(choose.randrange(1, 60)):
            newest += 1
            journal.write(opened=[(record(newest).id, "{}", text(newest, b"q"), b"")])
            waiting.append(newest)
            while len(waiting) > choose.randrange(0, 6):
                number = waiting.pop(choose.randrange(len(waiting)))
                ended = record(number, text(number, b"q"), text(number, b"a"))
                journal.write([ended], no_longer_open=[ended.id])
        kept = journal.connection.execute("SELECT number, id FROM exchange ORDER BY number").fetchall()
        erased = kept[-choose.randrange(1, 40) :]
        erase_records(journal.connection, [number for number, _ in erased])
        assert overwrite_all(journal.connection, journal.headroom, seconds=10)
        files = bytes_kept(tmp_path)
        found = {int(number) for number in re.findall(rb"<[qa](\d{7})>", files)}
        assert not found & {int(identifier, 16) for _, identifier in erased}
    journal.close()
