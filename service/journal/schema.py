"""The form of the journal's file: named, ordered steps. A step that was released is never edited."""

import sqlite3
import time
from collections.abc import Sequence

from service.journal import JournalError

# "OlRe": tells a journal from any other SQLite file, also for `file` and `sqlite3`.
APPLICATION_ID = 0x4F6C5265

# A usual record is 2 to 3 kB. On SQLite's default pages of 4096 bytes only one fits and 40 % stay empty;
# pages of 16384 would write a third more bytes whenever a commit holds a single record.
PAGE_SIZE = 8192

STEPS: tuple[tuple[str, str], ...] = (
    (
        "exchanges, open exchanges, cursors, parked records, about",
        """
        CREATE TABLE exchange(
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            started_ns INTEGER NOT NULL,
            ended_ns INTEGER NOT NULL,
            method TEXT NOT NULL,
            operation TEXT NOT NULL,
            outcome TEXT NOT NULL,
            parent_span_id TEXT,
            line BLOB NOT NULL,
            request BLOB NOT NULL,
            response BLOB NOT NULL
        );
        CREATE TABLE open_exchange(
            id TEXT PRIMARY KEY NOT NULL,
            facts TEXT NOT NULL,
            head BLOB NOT NULL,
            tail BLOB NOT NULL
        );
        CREATE TABLE cursor(receiver TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE parked(
            receiver TEXT NOT NULL,
            number INTEGER NOT NULL,
            reason TEXT NOT NULL,
            detail TEXT NOT NULL,
            parked_ns INTEGER NOT NULL,
            PRIMARY KEY(receiver, number)
        ) WITHOUT ROWID;
        CREATE TABLE about(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        """,
    ),
)


def prepare(connection: sqlite3.Connection, steps: Sequence[tuple[str, str]] | None = None) -> None:
    """Bring the file behind ``connection`` (autocommit) to the newest form, or that of ``steps``, whatever its age.

    Raises JournalError when the file is no journal or was written by a newer version, and
    sqlite3.Error when the disk or the file is in trouble; the file is then as it was before.
    """
    steps = STEPS if steps is None else steps
    names = [name for name, _ in steps]
    applied = _applied_steps(connection)
    unknown = [name for name in applied if name not in names]
    if unknown:
        raise JournalError(
            f"the journal was written by a newer version of Ollama Recorder (it has the step {unknown[0]!r},"
            " which this version does not know): start the newer version, or name another folder in DATA_DIR"
        )
    if applied != names[: len(applied)]:
        raise JournalError(f"the journal's steps are not in the known order: {applied}")
    for name, statements in steps[len(applied) :]:
        _apply(connection, name, statements)


def _applied_steps(connection: sqlite3.Connection) -> list[str]:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        # Both are fixed once a file has its first table.
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        return []
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != APPLICATION_ID or "step" not in tables:
        raise JournalError("journal.sqlite3 belongs to another program: name another folder in DATA_DIR")
    return [name for (name,) in connection.execute("SELECT name FROM step ORDER BY position")]


def _apply(connection: sqlite3.Connection, name: str, statements: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS step"
            "(position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, applied_ns INTEGER NOT NULL)"
        )
        # executescript() would end the transaction first, and a crash could leave half a step.
        for statement in statements.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("INSERT INTO step(name, applied_ns) VALUES (?, ?)", (name, time.time_ns()))
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
