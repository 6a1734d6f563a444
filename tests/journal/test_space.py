import contextlib
import sqlite3
import time
from pathlib import Path

from service.journal.journal import Journal
from service.journal.space import Retention, checkpoint, make_room, used_bytes, vacuum
from tests.journal.given import ask, kept_ids, open_journal, record

FOR_EVER = 36_500
DAY_NS = 86_400 * 10**9


def tidy(journal: Journal) -> None:
    while journal.tidy():
        pass


def test_records_older_than_the_limit_go_and_the_rest_stays(tmp_path: Path) -> None:
    now = time.time_ns()
    with open_journal(tmp_path, retention=Retention(days=2)) as journal:
        journal.write([record(number, ended_ns=now - 5 * DAY_NS) for number in range(1, 1201)])
        journal.write([record(2000, ended_ns=now - DAY_NS), record(2001, ended_ns=now)])
        journal.park("loki", 3, "too_old", "")
        tidy(journal)

    assert kept_ids(tmp_path) == [2000, 2001]
    assert ask(tmp_path, "SELECT count(*) FROM parked") == [(0,)]


def test_the_oldest_go_when_the_journal_is_too_large_and_the_file_shrinks(tmp_path: Path) -> None:
    with open_journal(tmp_path, retention=Retention(days=FOR_EVER, bytes=2_000_000)) as journal:
        for number in range(1, 401):
            journal.write([record(number, b"x" * 10_000, b"")])
        tidy(journal)
        assert used_bytes(journal.connection) <= 2_000_000

    kept = kept_ids(tmp_path)
    assert kept == list(range(kept[0], 401))
    assert len(kept) > 60
    assert (tmp_path / "journal.sqlite3").stat().st_size <= 2_000_000


def test_the_file_is_shorter_as_soon_as_it_is_tidied_though_nothing_is_recorded_any_more(tmp_path: Path) -> None:
    with open_journal(tmp_path, retention=Retention(days=FOR_EVER, bytes=200_000)) as journal:
        for number in range(1, 41):
            journal.write([record(number, b"x" * 10_000, b"")])
        checkpoint(journal.connection)
        assert (tmp_path / "journal.sqlite3").stat().st_size > 400_000
        tidy(journal)
        assert (tmp_path / "journal.sqlite3").stat().st_size <= 200_000


def test_nothing_goes_that_a_receiver_has_not_got_yet(tmp_path: Path) -> None:
    with open_journal(tmp_path, retention=Retention(days=1), receivers=("loki", "otlp")) as journal:
        journal.write([record(number) for number in range(1, 11)])
        journal.move_cursor("loki", 10)
        journal.move_cursor("somebody long gone", 0)
        tidy(journal)
        assert len(kept_ids(tmp_path)) == 10, "the other one has nothing yet"
        journal.move_cursor("otlp", 4)
        tidy(journal)

    assert kept_ids(tmp_path) == [5, 6, 7, 8, 9, 10]


def test_one_step_is_short_however_much_there_is_to_do(tmp_path: Path) -> None:
    with open_journal(tmp_path, retention=Retention(days=1)) as journal:
        journal.write([record(number) for number in range(1, 1301)])
        journal.write([record(number, b"x" * 1_000_000) for number in range(1301, 1311)])

        assert journal.tidy()
        assert len(kept_ids(tmp_path)) == 810
        journal.tidy()
        journal.tidy()
        assert 0 < len(kept_ids(tmp_path)) < 10, "bodies count, too"


def test_making_room_removes_the_oldest_though_a_receiver_lacks_them(tmp_path: Path) -> None:
    with open_journal(tmp_path, receivers=("loki",)) as journal:
        journal.write([record(number, b"x" * 10_000) for number in range(1, 101)])
        removed = make_room(journal.connection, journal.headroom, 50_000)

    assert removed
    assert kept_ids(tmp_path) == list(range(removed + 1, 101))
    assert removed < 20


def test_headroom_is_given_up_and_reserved_again(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        assert (tmp_path / "journal.headroom").stat().st_size == journal.headroom.size
        make_room(journal.connection, journal.headroom, 1)
        tidy(journal)

        assert journal.headroom.is_reserved()
        assert (tmp_path / "journal.sqlite3-wal").stat().st_size >= journal.headroom.size


def test_as_many_pages_as_asked_for_go_back_in_one_step(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "any.sqlite3", isolation_level=None)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("CREATE TABLE content (data BLOB)")
        connection.executemany("INSERT INTO content VALUES (?)", [(bytes(4000),)] * 300)
        connection.execute("DELETE FROM content WHERE rowid <= 200")
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        vacuum(connection, 150)
        assert connection.execute("PRAGMA freelist_count").fetchone() == (free - 150,)


def test_one_that_a_wrong_clock_let_end_in_the_future_holds_up_nobody(tmp_path: Path) -> None:
    now = time.time_ns()
    with open_journal(tmp_path, retention=Retention(days=30)) as journal:
        journal.write([record(1, ended_ns=now + 400 * DAY_NS)])
        journal.write([record(number, ended_ns=now - 60 * DAY_NS) for number in range(2, 701)])
        journal.write([record(701, ended_ns=now), record(702, ended_ns=now + 400 * DAY_NS)])
        tidy(journal)
    assert kept_ids(tmp_path) == [701, 702]
