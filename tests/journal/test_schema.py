import sqlite3
from pathlib import Path

import pytest

from service.journal import JournalError, schema
from tests.journal.given import ask, kept_ids, open_journal, record

OLDEST = Path(__file__).with_name("oldest_journal.sql")


def test_the_oldest_journal_is_read_and_goes_on(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.sqlite3")
    connection.executescript(OLDEST.read_text())
    connection.close()

    with open_journal(tmp_path) as journal:
        journal.write([record(77)])
        assert journal.instance == "the-first-host"

    assert kept_ids(tmp_path) == [1, 2, 77]
    assert ask(tmp_path, "SELECT number FROM exchange ORDER BY number") == [(1,), (2,), (3,)]
    assert [name for name, _ in schema.STEPS] == [
        name for (name,) in ask(tmp_path, "SELECT name FROM step ORDER BY position")
    ]


def test_a_journal_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
        journal.connection.execute("INSERT INTO step(name, applied_ns) VALUES ('colours', 1)")
    before = (tmp_path / "journal.sqlite3").read_bytes()

    with pytest.raises(JournalError, match=r"newer version.*'colours'"), open_journal(tmp_path):
        pass

    assert (tmp_path / "journal.sqlite3").read_bytes() == before


def test_a_file_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.sqlite3")
    connection.execute("CREATE TABLE recipes(name)")
    connection.commit()
    connection.close()
    before = (tmp_path / "journal.sqlite3").read_bytes()

    with pytest.raises(JournalError, match="another program"), open_journal(tmp_path):
        pass

    assert (tmp_path / "journal.sqlite3").read_bytes() == before


def test_a_step_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = sqlite3.connect(tmp_path / "file", isolation_level=None)
    schema.prepare(connection)
    broken = ("half a step", "CREATE TABLE colour(name); CREATE TABLE exchange(number)")
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, broken))

    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        schema.prepare(connection)

    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "colour" not in tables
    assert connection.execute("SELECT count(*) FROM step").fetchone() == (1,)
    connection.close()


def test_the_file_can_give_pages_back_and_says_what_it_is(tmp_path: Path) -> None:
    with open_journal(tmp_path):
        pass

    assert ask(tmp_path, "PRAGMA auto_vacuum") == [(2,)]
    assert ask(tmp_path, "PRAGMA page_size") == [(schema.PAGE_SIZE,)]
    assert ask(tmp_path, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    assert ask(tmp_path, "PRAGMA journal_mode") == [("wal",)]
