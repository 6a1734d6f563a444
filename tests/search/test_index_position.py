import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.journal.reader import Reader
from service.search import index
from service.search.index_position import Position, read_position, write_position
from tests.journal.given import identifier
from tests.search.indexed import erase_from_journal, said, write


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    write(tmp_path, [said(1), said(2), said(3)])
    with contextlib.closing(Reader(tmp_path)) as reader:
        yield reader


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(index.connect(tmp_path)) as connection:
        yield connection


def test_an_index_knows_how_far_it_goes(connection: sqlite3.Connection, reader: Reader, tmp_path: Path) -> None:
    assert read_position(connection, reader) == Position(0, newest=3, oldest=1)

    write_position(connection, 2, identifier(2))
    erase_from_journal(tmp_path, [1])
    assert read_position(connection, reader) == Position(2, newest=3, oldest=2)

    erase_from_journal(tmp_path, [2, 3])
    assert read_position(connection, reader) == Position(2, newest=3, oldest=4)


def test_another_journal_in_its_place_is_noticed(
    connection: sqlite3.Connection, reader: Reader, tmp_path: Path
) -> None:
    read_position(connection, reader)
    write_position(connection, 3, identifier(3))
    for path in tmp_path.glob("journal*"):
        path.unlink()
    write(tmp_path, [said(number) for number in range(1, 10)])

    with pytest.raises(sqlite3.DatabaseError, match="another journal"):
        read_position(connection, reader)


def test_an_older_copy_of_its_journal_is_noticed(
    connection: sqlite3.Connection, reader: Reader, tmp_path: Path
) -> None:
    read_position(connection, reader)
    reader.close()
    copy = tmp_path / "copy"
    shutil.copy(tmp_path / "journal.sqlite3", copy)
    write(tmp_path, [said(4), said(5)])
    write_position(connection, 5, identifier(5))
    read_position(connection, reader)

    copy.rename(tmp_path / "journal.sqlite3")
    with pytest.raises(sqlite3.DatabaseError, match="another journal"):
        read_position(connection, reader)

    write(tmp_path, [said(number) for number in range(14, 20)])
    with pytest.raises(sqlite3.DatabaseError, match="another journal"):
        read_position(connection, reader)


@pytest.mark.parametrize("value", ["text", b"bytes", 1.5, None], ids=repr)
def test_an_index_that_does_not_say_how_far_it_goes_is_of_no_use(
    connection: sqlite3.Connection, reader: Reader, value: object
) -> None:
    write_position(connection, 2, identifier(2))
    connection.execute("DROP TABLE about")
    connection.execute("CREATE TABLE about(name TEXT PRIMARY KEY, value) WITHOUT ROWID")
    connection.execute("INSERT INTO about VALUES ('number', ?)", (value,))
    with pytest.raises(sqlite3.DatabaseError, match="how far"):
        read_position(connection, reader)
