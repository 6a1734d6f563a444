"""The index: a file of its own beside the journal, made from it, in which a million records are searched in a moment.

What lies in it
    * ``fact``: a record's numbers and the ids of its names, one narrow row of integers, which is scanned newest first;
    * ``name``: every text that is not searched by its words: models, workflows, executions, callers;
    * ``text_N``: the words of the records with the numbers from N * 5,000 on, a full-text table without the texts
      themselves. Old words are dropped a whole table at a time. No word of an erased record stays in the file;
    * ``partition``: a line about each of those 5,000 numbers, so that a search passes over those it cannot need;
    * ``about``: up to which number of which journal all this goes; ``erasing``: what is still to be erased.

It may be deleted at any time: it is then made anew. Every change is one transaction that first reads how far the
index goes, so several processes may bring it up to date without knowing of each other.
"""

import contextlib
import fcntl
import os
import sqlite3
from pathlib import Path

from service.journal import JournalError
from service.journal.bound_values import take_as_they_are
from service.journal.folder import make_private_file
from service.journal.transaction import DamageTellingConnection, is_damage, use_wal

INDEX = "index.sqlite3"
# "OlRx": no journal has it.
APPLICATION_ID = 0x4F6C5278
VERSION = 11
PARTITION_NUMBERS = 5_000
# A row of facts is 50 bytes, a run of words some kilobytes: larger pages mean fewer reads of either.
_PAGE_SIZE = 8192
_TEXT_PAGE_SIZE = 8000
# Another process that writes holds the file for one step of its own.
_BUSY_SECONDS = 10.0

NAMED = (
    "model",
    "workflow",
    "workflow_id",
    "execution",
    "conversation",
    "node",
    "caller",
    "user",
    "key",
    "address",
    "task",
    "cut",
    "upstream",
    "cause",
    "operation",
    "outcome",
)
"""The columns of ``fact`` that hold ids of ``name``."""

FACT_COLUMNS = (
    *("number", "ended_ms", "started_ms", *NAMED),
    *("status", "kind", "is_truncated", "request_ms", "spot", "tokens_in", "tokens_out", "rate"),
    *(
        "apart",
        "waited_ms",
        "begun_ms",
        "works_ms",
        "load_begun_ms",
        "loads_ms",
        "held_ms",
        "item",
        "asked",
        "energy_mj",
        "replay_of",
    ),
)
"""Times are Unix milliseconds, ``request_ms`` lasts so long; ``rate`` is thousandths of a token a second.

``kind`` is 0 for what went well, 1 for failed, 2 for a client that gave up; ``spot`` is where it lies in a timeline's
column: its height times four, plus ``kind``; ``replay_of`` the number of the record that this one repeats. NULL:
unknown, also of ``is_truncated``.

``model`` is the one name that all spellings of a model share. ``cause`` is what a failure is called. ``apart`` is 0
for calls of models, 1 for embeddings, 2 for what was refused, 3 for all else. It ``waited_ms`` for a model, which began
at ``begun_ms`` and ``works_ms`` long read and wrote. From ``load_begun_ms`` on the model was ``loads_ms`` long loaded
for it. It went to Ollama ``held_ms`` after it began; NULL: it never went there. ``item`` is that of a node's items.
``asked`` is the same number for those that ask the same. ``energy_mj`` is an estimate, in thousandths of a joule.
"""

_FORM = f"""
CREATE TABLE about(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, newest_partition INTEGER NOT NULL);
CREATE TABLE partition(
    number INTEGER PRIMARY KEY,
    min_started_ms INTEGER NOT NULL,
    min_ended_ms INTEGER NOT NULL,
    max_ended_ms INTEGER NOT NULL,
    is_merged INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE fact(number INTEGER PRIMARY KEY, {", ".join(f"{column} INTEGER" for column in FACT_COLUMNS[1:])});
CREATE INDEX fact_execution ON fact(execution) WHERE execution IS NOT NULL;
CREATE INDEX fact_conversation ON fact(conversation) WHERE conversation IS NOT NULL;
CREATE INDEX fact_model ON fact(model, ended_ms) WHERE model IS NOT NULL;
CREATE INDEX fact_replay ON fact(replay_of) WHERE replay_of IS NOT NULL;
CREATE TABLE erasing(number INTEGER PRIMARY KEY);
"""


def partition_of(number: int) -> int:
    return number // PARTITION_NUMBERS


def text_table(partition: int) -> str:
    """The name of the full-text table of ``partition``."""
    return f"text_{partition:d}"


