import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.journal import JournalError
from service.journal.check import check
from service.journal.read_only import open_to_read
from service.journal.reader import Reader
from service.search.filters import Filter
from service.search.indexing import Indexer
from service.search.search import Search
from tests.journal.given import open_journal, record

pytestmark = pytest.mark.filterwarnings("error")


@contextlib.contextmanager
def mounted_read_only(folder: Path) -> Iterator[Path]:
    """``folder`` as a file system on which nothing can be written. Skips where that is not allowed."""
    place = folder.with_name("read-only")
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "--bind", folder, place], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=False)


def left_by_a_kill(folder: Path) -> Path:
    """A journal whose newest records are in the log only, and an index."""
    copy = folder / "data"
    copy.mkdir()
    with open_journal(folder / "live") as journal:
        journal.write([record(1), record(2)])
        journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        journal.write([record(3)])
        indexer = Indexer(folder / "live")
        indexer.catch_up()
        indexer.close()
        for name in ("journal.sqlite3", "journal.sqlite3-wal", "index.sqlite3"):
            shutil.copy(folder / "live" / name, copy)
    return copy


def test_all_is_read_of_a_journal_on_a_read_only_mount_also_what_only_the_log_holds(tmp_path: Path) -> None:
    with mounted_read_only(left_by_a_kill(tmp_path)) as folder:
        reader, search = Reader(folder), Search(folder)

        assert [row.number for row in reader.read_after(0, 10, 1 << 20)] == [1, 2, 3]
        assert [entry.number for entry in search.page(Filter(operation=("chat",)), 10).entries] == [3, 2, 1]
        assert search.stats(Filter(), "model")[0].calls == 3
        assert check(folder).problems == []
        reader.close()
        search.close()
        assert {path.name for path in folder.iterdir()} == {"journal.sqlite3", "journal.sqlite3-wal", "index.sqlite3"}


def test_where_no_index_can_be_made_a_search_says_what_to_do(tmp_path: Path) -> None:
    copy = left_by_a_kill(tmp_path)
    (copy / "index.sqlite3").unlink()
    with mounted_read_only(copy) as folder, contextlib.closing(Search(folder)) as search:
        assert len(search.page(Filter(), 10).entries) == 3
        with pytest.raises(JournalError, match="copy the folder"):
            search.page(Filter(operation=("chat",)), 10)


def test_a_folder_that_may_be_written_is_read_as_ever(tmp_path: Path) -> None:
    copy = left_by_a_kill(tmp_path)
    connection = open_to_read(copy / "journal.sqlite3", 1.0)

    assert connection.execute("SELECT count(*) FROM exchange").fetchone() == (3,)
    connection.close()
