import contextlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from service import events
from service.journal.reader import Reader
from service.journal.retrying_writer import RetryingWriter
from service.journal.shedding import Losses
from tests.journal.given import ask, kept_ids, open_journal, record, wait_until

Displace = Callable[[Path], None]


def deleted(path: Path) -> None:
    path.unlink()


def deleted_with_its_log(path: Path) -> None:
    for file in path.parent.glob("journal.sqlite3*"):
        file.unlink()


def moved(path: Path) -> None:
    path.rename(path.with_name("elsewhere.sqlite3"))


def folder_deleted(path: Path) -> None:
    shutil.rmtree(path.parent)


@pytest.mark.parametrize("displace", [deleted, deleted_with_its_log, moved, folder_deleted])
def test_what_a_lost_journal_held_moves_into_a_new_one_at_the_next_commit(
    tmp_path: Path, displace: Displace, caplog: pytest.LogCaptureFixture
) -> None:
    events._last_logged.clear()
    folder = tmp_path / "data"
    with open_journal(folder) as journal, caplog.at_level(logging.ERROR):
        losses = Losses()
        writer = RetryingWriter(journal, losses, max_bytes=1 << 20, max_records=100)
        for number in range(1, 51):
            writer.keep([record(number, b"x" * 5000)])
        journal.move_cursor("loki", 20)
        journal.park("loki", 7, "line_too_long", "")
        displace(folder / "journal.sqlite3")

        assert not writer.keep([record(51)])
        assert "moved, deleted or replaced" in (writer.trouble or "")
        wait_until(lambda: writer.keep())
        writer.keep([record(52)])

    assert kept_ids(folder) == list(range(1, 53))
    assert [number for (number,) in ask(folder, "SELECT number FROM exchange LIMIT 51")] == list(range(1, 52))
    assert ask(folder, "SELECT * FROM cursor") == [("loki", 20)]
    assert ask(folder, "SELECT number FROM parked") == [(7,)]
    assert ask(folder, "PRAGMA integrity_check") == [("ok",)]
    assert losses.total("records") == 0
    event = next(entry for entry in caplog.records if getattr(entry, "event", "") == "JournalDisplaced")
    assert (event.__dict__["recovered"], event.__dict__["lost"]) == (51, 0)


def test_a_copy_that_was_put_in_its_place_keeps_its_own_records_too(tmp_path: Path) -> None:
    with open_journal(tmp_path / "older") as older:
        older.write([record(number) for number in (1, 2, 903, 904)])
    with open_journal(tmp_path / "data") as journal:
        writer = RetryingWriter(journal, Losses(), max_bytes=1 << 20, max_records=100)
        writer.keep([record(number) for number in range(1, 11)])
        shutil.copy(tmp_path / "older" / "journal.sqlite3", tmp_path / "data" / "copied")
        (tmp_path / "data" / "copied").replace(tmp_path / "data" / "journal.sqlite3")

        writer.keep([record(11)])
        wait_until(lambda: writer.keep())

    assert sorted(kept_ids(tmp_path / "data")) == [*range(1, 12), 903, 904]
    assert ask(tmp_path / "data", "PRAGMA integrity_check") == [("ok",)]


def test_a_reader_goes_on_with_the_new_file(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal, contextlib.closing(Reader(tmp_path)) as reader:
        writer = RetryingWriter(journal, Losses(), max_bytes=1 << 20, max_records=100)
        writer.keep([record(1)])
        assert reader.newest_number() == 1
        deleted(tmp_path / "journal.sqlite3")
        writer.keep([record(2)])
        wait_until(lambda: writer.keep())

        assert [row.number for row in reader.read_after(0, 10, 1 << 20)] == [1, 2]
