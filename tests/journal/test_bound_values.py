import contextlib
import sqlite3
from pathlib import Path

import pytest

from service.journal.bound_values import take_as_they_are
from service.record.exchange import Outcome
from tests.journal.given import identifier, open_journal, record


@pytest.mark.parametrize(
    ("value", "kind", "there"),
    [(None, "null", None), (b"\x00bytes", "blob", b"\x00bytes"), (Outcome.CLIENT_LEFT, "text", "client_left")],
)
def test_sqlite_gets_what_it_is_given(value: object, kind: str, there: object) -> None:
    take_as_they_are()
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        found, typed = connection.execute("SELECT ?1, typeof(?1)", (value,)).fetchone()

    assert (typed, found, type(found)) == (kind, there, type(there))


@pytest.mark.parametrize("kind", [type(None), bytes, Outcome])
def test_no_value_of_a_record_is_asked_whether_it_can_be_adapted(tmp_path: Path, kind: type) -> None:
    sqlite3.adapters.pop((kind, sqlite3.PrepareProtocol), None)
    with open_journal(tmp_path) as journal:
        journal.write([record()])

        assert journal.connection.execute("SELECT id, parent_span_id FROM exchange").fetchall() == [
            (identifier(1), None)
        ]
    assert (kind, sqlite3.PrepareProtocol) in sqlite3.adapters
