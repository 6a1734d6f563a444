import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.journal import JournalError
from service.search.filters import Filter
from service.search.index import INDEX, PARTITION_NUMBERS
from service.search.indexing import Indexer, IndexingThread, IndexState
from service.search.search import Search
from tests.journal.given import bytes_kept, open_journal, wait_until
from tests.search.indexed import ask_index, erase_from_journal, index, make_noise_of_a_name, said, write


@pytest.fixture
def indexer(tmp_path: Path) -> Iterator[Indexer]:
    with contextlib.closing(Indexer(tmp_path)) as indexer:
        yield indexer


def found(folder: Path, text: str) -> list[int]:
    with contextlib.closing(Search(folder)) as search:
        return [number for numbers in search.numbers(Filter(text=text)) for number in numbers]


def test_what_the_journal_has_is_indexed_once(tmp_path: Path, indexer: Indexer) -> None:
    told: list[tuple[int, int]] = []
    write(tmp_path, [said(number, "alpha") for number in range(1, 251)])

    assert indexer.catch_up(progress=lambda *so_far: told.append(so_far)) == 250
    assert told[0][0] + told[0][1] == 250
    assert told[-1] == (250, 0)
    assert indexer.catch_up() == 0

    write(tmp_path, [said(251, "alpha beta")])
    assert indexer.catch_up() == 1
    assert found(tmp_path, "alpha") == list(range(251, 0, -1))
    assert found(tmp_path, "beta") == [251]


@pytest.mark.parametrize("column", ["started_ns", "ended_ns", "method", "operation", "outcome", "line"])
@pytest.mark.parametrize("value", [5, 1e300, "text", b"bytes"], ids=repr)
def test_a_record_with_a_value_of_another_kind_is_not_in_the_way(
    tmp_path: Path, indexer: Indexer, column: str, value: object
) -> None:
    write(tmp_path, [said(number, "alpha") for number in (1, 2, 3)])
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as connection, connection:
        connection.execute(f"UPDATE exchange SET {column} = ? WHERE number = 2", (value,))
    assert indexer.catch_up() == 3
    assert set(found(tmp_path, "alpha")) >= {1, 3}


def test_several_that_index_at_once_index_everything_once(tmp_path: Path) -> None:
    write(tmp_path, [said(number, "alpha") for number in range(1, 1501)])

    with ThreadPoolExecutor(4) as threads:
        counts = list(threads.map(lambda _: index(tmp_path), range(4)))

    assert sum(counts) == 1500
    assert len(found(tmp_path, "alpha")) == 1500


def test_catching_up_stops_when_it_is_told_to(tmp_path: Path, indexer: Indexer) -> None:
    write(tmp_path, [said(number) for number in range(1, 301)])
    answers = iter([False, True])

    assert indexer.catch_up(lambda: next(answers)) == 100
    assert indexer.step().behind == 100


def test_without_a_journal_there_is_nothing_to_index(indexer: Indexer) -> None:
    with pytest.raises(JournalError, match="no journal"):
        indexer.catch_up()


@pytest.mark.parametrize(
    "damage", ["deleted", "overwritten", "other form", "table dropped", "a page is noise", "a name is noise"]
)
def test_an_index_that_is_of_no_use_is_made_anew(tmp_path: Path, damage: str) -> None:
    write(tmp_path, [said(number, "alpha") for number in range(1, 301)])
    index(tmp_path)
    path = tmp_path / INDEX
    match damage:
        case "deleted":
            path.unlink()
        case "overwritten":
            path.write_bytes(b"not a database " * 1000)
        case "other form":
            ask_index(tmp_path, "PRAGMA user_version = 0")
        case "table dropped":
            ask_index(tmp_path, "DROP TABLE about")
        case "a name is noise":
            ask_index(tmp_path, "PRAGMA wal_checkpoint(TRUNCATE)")
            make_noise_of_a_name(path)
        case "a page is noise":
            path.write_bytes(path.read_bytes()[:8192] + b"\xff" * 16384 + path.read_bytes()[24576:])

    assert index(tmp_path) == 300
    assert len(found(tmp_path, "alpha")) == 300


def test_an_index_that_is_replaced_under_an_open_one_is_noticed(tmp_path: Path, indexer: Indexer) -> None:
    write(tmp_path, [said(1, "alpha")])
    with contextlib.closing(Search(tmp_path)) as search:
        indexer.catch_up()
        assert search.count(Filter(text="alpha")) == 1
        for path in tmp_path.glob(f"{INDEX}*"):
            path.unlink()

        assert indexer.catch_up() == 1
        assert search.count(Filter(text="alpha")) == 1


