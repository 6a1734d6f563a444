"""A backup is put back whole or not at all, and the journal before stays."""

import contextlib
import io
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from service.journal import JournalError
from service.journal.backup import back_up
from service.journal.check import check
from service.search.filters import Filter
from service.search.restoring import restore
from service.search.search import Search
from tests.journal.given import kept_ids, open_journal, record
from tests.search.indexed import index as bring_up_to_date
from tests.search.indexed import said
from tests.search.indexed import write as write_chats


@pytest.fixture
def backup(tmp_path: Path) -> bytes:
    """A copy of a journal with the records 1 to 50."""
    folder = tmp_path / "earlier"
    with open_journal(folder) as journal:
        journal.write([record(number, b"the earlier question") for number in range(1, 51)])
        back_up(folder, tmp_path / "copy")
    return (tmp_path / "copy").read_bytes()


def write(folder: Path, *numbers: int) -> None:
    with open_journal(folder) as journal:
        journal.write([record(number, b"the later question") for number in numbers])


def restored(folder: Path, content: bytes) -> int:
    return restore(folder, io.BytesIO(content)).records


def test_the_backup_is_the_journal_and_the_one_before_is_kept(tmp_path: Path, backup: bytes) -> None:
    folder = tmp_path / "data"
    write(folder, *range(101, 161))
    bring_up_to_date(folder)
    done = restore(folder, io.BytesIO(backup))
    assert done.records == 50
    assert kept_ids(folder) == list(range(1, 51))
    assert check(folder).problems == []
    assert done.replaced is not None
    assert done.replaced.parent == folder
    before = tmp_path / "before"
    before.mkdir()
    done.replaced.rename(before / "journal.sqlite3")
    assert kept_ids(before) == list(range(101, 161))
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())


def test_what_is_recorded_afterwards_is_found_and_what_was_before_is_not(tmp_path: Path) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    write_chats(folder, [said(1, "earlier"), said(2, "earlier")])
    back_up(folder, copy)
    # Their numbers are given once more after the backup is back.
    write_chats(folder, [said(number, "later") for number in range(3, 10)])
    bring_up_to_date(folder)
    with copy.open("rb") as source:
        restore(folder, source)
    write_chats(folder, [said(20, "again")])
    bring_up_to_date(folder)
    search = Search(folder)
    try:
        found = {word: search.count(Filter(text=word)) for word in ("earlier", "later", "again")}
    finally:
        search.close()
    assert found == {"earlier": 2, "later": 0, "again": 1}


def test_a_new_folder_takes_a_backup(tmp_path: Path, backup: bytes) -> None:
    done = restore(tmp_path / "new", io.BytesIO(backup))
    assert (done.records, done.replaced) == (50, None)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert restored(tmp_path / "new", backup) == 50


def test_a_log_of_the_journal_before_is_not_taken_for_the_backups(tmp_path: Path, backup: bytes) -> None:
    folder = tmp_path / "data"
    with open_journal(folder) as journal:
        journal.write([record(number) for number in range(101, 161)])
        log = (folder / "journal.sqlite3-wal").read_bytes()
    (folder / "journal.sqlite3-wal").write_bytes(log)
    done = restore(folder, io.BytesIO(backup))
    assert kept_ids(folder) == list(range(1, 51))
    assert done.replaced is not None
    assert done.replaced.with_name(done.replaced.name + "-wal").read_bytes() == log


def test_two_restored_in_one_second_keep_both_that_were_before(tmp_path: Path, backup: bytes) -> None:
    folder = tmp_path / "data"
    write(folder, 101)
    kept = {restore(folder, io.BytesIO(backup)).replaced for _ in range(3)}
    assert len(kept) == 3
    assert all(path is not None and path.is_file() for path in kept)


def test_a_running_recorder_is_not_pulled_from_under_its_feet(tmp_path: Path, backup: bytes) -> None:
    with open_journal(tmp_path / "data"), pytest.raises(JournalError, match="A recorder is using the journal: stop it"):
        restored(tmp_path / "data", backup)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (lambda content: b"", "This is no backup of a journal"),
        (lambda content: b"{}" * 100, "This is no backup of a journal"),
        (lambda content: content[:10_000], "The backup is damaged"),
        (lambda content: content[: len(content) - 8192], "The backup is damaged"),
        (lambda content: content[:40_000] + b"\x5a" * 16_384 + content[56_384:], "The backup is damaged"),
        (lambda content: content[:68] + b"\0\0\0\0" + content[72:], "a database of another program"),
    ],
    ids=["empty", "text", "a beginning", "without its last page", "two bad pages", "another program's"],
)
def test_what_is_no_whole_backup_changes_nothing(
    broken: Callable[[bytes], bytes], sentence: str, tmp_path: Path, backup: bytes
) -> None:
    folder = tmp_path / "data"
    write(folder, 101, 102)
    with pytest.raises(JournalError, match=sentence):
        restored(folder, broken(backup))
    assert kept_ids(folder) == [101, 102]
    assert not list(folder.glob("journal.restoring*"))
    assert not list(folder.glob("*replaced*"))


@pytest.mark.parametrize(
    "program",
    [
        "CREATE TRIGGER erases AFTER INSERT ON exchange BEGIN DELETE FROM exchange; END",
        "CREATE VIEW erases AS SELECT * FROM exchange",
    ],
)
def test_a_backup_that_would_do_something_by_itself_is_refused(tmp_path: Path, backup: bytes, program: str) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(backup)
    with contextlib.closing(sqlite3.connect(theirs)) as connection:
        connection.execute(program)
    write(tmp_path / "data", 101)
    with pytest.raises(JournalError, match=r"holds a program \('erases'\)"):
        restored(tmp_path / "data", theirs.read_bytes())
    assert kept_ids(tmp_path / "data") == [101]


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path, backup: bytes) -> None:
    newer = tmp_path / "newer"
    newer.write_bytes(backup)
    with contextlib.closing(sqlite3.connect(newer, isolation_level=None)) as connection:
        connection.execute("INSERT INTO step VALUES(99, 'of tomorrow', 0)")
    with pytest.raises(JournalError, match="newer version of Ollama Recorder"):
        restored(tmp_path / "data", newer.read_bytes())
    assert not (tmp_path / "data" / "journal.sqlite3").exists()
