import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.journal.reader import Reader
from service.search import index, removal
from service.search.index import PARTITION_NUMBERS
from tests.search.indexed import ask_index, erase_from_journal, go_on_at, said, write
from tests.search.indexed import index as bring_up_to_date


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, [said(number, "alpha", user=f"of {number}") for number in range(1, 6)])
    go_on_at(tmp_path, PARTITION_NUMBERS)
    write(
        tmp_path, [said(number, "alpha", user=f"of {number}") for number in (PARTITION_NUMBERS, PARTITION_NUMBERS + 1)]
    )
    bring_up_to_date(tmp_path)
    return tmp_path


@pytest.fixture
def connection(folder: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(index.connect(folder)) as connection:
        yield connection


@pytest.fixture
def reader(folder: Path) -> Iterator[Reader]:
    with contextlib.closing(Reader(folder)) as reader:
        yield reader


def test_expiry_goes_partition_by_partition_and_ends(connection: sqlite3.Connection, folder: Path) -> None:
    assert removal.expire_step(connection, PARTITION_NUMBERS + 1)
    assert ask_index(folder, "SELECT number FROM partition") == [(1,)]
    assert removal.expire_step(connection, PARTITION_NUMBERS + 1)
    assert ask_index(folder, "SELECT number FROM fact") == [(PARTITION_NUMBERS + 1,)]
    assert not removal.expire_step(connection, PARTITION_NUMBERS + 1)
    assert [name for (name,) in ask_index(folder, "SELECT text FROM name WHERE text LIKE 'of %' ORDER BY id")] == [
        f"of {PARTITION_NUMBERS}",
        f"of {PARTITION_NUMBERS + 1}",
    ]


def test_what_is_noted_is_not_found_before_its_partition_is_made_again(
    connection: sqlite3.Connection, reader: Reader, folder: Path
) -> None:
    erase_from_journal(folder, [2, PARTITION_NUMBERS])
    removal.note_erasing(connection, [2, PARTITION_NUMBERS])
    removal.note_erasing(connection, [2])

    assert ask_index(folder, "SELECT count(*) FROM fact WHERE number IN (2, 5000)") == [(0,)]
    assert removal.partitions_to_erase_in(connection) == 2
    assert removal.erase_step(connection, reader)
    assert removal.partitions_to_erase_in(connection) == 1
    assert ask_index(folder, "SELECT rowid FROM text_0 WHERE text_0 MATCH 'alpha'") == [(1,), (3,), (4,), (5,)]
    assert removal.erase_step(connection, reader)
    assert not removal.erase_step(connection, reader)
    assert ask_index(folder, "SELECT count(*) FROM name WHERE text IN ('of 2', 'of 5000')") == [(0,)]


def test_a_partition_of_which_nothing_is_left_goes(
    connection: sqlite3.Connection, reader: Reader, folder: Path
) -> None:
    erase_from_journal(folder, range(1, 6))
    removal.note_erasing(connection, range(1, 6))

    assert removal.erase_step(connection, reader)
    assert ask_index(folder, "SELECT number FROM partition") == [(1,)]
    assert ask_index(folder, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'text_0%'") == [(0,)]


def test_only_what_did_not_expire_counts_as_missing(
    connection: sqlite3.Connection, reader: Reader, folder: Path
) -> None:
    erase_from_journal(folder, [1, 2, 4])

    assert removal.missing(connection, reader) == [4]
