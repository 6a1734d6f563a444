import sqlite3
from pathlib import Path

import pytest

from service.journal.open_rows import encode_open
from service.journal.space import Retention
from tests.journal.given import ask, identifier, kept_ids, open_journal, opened, record


@pytest.mark.parametrize("count", [1, 2, 7, 63, 64, 65, 200])
def test_a_commit_of_any_size_keeps_everything_in_order(tmp_path: Path, count: int) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(number) for number in range(count, 0, -1)])

    assert kept_ids(tmp_path) == list(range(count, 0, -1))


def test_a_record_is_kept_byte_for_byte(tmp_path: Path) -> None:
    given = record(1, b'{"a":"\xc3\xa9"}', b"[]", ended_ns=2**62)
    with open_journal(tmp_path) as journal:
        journal.write([given])

    columns = "id, started_ns, ended_ns, method, operation, outcome, parent_span_id, line, request, response"
    assert ask(tmp_path, f"SELECT {columns} FROM exchange") == [
        (
            *(given.id, given.started_ns, 2**62, "POST", "chat", "completed", None),
            *(given.line, given.request, given.response),
        )
    ]


def test_writing_the_same_record_again_keeps_it_once(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1), record(2)])
        journal.write([record(2), record(3), record(3)])

    assert kept_ids(tmp_path) == [1, 2, 3]


def test_a_commit_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        row = encode_open(opened(9))
        with pytest.raises(sqlite3.Error):
            journal.write([record(1)], [(*row[:3], object())])  # type: ignore[list-item]
        journal.write([record(2)])

    assert kept_ids(tmp_path) == [2]


def test_numbers_are_never_used_twice_even_when_everything_expired(tmp_path: Path) -> None:
    with open_journal(tmp_path, retention=Retention(days=0.001)) as journal:
        journal.write([record(1), record(2)])
        while journal.tidy():
            pass
    with open_journal(tmp_path) as journal:
        journal.write([record(3)])

    assert ask(tmp_path, "SELECT number FROM exchange") == [(3,)]


def test_rows_of_open_exchanges_go_in_the_commit_that_ends_them(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([], [encode_open(opened(number)) for number in range(1, 251)])
        journal.write([record(1)], [], [identifier(number) for number in range(1, 250)])

        assert [row[0] for row in journal.open_rows()] == [identifier(250)]


def test_a_cursor_never_moves_back(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.move_cursor("loki", 7)
        journal.move_cursor("loki", 3)
        journal.move_cursor("otlp", 1)

    assert ask(tmp_path, "SELECT * FROM cursor ORDER BY receiver") == [("loki", 7), ("otlp", 1)]


def test_the_instance_is_the_host_on_which_the_journal_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "first")
    with open_journal(tmp_path):
        pass
    monkeypatch.setattr("socket.gethostname", lambda: "second")

    with open_journal(tmp_path) as journal:
        assert journal.instance == "first"


@pytest.mark.parametrize(("sync", "level"), [("full", 2), ("normal", 1)])
def test_the_setting_decides_what_a_commit_survives(tmp_path: Path, sync: str, level: int) -> None:
    with open_journal(tmp_path, sync=sync) as journal:
        assert journal.connection.execute("PRAGMA synchronous").fetchone() == (level,)


def test_the_write_ahead_log_is_made_small_again_after_a_long_read(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.headroom.size = 200_000
        journal.connection.execute("PRAGMA wal_autocheckpoint = 10")
        journal.connection.execute("PRAGMA journal_size_limit = 200000")
        journal.write([record(1)])
        reader = sqlite3.connect(tmp_path / "journal.sqlite3")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM exchange").fetchall()
        for number in range(2, 150):
            journal.write([record(number, b"x" * 20_000)])
        reader.close()
        log = tmp_path / "journal.sqlite3-wal"
        assert log.stat().st_size > 2_000_000

        while journal.tidy():
            pass
        journal.write([record(600)])

        assert log.stat().st_size <= 200_000
