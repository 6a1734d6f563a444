"""Records go into the index: of each a row of facts, its names, its words. Inside the caller's transaction."""

import sqlite3
from collections.abc import Sequence

from service.journal.reader import Reader, Row
from service.search import index
from service.search.index import FACT_COLUMNS, partition_of, text_table
from service.search.index_columns import columns_of

_ADD_FACT = f"INSERT OR REPLACE INTO fact({','.join(FACT_COLUMNS)}) VALUES ({','.join('?' * len(FACT_COLUMNS))})"
_ADD_PARTITION = """
INSERT INTO partition(number, min_started_ms, min_ended_ms, max_ended_ms) VALUES (?1, ?2, ?3, ?3)
ON CONFLICT(number) DO UPDATE SET min_started_ms = min(min_started_ms, ?2), min_ended_ms = min(min_ended_ms, ?3),
    max_ended_ms = max(max_ended_ms, ?3)
"""
# A name says in which partition it was last used, not in which record: so it is written once for thousands.
_ADD_NAME = """
INSERT INTO name(text, newest_partition) VALUES (?1, ?2)
ON CONFLICT(text) DO UPDATE SET newest_partition = ?2 WHERE newest_partition < ?2
"""


def add_rows(connection: sqlite3.Connection, rows: Sequence[Row], journal: Reader | None) -> None:
    """Add records that are not in the index yet. ``journal`` knows the number of one that another repeats."""
    ids: dict[str, int] = {}
    at = -1
    for row in rows:
        columns = columns_of(row)
        partition = partition_of(columns.number)
        if partition != at:
            at = partition
            ids.clear()
            if not connection.execute("SELECT 1 FROM partition WHERE number = ?", (partition,)).fetchone():
                index.make_text_table(connection, partition)
        connection.execute(_ADD_PARTITION, (partition, columns.started_ms, columns.ended_ms))
        names = [None if name is None else _name_id(connection, ids, name, partition) for name in columns.names]
        replay_of = _number_of(journal, columns.replay_of) if journal and columns.replay_of else None
        values = (columns.number, columns.ended_ms, columns.started_ms, *names, *columns.numbers, replay_of)
        connection.execute(_ADD_FACT, values)
        if columns.prompt or columns.answer:
            connection.execute(
                f"INSERT INTO {text_table(partition)}(rowid, prompt, answer) VALUES (?, ?, ?)",
                (columns.number, columns.prompt, columns.answer),
            )


def _name_id(connection: sqlite3.Connection, ids: dict[str, int], name: str, partition: int) -> int:
    identifier = ids.get(name)
    if identifier is None:
        connection.execute(_ADD_NAME, (name, partition))
        (identifier,) = connection.execute("SELECT id FROM name WHERE text = ?", (name,)).fetchone()
        ids[name] = identifier
    return int(identifier)


def _number_of(journal: Reader, identifier: str) -> int | None:
    rows = journal.ask("SELECT number FROM exchange WHERE id = ?", (identifier,))
    return int(rows[0][0]) if rows else None