def test_damage_that_a_search_finds_is_mended_by_the_next_that_indexes(tmp_path: Path) -> None:
    write(tmp_path, [said(number, "alpha") for number in range(1, 301)])
    index(tmp_path)
    (root,) = ask_index(tmp_path, "SELECT rootpage FROM sqlite_master WHERE name = 'text_0_data'")[0]
    with (tmp_path / INDEX).open("r+b") as file:
        file.seek((root - 1) * 8192)
        file.write(b"\xff" * 8192)

    with contextlib.closing(Search(tmp_path)) as search:
        with pytest.raises(JournalError, match="cannot be read"):
            search.count(Filter(text="alpha"))
        index(tmp_path)
        assert search.count(Filter(text="alpha")) == 300


@pytest.mark.long
def test_what_expired_in_the_journal_expires_in_the_index(tmp_path: Path, indexer: Indexer) -> None:
    count = 2 * PARTITION_NUMBERS + 10
    write(tmp_path, [said(number, "alpha", workflow=f"w{number // 4000}") for number in range(1, count + 1)])
    indexer.catch_up()
    oldest = PARTITION_NUMBERS + 100
    erase_from_journal(tmp_path, range(1, oldest))

    indexer.catch_up()

    assert ask_index(tmp_path, "SELECT min(number) FROM fact") == [(oldest,)]
    assert ask_index(tmp_path, "SELECT number FROM partition") == [(1,), (2,)]
    assert ask_index(tmp_path, "SELECT name FROM sqlite_master WHERE name = 'text_0'") == []
    assert ("w0",) not in ask_index(tmp_path, "SELECT text FROM name")
    assert len(found(tmp_path, "alpha")) == count - oldest + 1

    erase_from_journal(tmp_path, range(oldest, count + 1))
    indexer.catch_up()
    assert ask_index(tmp_path, "SELECT count(*) FROM fact") == [(0,)]


def test_of_what_is_erased_no_byte_stays(tmp_path: Path, indexer: Indexer) -> None:
    count = PARTITION_NUMBERS + 500
    secret = {
        number: (f"zqsecretprompt{number}", f"zqsecretanswer{number}", f"zqsecretuser{number}")
        for number in (1, 700, PARTITION_NUMBERS + 3, count)
    }
    records = []
    for number in range(1, count + 1):
        prompt, answer, user = secret.get(number, (f"prompt{number}", f"answer{number}", f"user{number % 300}"))
        records.append(said(number, f"alpha {prompt}", f"beta {answer}", user=user, execution_id=f"of {user}"))
    write(tmp_path, records)
    indexer.catch_up()
    before = bytes_kept(tmp_path, f"{INDEX}*")
    # Full text keeps of a word only what differs from the one before it.
    assert all(word in before for word in (b"zqsecretuser700", b"zqsecretanswer1", b"prompt1"))

    erase_from_journal(tmp_path, list(secret))
    assert indexer.erase(list(secret))

    kept = bytes_kept(tmp_path, f"{INDEX}*")
    for words in secret.values():
        for word in words:
            assert word.encode() not in kept
    assert b"zqs" not in kept
    assert b"ecretprompt" not in kept
    assert b"user299" in kept
    assert len(found(tmp_path, "alpha")) == count - len(secret)
    assert indexer.catch_up() == 0


