"""Reading the index: connections that cannot write, and a filter as conditions on ranges of numbers.

A question is asked range by range, newest first. Without a search for words, a range is a stretch of ``fact``. With
one it is a partition, whose full-text table is asked only when a fact in it meets the other conditions.
"""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.journal import JournalError
from service.journal.read_only import open_to_read
from service.journal.reader import LAST_NUMBER
from service.journal.transaction import is_damage, is_empty
from service.record.model_facts import short_name
from service.search.filters import NO_STATUS, NOBODY, UNKNOWN, Filter
from service.search.index import INDEX, PARTITION_NUMBERS, delete, inode, text_table
from service.search.index_soundness import FAULTS, NONSENSE, is_sound
from service.search.parameters import NAME_FIELDS
from service.search.query_language import FullTextQuery, read_words

# SQLite asks after so many of its instructions whether to go on. Asking takes Python's global lock: not too often.
_INSTRUCTIONS_BETWEEN_LOOKS = 200_000
_MOST_IDLE = 4
_PATIENCE_SECONDS = 5.0
_LONGEST_SPAN = 250_000


class IndexFile:
    """Reads ``folder``'s index from any threads at the same time; each has a connection to itself while it asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._inode = 0

    @contextlib.contextmanager
    def snapshot(self, seconds: float) -> Iterator[sqlite3.Connection]:
        """A connection that sees the index as it is now, whatever is written meanwhile.

        Raises JournalError when there is no index, it cannot be read or holds nonsense, or it all takes longer than
        ``seconds``.
        """
        connection, file = self._take()
        is_sound = False
        try:
            deadline = time.monotonic() + seconds
            connection.set_progress_handler(lambda: time.monotonic() > deadline, _INSTRUCTIONS_BETWEEN_LOOKS)
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
            is_sound = True
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
                raise JournalError(f"the search took more than {seconds:g} seconds") from error
            if is_empty(connection):
                raise JournalError(self._no_index_yet()) from error
            if is_damage(error) or self._holds_nonsense(connection):
                # The next indexing makes it anew.
                delete(self._folder, file, str(error))
            raise JournalError(f"the index cannot be read: {error}") from error
        except FAULTS as error:
            if not self._holds_nonsense(connection):
                raise
            delete(self._folder, file, NONSENSE)
            raise JournalError("the index was damaged, and is made anew from the journal") from error
        finally:
            self._give_back(connection, file, is_sound)

    def close(self) -> None:
        """Close what is not in use. May be called twice."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _holds_nonsense(self, connection: sqlite3.Connection) -> bool:
        connection.set_progress_handler(None, 0)
        with contextlib.suppress(sqlite3.Error):
            return not is_sound(connection)
        return False

    def _take(self) -> tuple[sqlite3.Connection, int]:
        file = inode(self._folder)
        if not file:
            raise JournalError(self._no_index_yet())
        with self._lock:
            outdated = [] if file == self._inode else self._idle
            if file != self._inode:
                self._idle, self._inode = [], file
            idle = self._idle.pop() if self._idle else None
        for connection in outdated:
            connection.close()
        return idle or self._open(), file

    def _no_index_yet(self) -> str:
        if self._folder.is_dir() and not os.access(self._folder, os.W_OK):
            return (
                f"there is no index in {str(self._folder)!r}, and none can be made where nothing may be written:"
                " copy the folder to where this user may write, and name the copy in DATA_DIR"
            )
        return f"there is no index in {str(self._folder)!r} yet"

    def _open(self) -> sqlite3.Connection:
        try:
            # One statement a partition: keeping them would keep what each holds of its table.
            connection = open_to_read(self._folder / INDEX, _PATIENCE_SECONDS, cached_statements=16)
            connection.execute("PRAGMA cache_size = -2000")
        except sqlite3.Error as error:
            raise JournalError(f"the index cannot be opened: {error}") from error
        return connection

    def _give_back(self, connection: sqlite3.Connection, file: int, is_sound: bool) -> None:
        with self._lock:
            if is_sound and file == self._inode and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()


@dataclass(frozen=True, slots=True)
class NumberRange:
    """A stretch of numbers from ``first`` on, and how to look into it: ``FROM … WHERE …`` with its ``values``."""

    first: int
    source: str
    values: tuple[object, ...]


