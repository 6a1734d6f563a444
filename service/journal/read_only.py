"""Opening a SQLite file to read it, also where nothing may be written: a read-only mount, another user's folder."""

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from service.journal.transaction import DamageTellingConnection


def open_to_read(path: Path, seconds: float, cached_statements: int = 128) -> sqlite3.Connection:
    """A connection (autocommit, for any thread) that cannot write and waits up to ``seconds`` for others.

    The file of a recorder that was killed has a write-ahead log, whose index SQLite makes beside it. Where that cannot
    be made, it is made in memory, so that what the log holds is read too. Nobody can be writing there then, so no lock
    is needed. Raises sqlite3.Error when the file cannot be opened.
    """
    connection = _connect(path, "", seconds, cached_statements)
    if os.access(path.parent, os.W_OK):
        return connection
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        if not _has_log(path):
            return _connect(path, "&immutable=1", seconds, cached_statements)
        connection = _connect(path, "&vfs=unix-none", seconds, cached_statements)
        # Only who has a file for himself may keep the log's index in memory.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
    return connection


def _has_log(path: Path) -> bool:
    try:
        return path.with_name(path.name + "-wal").stat().st_size > 0
    except OSError:
        return False


def _connect(path: Path, options: str, seconds: float, cached_statements: int) -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro{options}",
        uri=True,
        timeout=seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=cached_statements,
        factory=DamageTellingConnection,
    )