def test_erasing_is_finished_when_a_reader_lets_go(tmp_path: Path, indexer: Indexer) -> None:
    write(tmp_path, [said(1, "alpha"), said(2, "zqsecret")])
    indexer.catch_up()
    with contextlib.closing(sqlite3.connect(tmp_path / INDEX, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM fact").fetchall()
        erase_from_journal(tmp_path, [2])
        assert not indexer.erase([2], seconds=0.05)
        assert found(tmp_path, "zqsecret") == [], "it is not found any more"
        reader.execute("COMMIT")

        indexer.catch_up()
        assert b"zqsecret" not in bytes_kept(tmp_path, f"{INDEX}*")


def test_an_erasure_that_a_crash_interrupted_is_finished(tmp_path: Path, indexer: Indexer) -> None:
    write(tmp_path, [said(number, f"alpha zqsecret{number}") for number in range(1, 6)])
    indexer.catch_up()
    erase_from_journal(tmp_path, [2, 3])
    # The crash came after the journal's part and before the index's.
    assert indexer.erase_missing() == 2
    assert indexer.erase_missing() == 0
    assert b"zqsecret2" not in bytes_kept(tmp_path, f"{INDEX}*")

    erase_from_journal(tmp_path, [4])
    # It came when the index had begun.
    with contextlib.closing(sqlite3.connect(tmp_path / INDEX, isolation_level=None)) as connection:
        connection.execute("INSERT OR IGNORE INTO erasing VALUES (4)")
    indexer.catch_up()
    assert found(tmp_path, "alpha") == [5, 1]
    assert ask_index(tmp_path, "SELECT count(*) FROM erasing") == [(0,)]


def test_erasing_what_is_not_indexed_yet_leaves_the_rest_to_come(tmp_path: Path, indexer: Indexer) -> None:
    write(tmp_path, [said(number, "alpha") for number in range(1, 301)])
    indexer.step()
    erase_from_journal(tmp_path, [50, 250])

    assert indexer.erase([50, 250])
    indexer.catch_up()

    assert found(tmp_path, "alpha") == [number for number in range(300, 0, -1) if number not in (50, 250)]


def test_the_thread_indexes_what_it_is_woken_for(tmp_path: Path) -> None:
    others = set(threading.enumerate())
    thread = IndexingThread(tmp_path)
    thread.start()
    try:
        wait_until(lambda: thread.state().trouble)
        assert "no journal" in str(thread.state().trouble)
        with open_journal(tmp_path) as journal:
            journal.write([said(1, "alpha")])
            wait_until(lambda: thread.state().number == 1)
            assert thread.state().trouble is None
            journal.write([said(2, "alpha")])
            thread.wake()
            wait_until(lambda: thread.state().number == 2, 2.0)
        assert found(tmp_path, "alpha") == [2, 1]
    finally:
        thread.stop()
    thread.stop()
    assert not any(running.name == "index" for running in set(threading.enumerate()) - others)


def test_the_thread_goes_on_after_trouble(tmp_path: Path) -> None:
    write(tmp_path, [said(1, "alpha")])
    (tmp_path / INDEX).mkdir()
    thread = IndexingThread(tmp_path)
    thread.start()
    try:
        wait_until(lambda: thread.state().trouble)
        (tmp_path / INDEX).rmdir()
        wait_until(lambda: thread.state().number == 1)
        assert thread.state().trouble is None
    finally:
        thread.stop()


def test_how_far_behind_it_is_is_not_known_before_it_was_looked_at(tmp_path: Path) -> None:
    thread = IndexingThread(tmp_path)
    try:
        # There is no journal yet.
        thread.start()
        assert thread.state().behind is None
        write(tmp_path, [said(number) for number in range(1, 4)])
        thread.wake()
        wait_until(lambda: thread.state() == IndexState(3, 0))
    finally:
        thread.stop()


def test_it_is_known_as_soon_as_there_is_an_index_to_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, [said(number) for number in range(1, 301)])
    thread = IndexingThread(tmp_path)
    may_go_on = threading.Event()
    monkeypatch.setattr(thread, "_check", may_go_on.wait)
    try:
        thread.start()
        assert thread.state() == IndexState(100, 200)
    finally:
        may_go_on.set()
        thread.stop()


def test_the_thread_leaves_most_of_a_core_to_others_while_exchanges_are_going_on(tmp_path: Path) -> None:
    write(tmp_path, [said(number, "alpha beta gamma " * 300) for number in range(1, 601)])
    thread = IndexingThread(tmp_path)
    thread.wake()
    begun, used = time.monotonic(), time.process_time()
    thread.start()
    try:
        while thread.state().behind != 0 or not thread.state().number:
            thread.wake()
            time.sleep(0.01)
        share = (time.process_time() - used) / (time.monotonic() - begun)
    finally:
        thread.stop()

    # A twentieth, and what this test and the system take.
    assert share < 0.3


def test_new_ones_are_indexed_though_the_journal_cannot_be_counted_through_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(indexer: Indexer) -> int:
        raise JournalError("the journal took more than 60 seconds to answer")

    monkeypatch.setattr(Indexer, "erase_missing", fail)
    write(tmp_path, [said(1, "alpha")])
    thread = IndexingThread(tmp_path)
    thread.start()
    try:
        wait_until(lambda: thread.state().number == 1)
    finally:
        thread.stop()
