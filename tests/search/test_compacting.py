import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from service.journal import JournalError
from service.journal.check import check
from service.search import compacting
from service.search.compacting import compact
from tests.journal.given import bytes_kept, kept_ids, open_journal, record
from tests.search.indexed import index as bring_up_to_date

SECRET = b"the name of the patient"


def fill(folder: Path) -> None:
    """A hundred records with the secret, and what a deletion that overwrites nothing leaves of ninety of them."""
    with open_journal(folder) as journal:
        journal.write([record(number, SECRET * 100) for number in range(1, 101)])
    bring_up_to_date(folder)
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM exchange WHERE number > 10")


def times_found(folder: Path) -> int:
    return bytes_kept(folder).count(SECRET)


def test_what_was_deleted_is_in_no_file_any_more_and_the_rest_is_sound(tmp_path: Path) -> None:
    fill(tmp_path)
    kept = kept_ids(tmp_path)
    before = times_found(tmp_path)

    done = compact(tmp_path)

    assert kept_ids(tmp_path) == kept == list(range(1, 11))
    # Ten times the request's bytes, and what of them stands in the record's line.
    assert 10 * 100 <= times_found(tmp_path) <= 10 * 300 < before
    assert done.bytes_after < done.bytes_before
    assert check(tmp_path).problems == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())
    with open_journal(tmp_path) as journal:
        journal.write([record(101)])
    assert kept_ids(tmp_path)[-1] == 101


def test_a_recorder_that_runs_keeps_its_journal(tmp_path: Path) -> None:
    with open_journal(tmp_path), pytest.raises(JournalError, match="A recorder is using the journal: stop it"):
        compact(tmp_path)


def test_somebody_who_reads_is_named_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.setattr(compacting, "_PATIENCE_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM exchange").fetchone()
        with pytest.raises(JournalError, match="end that one, and try again"):
            compact(tmp_path)
        reader.execute("COMMIT")
    assert kept_ids(tmp_path) == list(range(1, 11))


def test_without_room_for_the_copies_it_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    size = (tmp_path / "journal.sqlite3").stat().st_size

    def disk_usage(_: Path) -> Any:
        return type("Usage", (), {"free": 2 * size - 1})()

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    with pytest.raises(JournalError, match="make room first"):
        compact(tmp_path)
    assert kept_ids(tmp_path) == list(range(1, 11))


def test_a_damaged_file_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"no journal at all" * 1000)
    with pytest.raises(JournalError, match="cannot be written anew"):
        compact(tmp_path)
    assert (tmp_path / "journal.sqlite3").read_bytes() == b"no journal at all" * 1000


def test_a_damaged_index_is_left_to_be_made_anew(tmp_path: Path) -> None:
    fill(tmp_path)
    for path in tmp_path.glob("index.sqlite3*"):
        path.unlink()
    (tmp_path / "index.sqlite3").write_bytes(b"no index at all" * 1000)
    compact(tmp_path)
    assert list(tmp_path.glob("index.sqlite3*")) == []
    assert kept_ids(tmp_path) == list(range(1, 11))
