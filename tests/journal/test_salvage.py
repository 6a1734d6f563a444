import logging
from pathlib import Path

import pytest

from service import events
from service.journal.salvage import set_aside
from service.journal.schema import PAGE_SIZE
from tests.journal.given import ask, kept_ids, open_journal, record


def fill(folder: Path) -> Path:
    with open_journal(folder) as journal:
        journal.write([record(number, b"x" * 6000) for number in range(1, 301)])
        journal.move_cursor("loki", 120)
        journal.park("loki", 7, "line_too_long", "")
    return folder / "journal.sqlite3"


def damage(path: Path, pages: range) -> None:
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE_SIZE)
            file.write(b"\xa5" * PAGE_SIZE)


def test_what_is_readable_of_a_damaged_journal_moves_into_a_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    events._last_logged.clear()
    path = fill(tmp_path)
    (pages,) = ask(tmp_path, "PRAGMA page_count")[0]
    # The newest record lies there, which every start reads.
    damage(path, range(pages - 8, pages + 1))

    with caplog.at_level(logging.ERROR), open_journal(tmp_path) as journal:
        journal.write([record(999)])

    kept = kept_ids(tmp_path)
    assert kept[-1] == 999
    assert 280 <= len(kept) < 301
    numbers = ask(tmp_path, "SELECT number, id FROM exchange")
    assert all(number == int(name, 16) for number, name in numbers[:-1]), "numbers stay, so cursors stay right"
    assert ask(tmp_path, "SELECT * FROM cursor") == [("loki", 120)]
    assert ask(tmp_path, "SELECT number FROM parked") == [(7,)]
    assert ask(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    assert len(list(tmp_path.glob("journal.sqlite3.corrupt-*"))) == 1
    event = next(entry for entry in caplog.records if getattr(entry, "event", "") == "JournalSetAside")
    assert event.__dict__["recovered"] == len(kept) - 1
    assert event.__dict__["is_everything_recovered"] is False


@pytest.mark.parametrize("content", [b"not a journal at all, " * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_kept_beside_a_new_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(content)

    with open_journal(tmp_path) as journal:
        journal.write([record(1)])

    assert kept_ids(tmp_path) == [1]
    (kept,) = tmp_path.glob("journal.sqlite3.corrupt-*")
    assert kept.read_bytes() == content


def test_a_number_that_a_receiver_has_seen_is_not_given_again_though_its_record_is_lost(tmp_path: Path) -> None:
    path = fill(tmp_path)
    with open_journal(tmp_path) as journal:
        journal.move_cursor("loki", 300)
    (root,) = ask(tmp_path, "SELECT rootpage FROM sqlite_master WHERE name = 'exchange'")[0]
    damage(path, range(root, root + 1))

    with open_journal(tmp_path) as journal:
        journal.write([record(999)])

    assert ask(tmp_path, "SELECT number FROM exchange") == [(301,)]


def test_an_empty_file_is_a_new_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").touch()

    with open_journal(tmp_path) as journal:
        journal.write([record(1)])

    assert kept_ids(tmp_path) == [1]
    assert list(tmp_path.glob("*.corrupt-*")) == []


@pytest.mark.parametrize("rest", [0, 20, 5000])
def test_a_write_ahead_log_that_was_cut_short_loses_only_what_it_lost(tmp_path: Path, rest: int) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
        journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        journal.write([record(2)])
        copy = tmp_path / "after a power loss"
        copy.mkdir()
        (copy / "journal.sqlite3").write_bytes((tmp_path / "journal.sqlite3").read_bytes())
        (copy / "journal.sqlite3-wal").write_bytes((tmp_path / "journal.sqlite3-wal").read_bytes()[:rest])

    with open_journal(copy) as journal:
        journal.write([record(3)])

    assert kept_ids(copy) == [1, 3]


def test_setting_aside_twice_in_a_second_keeps_both(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        path.with_name("journal.sqlite3-wal").write_bytes(content)
        set_aside(path)

    assert sorted(file.read_bytes() for file in tmp_path.iterdir()) == [b"one", b"one", b"two", b"two"]
