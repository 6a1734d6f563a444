import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.journal import JournalError
from service.search import index
from service.search.index import INDEX
from tests.search.indexed import ask_index


def test_only_its_owner_may_read_an_index(tmp_path: Path) -> None:
    connection = index.connect(tmp_path)
    connection.execute("INSERT INTO name VALUES (1, 'a', 1)")

    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob(f"{INDEX}*")} == {0o600}
    connection.close()


def test_an_index_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    index.connect(tmp_path).close()
    ask_index(tmp_path, f"PRAGMA user_version = {index.VERSION + 1}")

    with pytest.raises(JournalError, match="newer version"):
        index.connect(tmp_path)

    assert ask_index(tmp_path, "PRAGMA user_version") == [(index.VERSION + 1,)]


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_file_that_is_no_index_is_useless(tmp_path: Path, content: bytes) -> None:
    (tmp_path / INDEX).write_bytes(content)

    with pytest.raises(sqlite3.DatabaseError) as raised:
        index.connect(tmp_path)

    assert index.is_useless(raised.value)


@pytest.mark.parametrize("statement", ["PRAGMA user_version = 0", "PRAGMA application_id = 1"])
def test_an_index_of_another_form_is_useless(tmp_path: Path, statement: str) -> None:
    index.connect(tmp_path).close()
    ask_index(tmp_path, statement)

    with pytest.raises(sqlite3.DatabaseError) as raised:
        index.connect(tmp_path)

    assert index.is_useless(raised.value)


def test_trouble_of_the_disk_does_not_make_a_file_useless(tmp_path: Path) -> None:
    connection = index.connect(tmp_path)
    other = index.connect(tmp_path)
    connection.execute("BEGIN IMMEDIATE")
    other.execute("PRAGMA busy_timeout = 0")

    with pytest.raises(sqlite3.OperationalError) as raised:
        other.execute("BEGIN IMMEDIATE")

    assert not index.is_useless(raised.value)
    connection.close()
    other.close()


def test_a_file_is_deleted_only_if_it_is_the_one_that_was_looked_at(tmp_path: Path) -> None:
    assert index.inode(tmp_path) == 0
    index.connect(tmp_path).close()
    looked_at = index.inode(tmp_path)

    index.delete(tmp_path, looked_at + 1)
    assert index.inode(tmp_path) == looked_at

    index.delete(tmp_path, looked_at)
    assert list(tmp_path.iterdir()) == []


def test_several_that_open_a_new_index_at_once_all_get_it(tmp_path: Path) -> None:
    def open_and_close(folder: Path) -> None:
        index.connect(folder).close()

    with ThreadPoolExecutor(4) as threads:
        for round_ in range(60):
            folder = tmp_path / str(round_)
            folder.mkdir()
            # One after the other: each raises what its thread raised.
            list(threads.map(open_and_close, [folder] * 4))
