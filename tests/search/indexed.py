"""Journals with an index, for the tests of searching."""

import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from service.record.exchange import EncodedRecord
from service.search.index import INDEX
from service.search.indexing import Indexer
from tests.journal.given import identifier, open_journal

BEGUN_NS = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def said(
    number: int = 1, prompt: str = "", answer: str = "", *, seconds: float | None = 1.0, **facts: Any
) -> EncodedRecord:
    """The record of a chat: number N begins N seconds after BEGUN_NS. ``facts`` are keys of its line; None: absent."""
    given: dict[str, Any] = {"status": 200, "outcome": "completed", "operation": "chat", "request_time": seconds}
    if prompt:
        given["request_body"] = orjson.dumps({"messages": [{"role": "user", "content": prompt}]}).decode()
    if answer:
        given["response_text"] = answer
    given = {name: value for name, value in (given | facts).items() if value is not None}
    given.setdefault("failed", given.get("outcome") != "completed")
    started_ns = BEGUN_NS + number * SECOND
    line = orjson.dumps(given | {"exchange": identifier(number)})
    return EncodedRecord(
        id=identifier(number),
        started_ns=started_ns,
        ended_ns=started_ns + int((seconds or 0) * SECOND),
        method="POST",
        operation="chat",
        outcome=given.get("outcome", "completed"),
        parent_span_id=None,
        line=line,
        summary=line,
        request=given.get("request_body", "").encode(),
        response=answer.encode(),
    )


def write(folder: Path, records: Sequence[EncodedRecord]) -> None:
    """Append to the journal in ``folder``."""
    with open_journal(folder) as journal:
        for first in range(0, len(records), 500):
            journal.write(records[first : first + 500])


def index(folder: Path) -> int:
    """Bring the index in ``folder`` up to date; how many records were added."""
    with contextlib.closing(Indexer(folder)) as indexer:
        return indexer.catch_up()


def erase_from_journal(folder: Path, numbers: Sequence[int]) -> None:
    """What comes before an index is told to erase. Not even a trace stays in the journal's own files."""
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        connection.executemany("DELETE FROM exchange WHERE number = ?", [(number,) for number in numbers])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def ask_index(folder: Path, question: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(folder / INDEX)) as connection:
        return connection.execute(question).fetchall()


def go_on_at(folder: Path, number: int) -> None:
    """Let the journal's next record have this number, as after an erasure of all before it."""
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite3", isolation_level=None)) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'exchange'", (number - 1,))


def make_noise_of_a_name(index_file: Path) -> None:
    """The name of a table is no UTF-8 any more, and what made it no SQL."""
    noisy = index_file.read_bytes().replace(b"tablefactfact", b"table\xd2(ctfact").replace(b"CREATE", b"CREAT!")
    index_file.write_bytes(noisy)
