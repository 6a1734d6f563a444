"""A backup is whole while others write, and whatever stands in its way loses nothing."""

import os
import threading
from pathlib import Path

import pytest

from service.journal import JournalError
from service.journal.backup import back_up
from tests.journal.given import ask, kept_ids, open_journal, record, small_disk


def test_the_copy_has_every_record_and_is_its_owners_alone(tmp_path: Path) -> None:
    target = tmp_path / "copies" / "journal.sqlite3"
    target.parent.mkdir()
    seen: list[tuple[int, int]] = []
    with open_journal(tmp_path) as journal:
        # They lie in the write-ahead log, beside which the copy has none.
        journal.write([record(number) for number in range(1, 401)])
        size = back_up(tmp_path, target, lambda done, wanted: seen.append((done, wanted)))
    assert kept_ids(target.parent) == list(range(1, 401))
    assert target.stat().st_size == size
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["journal.sqlite3"]
    assert seen
    assert all(0 <= done <= wanted for done, wanted in seen)
    for question in ("PRAGMA application_id", "PRAGMA page_size", "PRAGMA auto_vacuum"):
        assert ask(target.parent, question) == ask(tmp_path, question)


def test_a_copy_beside_a_writer_holds_the_first_records_without_a_gap(tmp_path: Path) -> None:
    stop = threading.Event()
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])

        def write_on() -> None:
            number = 1
            while not stop.is_set():
                number += 1
                journal.write([record(number)])

        writer = threading.Thread(target=write_on)
        writer.start()
        try:
            copies = []
            for round_ in range(5):
                copies.append(tmp_path / f"copy-{round_}" / "journal.sqlite3")
                copies[-1].parent.mkdir()
                back_up(tmp_path, copies[-1])
        finally:
            stop.set()
            writer.join()
    for copy in copies:
        ids = kept_ids(copy.parent)
        assert ids == list(range(1, len(ids) + 1))
        assert ids


def test_what_stands_in_the_way_is_named_and_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="There is no journal in"):
        back_up(tmp_path, tmp_path / "copy")
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
        taken = tmp_path / "taken"
        taken.write_text("mine")
        with pytest.raises(JournalError, match="is there already"):
            back_up(tmp_path, taken)
        assert taken.read_text() == "mine"
        with pytest.raises(JournalError, match="is a folder"):
            back_up(tmp_path, tmp_path)
        with pytest.raises(JournalError, match="cannot be written: No such file or directory"):
            back_up(tmp_path, tmp_path / "absent" / "copy")
        (tmp_path / "copy.unfinished").touch()
        with pytest.raises(JournalError, match="is in the way: another backup"):
            back_up(tmp_path, tmp_path / "copy")


def test_of_a_damaged_journal_no_copy_is_made(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(number, b"x" * 4000) for number in range(1, 101)])
    journal_file = tmp_path / "journal.sqlite3"
    content = bytearray(journal_file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\x5a" * 8192
    journal_file.write_bytes(content)
    with pytest.raises(JournalError, match=r"cannot be copied: .*ollama-recorder journal check"):
        back_up(tmp_path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert not (tmp_path / "copy.unfinished").exists()


def test_a_full_disk_leaves_no_half_copy(tmp_path: Path) -> None:
    with open_journal(tmp_path / "data") as journal:
        journal.write([record(number, os.urandom(20_000).hex().encode()) for number in range(1, 201)])
    disk = small_disk(tmp_path / "disk")
    try:
        folder = disk.__enter__()
    except PermissionError as error:
        pytest.skip(str(error))
    try:
        with pytest.raises(JournalError, match=r"The copy takes .* MB, and the disk has .* MB: make room"):
            back_up(tmp_path / "data", folder / "copy")
        assert list(folder.glob("copy*")) == []
    finally:
        disk.__exit__(None, None, None)
