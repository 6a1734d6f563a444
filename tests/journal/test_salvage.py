import contextlib
import logging
import random
import shutil
from pathlib import Path

import pytest

from service import event_log
from service.journal import JournalError
from service.journal.check import check
from service.journal.damage import note_damage
from service.journal.schema import PAGE_SIZE
from tests.journal.damaging import ALL_DAMAGE, Damage, make_journal, mark, must_be_saved, shortened
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
    event_log._last_logged.clear()
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
    (pages,) = ask(tmp_path, "PRAGMA page_count")[0]
    damage(path, range(pages - 8, pages + 1))

    with open_journal(tmp_path) as journal:
        journal.write([record(999)])

    numbers = [number for (number,) in ask(tmp_path, "SELECT number FROM exchange ORDER BY number")]
    assert 280 <= len(numbers) < 301
    assert numbers[-1] == 301


def test_a_table_whose_root_page_is_gone_is_read_leaf_by_leaf(tmp_path: Path) -> None:
    path = fill(tmp_path)
    (root,) = ask(tmp_path, "SELECT rootpage FROM sqlite_master WHERE name = 'exchange'")[0]
    damage(path, range(root, root + 1))

    with open_journal(tmp_path):
        pass

    assert kept_ids(tmp_path) == list(range(1, 301))


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


def damaged_journal(folder: Path, damage: Damage, seed: int) -> set[int]:
    """Damage a journal of 120 records; the numbers of those that lie in no page that was touched."""
    path = make_journal(folder, random.Random(seed % 3))
    before = path.read_bytes()
    content = bytearray(before)
    damage(content, random.Random(seed))
    path.write_bytes(content)
    return must_be_saved(before, bytes(content), 120)


def saved(folder: Path) -> set[int]:
    """Check the journal, then start with it: the numbers of the records that are there, each with its own content."""
    with contextlib.suppress(JournalError):
        check(folder)
    with open_journal(folder):
        pass
    rows = ask(folder, "SELECT number, id, line, request FROM exchange")
    for number, name, line, request in rows:
        assert number == int(name, 16)
        assert mark(number) in line
        # SQLite keeps no checksums of a file: what a flipped bit makes of a body, or a page of zeros, cannot be seen.
        assert not request.strip(b"\0") or mark(number) in request, "a body is its own, or it is empty, or zeros"
    assert ask(folder, "PRAGMA integrity_check") == [("ok",)]
    return {number for number, *_ in rows}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("damage", ALL_DAMAGE, ids=lambda damage: damage.__name__)
def test_every_record_that_no_damage_touched_is_saved(tmp_path: Path, damage: Damage, seed: int) -> None:
    untouched = damaged_journal(tmp_path, damage, seed)

    assert untouched <= saved(tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 27))
@pytest.mark.parametrize("damage", ALL_DAMAGE, ids=lambda damage: damage.__name__)
def test_of_two_hundred_journals_every_record_that_no_damage_touched_is_saved(
    tmp_path: Path, damage: Damage, seed: int
) -> None:
    test_every_record_that_no_damage_touched_is_saved(tmp_path, damage, seed)


@pytest.mark.parametrize("bit", [3, 8 * 18 + 1, 8 * 20, 8 * 44 + 30, 8 * 59 + 1, 8 * 68 + 5, 8 * 71, 8 * 92])
def test_a_flipped_bit_of_the_header_costs_nothing(tmp_path: Path, bit: int) -> None:
    path = make_journal(tmp_path, random.Random(1))
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)

    assert saved(tmp_path) == set(range(1, 121))


@pytest.mark.long
def test_no_flipped_bit_of_the_header_costs_a_record(tmp_path: Path) -> None:
    content = make_journal(tmp_path / "sound", random.Random(1)).read_bytes()
    for bit in range(800):
        folder = tmp_path / str(bit)
        folder.mkdir()
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / "journal.sqlite3").write_bytes(flipped)
        assert saved(folder) == set(range(1, 121)), f"bit {bit}"
        shutil.rmtree(folder)  # all of them would be ten gigabytes


