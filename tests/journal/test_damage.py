import random
from pathlib import Path

import pytest

from service.journal import JournalError
from service.journal.damage import damage_error, forget_damage, note_damage, noted_damage, visible_damage
from service.journal.reader import Reader
from service.journal.schema import PAGE_SIZE
from service.journal.transaction import is_damage
from tests.journal.damaging import make_journal
from tests.journal.given import open_journal, record


def test_a_note_is_of_one_file_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(b"one")
    note_damage(tmp_path, path.stat().st_ino, "malformed\nin two lines")
    note_damage(tmp_path, path.stat().st_ino, "the first reason stays")

    assert noted_damage(tmp_path) == "malformed\nin two lines"

    (tmp_path / "other").write_bytes(b"two")
    (tmp_path / "other").replace(path)
    assert noted_damage(tmp_path) is None
    assert not (tmp_path / "journal.damaged").exists()
    forget_damage(tmp_path)


def test_where_nothing_may_be_written_reading_goes_on_without_a_note(tmp_path: Path) -> None:
    note_damage(tmp_path / "not there", 1, "malformed")

    assert noted_damage(tmp_path / "not there") is None


def test_an_error_of_ours_is_taken_for_damage() -> None:
    assert is_damage(damage_error("noted"))


def test_whoever_reads_damage_leaves_a_note(tmp_path: Path) -> None:
    path = make_journal(tmp_path, random.Random(1))
    content = bytearray(path.read_bytes())
    start = len(content) // 2 // PAGE_SIZE * PAGE_SIZE
    content[start : start + 4 * PAGE_SIZE] = b"\xa5" * 4 * PAGE_SIZE
    path.write_bytes(content)
    reader = Reader(tmp_path)

    with pytest.raises(JournalError):
        reader.ask("SELECT * FROM exchange")
    reader.close()

    assert "malformed" in (noted_damage(tmp_path) or "")


@pytest.mark.parametrize("records", [40, pytest.param(200, marks=pytest.mark.long)])
def test_a_sound_journal_shows_no_damage_while_it_is_written_and_after_a_crash(tmp_path: Path, records: int) -> None:
    path = tmp_path / "journal.sqlite3"
    assert visible_damage(path) is None
    with open_journal(tmp_path) as journal:
        for number in range(1, records):
            journal.write([record(number, b"x" * 2000)])
            assert visible_damage(path) is None
        journal.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        assert visible_damage(path) is None
        journal.write([record(records, b"x" * 2000)])
        assert visible_damage(path) is None
        journal.connection.execute("DELETE FROM exchange WHERE number < ?", [records * 3 // 4])
        while journal.tidy():
            assert visible_damage(path) is None
        journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert visible_damage(path) is None
    assert visible_damage(path) is None


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(200), bytes(20_000)])
def test_what_is_no_journal_is_left_to_sqlite(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(content)

    assert visible_damage(path) is None
