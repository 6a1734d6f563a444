import shutil
from pathlib import Path

import pytest

from service.journal.damage import note_damage
from service.journal.setting_aside import set_aside, take_salvaged, unfinished
from tests.journal.given import kept_ids, open_journal, record

ASIDE = "journal.sqlite3.corrupt-20260101T000000Z"


def test_setting_aside_twice_in_a_second_keeps_both(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        path.with_name("journal.sqlite3-wal").write_bytes(content)
        set_aside(path)
        take_salvaged(path)

    assert sorted(file.read_bytes() for file in tmp_path.iterdir()) == [b"one", b"one", b"two", b"two"]


@pytest.mark.parametrize("done", range(6), ids=["nothing", "note", "log", "journal", "swapped", "all but the note"])
def test_setting_aside_that_was_broken_off_goes_on(tmp_path: Path, done: int) -> None:
    path, aside = tmp_path / "journal.sqlite3", tmp_path / ASIDE
    with open_journal(tmp_path / "live") as journal:
        journal.write([record(1), record(2)])
        for suffix in ("", "-wal"):
            shutil.copy(tmp_path / "live" / f"journal.sqlite3{suffix}", tmp_path)
    with open_journal(tmp_path / "salvaged") as journal:
        journal.write([record(1), record(2)])
    (tmp_path / "salvaged" / "journal.sqlite3").rename(tmp_path / "journal.salvaged")
    if done == 0:
        note_damage(tmp_path, path.stat().st_ino, "met by a reader")
    else:
        (tmp_path / "journal.salvage").write_text(ASIDE)
    if done >= 2:
        path.with_name("journal.sqlite3-wal").rename(aside.with_name(f"{ASIDE}-wal"))
    if done >= 3:
        path.rename(aside)
    if done == 4:
        (tmp_path / "journal.salvaged").rename(path)
    if done == 5:
        (tmp_path / "journal.salvaged").unlink()

    with open_journal(tmp_path) as journal:
        journal.write([record(3)])

    assert kept_ids(tmp_path) == [1, 2, 3]
    assert len(list(tmp_path.glob("*.corrupt-*Z"))) == 1
    assert unfinished(tmp_path) is None
    assert not list(tmp_path.glob("journal.salvage*"))
    assert not (tmp_path / "journal.damaged").exists()


@pytest.mark.parametrize(
    "note",
    [
        *(b"", b"journal.sqlite3.corr", b"journal.sqlite3.corrupt-/../../etc", b"journal.sqlite3.corrupt-"),
        *(
            ASIDE.encode() + b"\0",
            ASIDE.encode() + b"\n",
            ASIDE.encode()[:-3] + b"\xeb",
            bytes(range(256)),
            b"\xff" * 9000,
        ),
    ],
)
def test_a_note_that_was_cut_off_or_damaged_means_nothing(tmp_path: Path, note: bytes) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(1)])
    (tmp_path / "journal.salvage").write_bytes(note)

    with open_journal(tmp_path):
        pass

    assert kept_ids(tmp_path) == [1]
    assert list(tmp_path.glob("*.corrupt-*")) == []