def test_a_file_that_became_shorter_gives_what_is_left_of_it(tmp_path: Path) -> None:
    path = make_journal(tmp_path, random.Random(1), records=400)
    before = path.read_bytes()
    path.write_bytes(before[: len(before) // 2])
    untouched = must_be_saved(before, path.read_bytes(), 400)

    assert len(untouched) > 150
    assert untouched <= saved(tmp_path)


def test_a_record_whose_kept_bodies_are_gone_stays_without_them(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1), record(2, b"x" * 40_000), record(3)])
    path = tmp_path / "journal.sqlite3"
    content = path.read_bytes()
    # The line comes first in the row, with the same text in it; the bytes of the request come last.
    last = max(
        page for page in range(len(content) // PAGE_SIZE) if b"x" * 4000 in content[page * PAGE_SIZE :][:PAGE_SIZE]
    )
    damage(path, range(last + 1, last + 2))
    note_damage(tmp_path, path.stat().st_ino, "a reader met it")

    assert saved_bodies(tmp_path) == [(1, 8), (2, 0), (3, 8)]


def saved_bodies(folder: Path) -> list[tuple[int, int]]:
    with open_journal(folder):
        pass
    return ask(folder, "SELECT number, length(request) FROM exchange ORDER BY number")


def test_what_expired_does_not_come_back(tmp_path: Path) -> None:
    path = make_journal(tmp_path, random.Random(1))
    with open_journal(tmp_path) as journal:
        journal.connection.execute("DELETE FROM exchange WHERE number <= 60")
    note_damage(tmp_path, path.stat().st_ino, "a reader met it")

    assert saved(tmp_path) == set(range(61, 121))


def test_a_commit_behind_a_damaged_frame_of_the_log_is_not_forgotten(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        for number in range(1, 41):
            journal.write([record(number, b"y" * 3000)])
        copy = tmp_path / "after a crash"
        copy.mkdir()
        (copy / "journal.sqlite3").write_bytes((tmp_path / "journal.sqlite3").read_bytes())
        log = bytearray((tmp_path / "journal.sqlite3-wal").read_bytes())
    at = log.index(mark_of_id(8))
    log[at] ^= 1
    (copy / "journal.sqlite3-wal").write_bytes(log)

    with open_journal(copy):
        pass

    kept = set(kept_ids(copy))
    assert len(kept) >= 39
    assert {1, 2, 3, 38, 39, 40} <= kept


def mark_of_id(number: int) -> bytes:
    return f"{number:032x}".encode()


@pytest.mark.parametrize("seed", range(3))
def test_a_note_of_damage_in_a_sound_file_costs_nothing(tmp_path: Path, seed: int) -> None:
    path = make_journal(tmp_path, random.Random(seed))
    before = ask(tmp_path, "SELECT * FROM exchange ORDER BY number")
    note_damage(tmp_path, path.stat().st_ino, "a false alarm")

    with open_journal(tmp_path) as journal:
        assert journal.notice is None

    assert ask(tmp_path, "SELECT * FROM exchange ORDER BY number") == before
    assert ask(tmp_path, "SELECT * FROM cursor") == [("loki", 40)]
    assert len(list(tmp_path.glob("*.corrupt-*"))) == 1
    assert not (tmp_path / "journal.damaged").exists()
    assert not (tmp_path / "journal.salvage").exists()


def test_a_notice_stays_until_the_damaged_file_is_moved_away(tmp_path: Path) -> None:
    path = make_journal(tmp_path, random.Random(1))
    content = bytearray(path.read_bytes())
    shortened(content, random.Random(5))
    path.write_bytes(content)

    with open_journal(tmp_path) as journal:
        assert "set aside" in (journal.notice or "")
        next(tmp_path.glob("*.corrupt-*")).unlink()
        assert journal.notice is None


def test_a_later_file_that_is_saved_whole_does_not_end_the_notice_of_an_earlier_one(tmp_path: Path) -> None:
    path = make_journal(tmp_path, random.Random(1))
    content = bytearray(path.read_bytes())
    shortened(content, random.Random(5))
    path.write_bytes(content)

    with open_journal(tmp_path) as journal:
        notice = journal.notice
        assert "set aside" in (notice or "")
        note_damage(tmp_path, path.stat().st_ino, "a false alarm")
        journal.reopen()
        assert journal.notice == notice
    assert len(list(tmp_path.glob("*.corrupt-*"))) == 2


@pytest.mark.parametrize("rest", [0, 1, 40, 99, 100, 4000])
def test_a_file_of_which_next_to_nothing_is_left_gives_what_its_log_holds(tmp_path: Path, rest: int) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(number, b"y" * 3000) for number in range(1, 6)])
        copy = tmp_path / "after a crash"
        copy.mkdir()
        for name in ("journal.sqlite3", "journal.sqlite3-wal"):
            (copy / name).write_bytes((tmp_path / name).read_bytes())
    with (copy / "journal.sqlite3").open("r+b") as file:
        file.truncate(rest)
    note_damage(copy, (copy / "journal.sqlite3").stat().st_ino, "met by a reader")

    with open_journal(copy) as journal:
        journal.write([record(99)])

    kept = kept_ids(copy)
    assert kept[-1] == 99
    assert len(kept) == len(set(kept))
