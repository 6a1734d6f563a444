import contextlib
import errno
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.journal.transaction import is_damage, is_empty, is_full, is_refused_value, transaction, use_wal


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE kept(value)")
    yield connection
    connection.close()


def kept(connection: sqlite3.Connection) -> list[int]:
    assert not connection.in_transaction
    return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY value")]


def insert(connection: sqlite3.Connection, value: int) -> None:
    connection.execute("INSERT INTO kept VALUES (?)", (value,))


def insert_and_fail(connection: sqlite3.Connection, value: int) -> None:
    with transaction(connection):
        insert(connection, value)
        raise KeyError


def test_an_exception_undoes_everything(connection: sqlite3.Connection) -> None:
    with pytest.raises(KeyError):
        insert_and_fail(connection, 1)

    assert kept(connection) == []


def test_an_exception_inside_a_part_undoes_only_that_part(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        insert(connection, 1)
        for value in (2, 3):
            with pytest.raises(KeyError):
                insert_and_fail(connection, value)
        with transaction(connection):
            insert(connection, 4)

    assert kept(connection) == [1, 4]


def test_a_transaction_that_sqlite_undid_itself_leaves_the_connection_usable(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError), transaction(connection):
        connection.execute("ROLLBACK")

    with transaction(connection):
        insert(connection, 2)
    assert kept(connection) == [2]


def test_full_damaged_and_refused_are_told_apart(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA max_page_count = 3")
    with pytest.raises(sqlite3.OperationalError) as full:
        connection.execute("INSERT INTO kept VALUES (zeroblob(100000))")
    with pytest.raises(OverflowError) as too_large:
        insert(connection, 2**64)
    damaged = sqlite3.DatabaseError("malformed")
    damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    errors = [full.value, OSError(errno.ENOSPC, ""), damaged, too_large.value, OSError(errno.EIO, "")]

    assert [is_full(error) for error in errors] == [True, True, False, False, False]
    assert [is_damage(error) for error in errors] == [False, False, True, False, False]
    assert [is_refused_value(error) for error in errors] == [False, False, False, True, False]


def new_file(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "new.sqlite3", isolation_level=None, timeout=0.05, check_same_thread=False)


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_a_write_ahead_log_waits_until_others_let_go_of_a_new_file(tmp_path: Path, begin: str) -> None:
    with contextlib.closing(new_file(tmp_path)) as other, contextlib.closing(new_file(tmp_path)) as connection:
        other.execute("CREATE TABLE kept(value)")
        other.execute(begin)
        letting_go = threading.Timer(0.3, other.execute, ("COMMIT",))
        letting_go.start()

        assert use_wal(connection, 20)

        letting_go.join()


def test_a_file_that_others_keep_is_told_as_locked(tmp_path: Path) -> None:
    with contextlib.closing(new_file(tmp_path)) as other, contextlib.closing(new_file(tmp_path)) as connection:
        other.execute("CREATE TABLE kept(value)")
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(sqlite3.OperationalError, match="locked"):
            use_wal(connection, 0.05)


def test_a_database_in_memory_has_no_write_ahead_log(connection: sqlite3.Connection) -> None:
    assert not use_wal(connection, 0)


def test_a_file_without_tables_is_empty_and_one_that_cannot_be_read_is_not(tmp_path: Path) -> None:
    with contextlib.closing(new_file(tmp_path)) as connection:
        assert is_empty(connection)
        connection.execute("CREATE TABLE kept(value)")
        assert not is_empty(connection)
    (tmp_path / "new.sqlite3").write_bytes(b"no database" * 1000)
    with contextlib.closing(new_file(tmp_path)) as connection:
        assert not is_empty(connection)
