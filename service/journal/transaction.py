"""All or nothing on one SQLite connection, and what an error of SQLite means for the disk."""

import contextlib
import errno
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

_SECONDS_BETWEEN_TRIES = 0.005


class DamageTellingConnection(sqlite3.Connection):
    """A connection that says so where the file's table of contents is noise.

    SQLite's own sentence quotes that noise, and Python then raises UnicodeDecodeError in place of an error of SQLite.
    """

    def execute(self, *statement: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*statement)
        except UnicodeDecodeError as error:
            damage = sqlite3.DatabaseError("malformed database schema")
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage from error


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or undo it all on an exception. Inside another one, only this part is undone."""
    is_inner = connection.in_transaction
    connection.execute("SAVEPOINT part" if is_inner else "BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("RELEASE part" if is_inner else "COMMIT")
    except BaseException:
        # A full or broken disk can make SQLite undo the whole transaction by itself.
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK TO part" if is_inner else "ROLLBACK")
                if is_inner:
                    connection.execute("RELEASE part")
        raise


def use_wal(connection: sqlite3.Connection, seconds: float) -> bool:
    """Switch the file to a write-ahead log; False when its file system cannot have one.

    SQLite (3.40 to 3.53) answers "database is locked" at once, whatever time-out the connection has, while another one
    is inside ``BEGIN IMMEDIATE``. So we wait ourselves, for ``seconds``. Raises sqlite3.Error after that.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return bool(connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",))
        except sqlite3.OperationalError as error:
            if _primary_code(error) not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or time.monotonic() > deadline:
                raise
        time.sleep(_SECONDS_BETWEEN_TRIES)


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the file is so new that it has no tables yet. Never raises."""
    try:
        return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error:
        return False


def is_damage(error: BaseException) -> bool:
    """Whether the file's content is wrong, so that trying again cannot help."""
    if _primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return True
    # Python says this, and gives it no code: a text of ours is always UTF-8.
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith("Could not decode to UTF-8")


def is_full(error: BaseException) -> bool:
    """Whether there is no room, so that deleting may help."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    # The index of the write-ahead log is extended before it is used; only that fails so for want of room.
    return _primary_code(error) == sqlite3.SQLITE_FULL or (
        getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHMSIZE
    )


def is_refused_value(error: BaseException) -> bool:
    """Whether a value, not the disk, was the trouble: a defect of ours in one record."""
    if isinstance(error, sqlite3.Error):
        return isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError | sqlite3.DataError)
    return isinstance(error, ValueError | TypeError | OverflowError)


def _primary_code(error: BaseException) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
