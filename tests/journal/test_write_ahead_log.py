import sqlite3
from pathlib import Path

import pytest

from service.journal.write_ahead_log import read_log
from tests.journal.given import open_journal, record


def logged(folder: Path, commits: int = 20) -> Path:
    """A copy of a journal and its log as a kill leaves them."""
    with open_journal(folder / "live") as journal:
        journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        for number in range(1, commits + 1):
            journal.write([record(number, b"x" * 3000)])
        for suffix in ("", "-wal"):
            (folder / f"copy{suffix}").write_bytes((folder / "live" / f"journal.sqlite3{suffix}").read_bytes())
    return folder / "copy"


def test_the_newest_committed_version_of_each_page_is_the_one_that_sqlite_reads(tmp_path: Path) -> None:
    path = logged(tmp_path)
    log = read_log(path.with_name("copy-wal"))
    assert log is not None
    pages = dict.fromkeys(log.offsets)
    for number in pages:
        pages[number] = log.page(number)
    log.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()

    content = path.read_bytes()
    assert log.is_sound
    assert log.page_count == len(content) // log.page_size
    assert len(pages) > 5
    for number, page in pages.items():
        assert content[(number - 1) * log.page_size : number * log.page_size] == page


def test_a_damaged_frame_costs_itself_and_none_behind_it(tmp_path: Path) -> None:
    path = logged(tmp_path).with_name("copy-wal")
    content = bytearray(path.read_bytes())
    content[32 + 24 + 3000] ^= 1
    path.write_bytes(content)

    log = read_log(path)

    assert log is not None
    log.close()
    assert not log.is_sound
    assert min(log.offsets.values()) > 32 + 24
    assert log.page_count > 0


@pytest.mark.parametrize("content", [b"", b"\x37\x7f\x06\x82", bytes(8 << 10), b"\xff" * 9000])
def test_without_a_frame_there_is_no_log(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)

    assert read_log(tmp_path / "log") is None
    assert read_log(tmp_path / "none") is None


def test_what_was_not_committed_is_not_read(tmp_path: Path) -> None:
    path = logged(tmp_path, commits=5).with_name("copy-wal")
    before = read_log(path)
    assert before is not None
    before.close()
    last = max(before.offsets.values())
    content = bytearray(path.read_bytes())
    # The mark of the commit in the last frame's head, and with it the frame's checksum.
    content[last - 24 + 4 : last - 24 + 8] = bytes(4)
    path.write_bytes(content)

    log = read_log(path)

    assert log is not None
    log.close()
    assert max(log.offsets.values()) < last