def number_ranges(
    connection: sqlite3.Connection, wanted: Filter, numbers: Sequence[int] | None
) -> Iterator[NumberRange]:
    """Where the records that ``wanted`` lets through may lie, newest first. ``numbers``: those of its ids, or None.

    Raises ValueError when its text is malformed.
    """
    query = read_words(wanted.text)
    conditions = _conditions(connection, wanted, numbers)
    if conditions is None:
        return
    source = _source(wanted)
    where = " AND ".join(["number BETWEEN ? AND ?", *conditions])
    for first, last in _stretches(connection, wanted, numbers, apart=query is not None):
        having, values = _having(query, first // PARTITION_NUMBERS) if query else ("", ())
        yield NumberRange(first, f"FROM {source} WHERE {where}{having}", (first, last, *values))


def _source(wanted: Filter) -> str:
    # These indexes leave out what belongs to none.
    for field, names in (("execution", wanted.execution), ("conversation", wanted.conversation)):
        if names and NOBODY not in names:
            return f"fact INDEXED BY fact_{field}"
    return "fact NOT INDEXED"


def _having(query: FullTextQuery, partition: int) -> tuple[str, tuple[object, ...]]:
    table = text_table(partition)
    # The + stops SQLite from using the word index first; the other conditions usually rule the partition out.
    matching = f"(SELECT rowid FROM {table} WHERE {table} MATCH ?)"
    if query.wanted is None:
        return f" AND +number NOT IN {matching}", (query.unwanted,)
    expression = query.wanted if query.unwanted is None else f"({query.wanted}) NOT ({query.unwanted})"
    return f" AND +number IN {matching}", (expression,)


def _conditions(connection: sqlite3.Connection, wanted: Filter, numbers: Sequence[int] | None) -> list[str] | None:
    """SQL without parameters: all in it are integers. None: no record has one of the names."""
    conditions = []
    for field in NAME_FIELDS:
        names = getattr(wanted, field)
        if not names:
            continue
        columns = (field, "workflow_id") if field == "workflow" else (field,)
        # Ollama takes several spellings of one model, and the index has one.
        ids = _ids(connection, [short_name(name) for name in names if name] if field == "model" else names)
        fitting = [f"{column} IN ({_list(ids)})" for column in columns] if ids else []
        if NOBODY in names:
            fitting.append("(" + " AND ".join(f"{column} IS NULL" for column in columns) + ")")
        if not fitting:
            return None
        conditions.append("(" + " OR ".join(fitting) + ")")
    if wanted.status:
        without = " OR status IS NULL" if NO_STATUS in wanted.status else ""
        conditions.append(f"(status IN ({_list(wanted.status)}){without})")
    if wanted.failed is not None:
        conditions.append("kind <> 0" if wanted.failed else "kind = 0")
    if wanted.truncated == UNKNOWN:
        conditions.append("is_truncated IS NULL")
    elif wanted.truncated is not None:
        conditions.append(f"is_truncated = {int(wanted.truncated is True)}")
    if wanted.slower is not None:
        conditions.append(f"request_ms > {round(wanted.slower * 1000)}")
    if wanted.since_ns is not None:
        conditions.append(f"ended_ms >= {wanted.since_ns // 1_000_000}")
    if wanted.until_ns is not None:
        conditions.append(f"ended_ms < {wanted.until_ns // 1_000_000}")
    if numbers is not None:
        conditions.append(f"number IN ({_list(numbers)})")
    return conditions


def _stretches(
    connection: sqlite3.Connection, wanted: Filter, numbers: Sequence[int] | None, apart: bool
) -> Iterator[tuple[int, int]]:
    """First and last numbers of what has to be read, newest first: each partition (``apart``), or many in one."""
    first = 0 if wanted.after is None else wanted.after + 1
    last = LAST_NUMBER if wanted.before is None else wanted.before - 1
    if numbers:
        first, last = max(first, min(numbers)), min(last, max(numbers))
    stretch: tuple[int, int] | None = None
    for (partition,) in connection.execute(
        "SELECT number FROM partition WHERE number BETWEEN ? AND ?"
        " AND (?3 IS NULL OR max_ended_ms >= ?3) AND (?4 IS NULL OR min_ended_ms < ?4) ORDER BY number DESC",
        (
            *(first // PARTITION_NUMBERS, max(-1, last // PARTITION_NUMBERS)),
            None if wanted.since_ns is None else wanted.since_ns // 1_000_000,
            None if wanted.until_ns is None else wanted.until_ns // 1_000_000,
        ),
    ).fetchall():
        low, high = partition * PARTITION_NUMBERS, (partition + 1) * PARTITION_NUMBERS - 1
        if stretch is not None and not apart and stretch[1] - low < _LONGEST_SPAN:
            stretch = low, stretch[1]
            continue
        if stretch is not None:
            yield max(first, stretch[0]), min(last, stretch[1])
        stretch = low, high
    if stretch is not None:
        yield max(first, stretch[0]), min(last, stretch[1])


def _ids(connection: sqlite3.Connection, names: Sequence[str]) -> list[int]:
    marks = ",".join("?" * len(names))
    rows = connection.execute(f"SELECT id FROM name WHERE text IN ({marks})", tuple(names)).fetchall()
    return [identifier for (identifier,) in rows]


def _list(numbers: Sequence[int]) -> str:
    return ",".join(map(str, map(int, numbers)))