def connect(folder: Path) -> sqlite3.Connection:
    """Open ``folder``'s index for writing (autocommit), making an empty one if there is none.

    Raises JournalError when a newer version wrote it, sqlite3.DatabaseError when the file is damaged, of an older
    form or no index (``is_useless`` says which errors mean that), sqlite3.Error or OSError for trouble of the disk.
    """
    path = folder / INDEX
    make_private_file(path)
    take_as_they_are()
    connection = sqlite3.connect(
        path,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=DamageTellingConnection,
    )
    try:
        # All that is deleted is overwritten, also what full text moves about: no word of an erased record may stay.
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -8000")
        _prepare(connection)
        use_wal(connection, _BUSY_SECONDS)
        # What a power loss takes is taken from the journal again.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 16777216").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def connect_in_memory() -> sqlite3.Connection:
    """An empty index that is nowhere on the disk (autocommit)."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript(_FORM)
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        connection.execute(f"PRAGMA page_size = {_PAGE_SIZE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables:
            _refuse_other_forms(connection)
        else:
            for statement in _FORM.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _refuse_other_forms(connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID or version < VERSION:
        raise sqlite3.DatabaseError("the index has another form")
    if version > VERSION:
        raise JournalError(
            f"{INDEX} was written by a newer version of Ollama Recorder: start that version, or delete the file"
            " (it is made anew from the journal)"
        )


def is_useless(error: sqlite3.Error) -> bool:
    """Whether nothing but a new file helps."""
    code = int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
    # Those that we raise ourselves have no code; a missing table is a plain SQLITE_ERROR.
    is_incomplete = code == sqlite3.SQLITE_ERROR and str(error).startswith("no such")
    return type(error) is sqlite3.DatabaseError or is_damage(error) or is_incomplete


def inode(folder: Path) -> int:
    """Which file has the index's name just now; 0 when there is none."""
    try:
        return (folder / INDEX).stat().st_ino
    except FileNotFoundError:
        return 0


def delete(folder: Path, looked_at: int, damage: str = "") -> None:
    """Delete the index if it is still the file with the inode ``looked_at``: another process may have been faster.

    Its ``damage`` is told.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if inode(folder) == looked_at:
            for suffix in ("-wal", "-shm", ""):
                (folder / f"{INDEX}{suffix}").unlink(missing_ok=True)
            if damage:
                # Only then: commands that list load none of it.
                from service.events import emit
                from service.index_events import IndexDiscarded

                emit(IndexDiscarded(damage))
    finally:
        os.close(descriptor)


def make_text_table(connection: sqlite3.Connection, partition: int) -> None:
    """Add an empty full-text table."""
    table = text_table(partition)
    # Without the texts (content='') and without their lengths (columnsize=0): only ranking would need those.
    connection.execute(
        f"CREATE VIRTUAL TABLE {table} USING fts5(prompt, answer, content='', columnsize=0,"
        " tokenize='unicode61 remove_diacritics 2')"
    )
    connection.execute(f"INSERT INTO {table}({table}, rank) VALUES ('pgsz', {_TEXT_PAGE_SIZE})")
    connection.execute(f"INSERT INTO {table}({table}, rank) VALUES ('automerge', 8)")


def drop_partition(connection: sqlite3.Connection, partition: int) -> None:
    """Drop the words of ``partition``. The caller deletes its facts."""
    connection.execute(f"DROP TABLE IF EXISTS {text_table(partition)}")
    connection.execute("DELETE FROM partition WHERE number = ?", (partition,))


def merge_text_table(connection: sqlite3.Connection, partition: int) -> None:
    """Merge the words of a partition that gets no more records: a search then looks in one place."""
    table = text_table(partition)
    connection.execute(f"INSERT INTO {table}({table}) VALUES ('optimize')")
    connection.execute("UPDATE partition SET is_merged = 1 WHERE number = ?", (partition,))


def forget_unused_names(connection: sqlite3.Connection) -> None:
    """Write the names anew that a fact uses, so that nothing of the others stays in a page of that table."""
    # Column by column: one set of all would hold the many executions while the few models are looked up in it.
    used = " OR ".join(f"id IN (SELECT DISTINCT {column} FROM fact)" for column in NAMED)
    connection.execute("DROP TABLE IF EXISTS temp.kept_name")
    connection.execute(f"CREATE TEMP TABLE kept_name AS SELECT * FROM name WHERE {used}")
    # Deleting all of a table gives its pages back, overwritten; deleting some could leave copies that a page keeps
    # of what was once moved to another.
    connection.execute("DELETE FROM name")
    connection.execute("INSERT INTO name SELECT * FROM kept_name")
    connection.execute("DROP TABLE temp.kept_name")
