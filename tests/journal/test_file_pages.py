import random
import sqlite3
from pathlib import Path

import pytest

from service.journal.file_pages import FilePages
from service.journal.schema import PAGE_SIZE
from tests.journal.damaging import make_journal
from tests.journal.given import ask


def test_free_pages_are_those_that_sqlite_counts(tmp_path: Path) -> None:
    path = make_journal(tmp_path, random.Random(1))
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM exchange WHERE number % 3 = 0 OR number < 60")
    connection.commit()
    connection.close()
    (free,), (count,) = ask(tmp_path, "PRAGMA freelist_count")[0], ask(tmp_path, "PRAGMA page_count")[0]

    with FilePages(path) as pages:
        assert pages.count == count
        assert sum(pages.is_free(number) for number in range(1, count + 1)) == free > 10


@pytest.mark.parametrize("begin", [b"\0", b"SQLite format 3\0\xff\xff"])
def test_pages_are_found_without_a_header(tmp_path: Path, begin: bytes) -> None:
    path = make_journal(tmp_path, random.Random(1))
    content = path.read_bytes()
    path.write_bytes(begin + content[len(begin) :])

    with FilePages(path) as pages:
        assert pages.page_size == PAGE_SIZE
        assert pages.page(3) == content[2 * PAGE_SIZE : 3 * PAGE_SIZE]
        assert pages.kind(3) == (1, 0)
        assert pages.is_outside_trees(2)


def test_there_is_no_page_before_the_first_and_none_behind_the_last(tmp_path: Path) -> None:
    path = make_journal(tmp_path, random.Random(1))
    with path.open("ab") as file:
        file.write(b"half a page")

    with FilePages(path) as pages:
        assert pages.page(0) == b""
        assert pages.page(pages.count + 1) == b""
        assert len(pages.page(pages.count)) == PAGE_SIZE
