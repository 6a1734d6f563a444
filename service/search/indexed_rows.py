"""What one record puts into the index: a row of facts, its names, its words. Inside the caller's transaction."""

import sqlite3
from collections.abc import Sequence

from service.journal.reader import Reader, Row
from service.search import index
from service.search.index import FACT_COLUMNS, partition_of, text_table
from service.search.index_columns import facts_of

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


def add_rows(connection: sqlite3.Connection, rows: Sequence[Row], journal: Reader) -> None:
    """Add records that are not in the index yet. ``journal`` knows the number of one that another repeats."""
    ids: dict[str, int] = {}
    at = -1
    for row in rows:
        facts = facts_of(row)
        partition = partition_of(facts.number)
        if partition != at:
            at = partition
            ids.clear()
            if not connection.execute("SELECT 1 FROM partition WHERE number = ?", (partition,)).fetchone():
                index.make_text_table(connection, partition)
        connection.execute(_ADD_PARTITION, (partition, facts.started_ms, facts.ended_ms))
        names = [None if name is None else _name_id(connection, ids, name, partition) for name in facts.names]
        replay_of = None if facts.replay_of is None else _number_of(journal, facts.replay_of)
        values = (facts.number, facts.ended_ms, facts.started_ms, *names, *facts.numbers, replay_of)
        connection.execute(_ADD_FACT, values)
        if facts.prompt or facts.answer:
            connection.execute(
                f"INSERT INTO {text_table(partition)}(rowid, prompt, answer) VALUES (?, ?, ?)",
                (facts.number, facts.prompt, facts.answer),
            )


def _name_id(connection: sqlite3.Connection, ids: dict[str, int], name: str, partition: int) -> int:
    found = ids.get(name)
    if found is None:
        connection.execute(_ADD_NAME, (name, partition))
        (found,) = connection.execute("SELECT id FROM name WHERE text = ?", (name,)).fetchone()
        ids[name] = found
    return int(found)


def _number_of(journal: Reader, identifier: str) -> int | None:
    found = journal.ask("SELECT number FROM exchange WHERE id = ?", (identifier,))
    return int(found[0][0]) if found else None
