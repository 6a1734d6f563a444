import errno
import sqlite3
from collections.abc import Iterator

import pytest

from service.journal.transaction import is_damage, is_full, is_refused_value, transaction


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
