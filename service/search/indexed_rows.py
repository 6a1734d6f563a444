"""Records go into the index: of each a row of facts, its names, its words. Inside the caller's transaction."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

from service.journal.reader import Reader, Row
from service.search import index
from service.search.index import FACT_COLUMNS, partition_of, text_table
from service.search.index_columns import IndexColumns, columns_of

# SQLite lets go of Python's global lock once a statement, so one statement takes several rows. Finding out the columns
# of so many holds the lock for less than the event loop waits for it before it asks.
_ROWS_AT_ONCE = 8
_ROWS_A_STATEMENT = (8, 4, 2, 1)
_ADD_FACTS = {
    rows: f"INSERT OR REPLACE INTO fact({','.join(FACT_COLUMNS)}) VALUES "
    + ",".join([f"({','.join('?' * len(FACT_COLUMNS))})"] * rows)
    for rows in _ROWS_A_STATEMENT
}
_ADD_PARTITION = """
INSERT INTO partition(number, min_started_ms, min_ended_ms, max_ended_ms) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT(number) DO UPDATE SET min_started_ms = min(min_started_ms, ?2), min_ended_ms = min(min_ended_ms, ?3),
    max_ended_ms = max(max_ended_ms, ?4)
"""
# A name says in which partition it was last used, not in which record: so it is written once for thousands.
_FIND_NAME = "SELECT id, newest_partition FROM name WHERE text = ?"
_ADD_NAME = "INSERT INTO name(text, newest_partition) VALUES (?, ?)"
_USE_NAME = "UPDATE name SET newest_partition = ? WHERE id = ?"


def add_rows(connection: sqlite3.Connection, rows: Sequence[Row], journal: Reader | None) -> None:
    """Add records that are not in the index yet. ``journal`` knows the number of one that another repeats."""
    for partition, some in groupby(rows, lambda row: partition_of(row.number)):
        if not connection.execute("SELECT 1 FROM partition WHERE number = ?", (partition,)).fetchone():
            index.make_text_table(connection, partition)
        ids: dict[str | None, int] = {}
        times: list[tuple[int, int]] = []
        left = [*some]
        while left:
            part, left = left[:_ROWS_AT_ONCE], left[_ROWS_AT_ONCE:]
            columns = [columns_of(row) for row in part]
            times += ((found.started_ms, found.ended_ms) for found in columns)
            _learn_names(connection, ids, columns, partition)
            _add_facts(connection, ids, columns, journal)
            _add_texts(connection, columns, partition)
        started, ended = zip(*times, strict=True)
        connection.execute(_ADD_PARTITION, (partition, min(started), min(ended), max(ended)))


def _add_facts(
    connection: sqlite3.Connection, ids: dict[str | None, int], columns: Sequence[IndexColumns], journal: Reader | None
) -> None:
    facts: list[tuple[int | None, ...]] = []
    for found in columns:
        # None is no name, and has no id.
        names = map(ids.get, found.names)
        replay_of = _number_of(journal, found.replay_of) if journal and found.replay_of else None
        facts.append((found.number, found.ended_ms, found.started_ms, *names, *found.numbers, replay_of))
    for some in _in_statements(facts):
        connection.execute(_ADD_FACTS[len(some)], tuple(chain.from_iterable(some)))


def _add_texts(connection: sqlite3.Connection, columns: Sequence[IndexColumns], partition: int) -> None:
    # One by one: before a statement of several rows, full text writes what it holds, in case it has to be undone.
    texts = [(found.number, found.prompt, found.answer) for found in columns if found.prompt or found.answer]
    connection.executemany(f"INSERT INTO {text_table(partition)}(rowid, prompt, answer) VALUES (?, ?, ?)", texts)


def _learn_names(
    connection: sqlite3.Connection, ids: dict[str | None, int], columns: Sequence[IndexColumns], partition: int
) -> None:
    """Put the id of each name into ``ids``, and note that it is used in ``partition``."""
    # Most names are those of the record before.
    for name in dict.fromkeys(chain.from_iterable(map(_names, columns))):
        if name is not None and name not in ids:
            ids[name] = _name_id(connection, name, partition)


def _name_id(connection: sqlite3.Connection, name: str, partition: int) -> int:
    found = connection.execute(_FIND_NAME, (name,)).fetchone()
    if found is None:
        return int(connection.execute(_ADD_NAME, (name, partition)).lastrowid or 0)
    identifier, newest = found
    if newest < partition:
        connection.execute(_USE_NAME, (partition, identifier))
    return int(identifier)


_names = attrgetter("names")


def _in_statements(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """In as few parts as there are statements for."""
    start = 0
    for size in _ROWS_A_STATEMENT:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def _number_of(journal: Reader, identifier: str) -> int | None:
    rows = journal.ask("SELECT number FROM exchange WHERE id = ?", (identifier,))
    return int(rows[0][0]) if rows else None
