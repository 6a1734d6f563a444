import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from service.journal.journal import Journal
from service.journal.open_rows import OpenRow, decode_open, encode_open, row_without_body
from service.journal.retrying_writer import FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, RetryingWriter
from service.journal.shedding import Losses
from service.record.exchange import EncodedRecord
from tests.journal.given import kept_ids, open_journal, opened, record, wait_until
from tests.journal.test_salvage import damage

Break = Callable[[Exception | None], None]
RefuseRows = Callable[[Callable[[Sequence[OpenRow]], Exception | None]], None]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path) as journal:
        yield journal


@pytest.fixture
def losses() -> Losses:
    return Losses()


@pytest.fixture
def writer(journal: Journal, losses: Losses) -> RetryingWriter:
    return RetryingWriter(journal, losses, max_bytes=100_000, max_records=100)


@pytest.fixture
def break_disk(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Break:
    write = Journal.write

    def break_with(error: Exception | None) -> None:
        def fail(journal: Journal, *given: Sequence[object]) -> None:
            if error is not None:
                raise error
            write(journal, *given)  # type: ignore[arg-type]

        monkeypatch.setattr(Journal, "write", fail)

    return break_with


def sqlite_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorcode = getattr(sqlite3, name)
    return error


@pytest.mark.parametrize("name", ["SQLITE_IOERR_WRITE", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_BUSY"])
def test_records_wait_in_order_until_the_disk_takes_them(
    tmp_path: Path, writer: RetryingWriter, losses: Losses, break_disk: Break, name: str
) -> None:
    writer.keep([record(1)])
    break_disk(sqlite_error(name))

    kept = [writer.keep([record(number)]) for number in range(2, 12)]

    assert not any(kept)
    assert writer.seconds_to_retry() is not None
    assert name in (writer.trouble or "")
    break_disk(None)
    wait_until(lambda: writer.keep())
    assert writer.seconds_to_retry() is None
    assert kept_ids(tmp_path) == list(range(1, 12))
    assert losses.total("records") == 0


def test_trying_again_becomes_rarer_but_never_stops(writer: RetryingWriter, break_disk: Break) -> None:
    break_disk(OSError(5, "Input/output error"))
    writer.keep([record(1)])
    waits = []
    for _ in range(8):
        waits.append(writer.seconds_to_retry() or 0)
        writer.retry()

    assert waits[0] == pytest.approx(FIRST_RETRY_SECONDS, abs=0.1)
    assert waits[1] > waits[0]
    assert max(waits) <= LAST_RETRY_SECONDS


def test_memory_keeps_bodies_as_long_as_there_is_room_then_records_and_counts_the_rest(
    tmp_path: Path, writer: RetryingWriter, losses: Losses, break_disk: Break
) -> None:
    break_disk(OSError(5, "Input/output error"))

    for number in range(1, 151):
        writer.keep([record(number, b"q" * 2000, b"a" * 2000)])

    assert writer.waiting == 100
    assert losses.total("records") == 50
    break_disk(None)
    writer.retry()
    assert kept_ids(tmp_path) == list(range(1, 101))
    with sqlite3.connect(tmp_path / "journal.sqlite3") as connection:
        (with_bodies,) = connection.execute("SELECT count(*) FROM exchange WHERE length(request) = 2000").fetchone()
    connection.close()
    assert with_bodies == 100 - losses.total("bodies")
    assert with_bodies >= 8


def test_a_record_that_the_database_refuses_does_not_take_others_with_it(
    tmp_path: Path, writer: RetryingWriter, losses: Losses
) -> None:
    records = [record(number) for number in range(1, 21)]
    records[7] = record(8, ended_ns=2**70)
    records[13] = record(14, ended_ns=-(2**70))

    assert writer.keep(records)

    assert kept_ids(tmp_path) == [number for number in range(1, 21) if number not in (8, 14)]
    assert losses.total("records") == 2
    assert writer.trouble is None


ROW = encode_open(opened(7))


@pytest.fixture
def refuse_rows(monkeypatch: pytest.MonkeyPatch) -> RefuseRows:
    """Let a write fail with what is said of its rows."""
    write = Journal.write

    def refuse(error_for: Callable[[Sequence[OpenRow]], Exception | None]) -> None:
        def fail(
            journal: Journal, records: Sequence[EncodedRecord], rows: Sequence[OpenRow], ids: Sequence[str]
        ) -> None:
            if (error := error_for(rows)) is not None:
                raise error
            write(journal, records, rows, ids)

        monkeypatch.setattr(Journal, "write", fail)

    return refuse


@pytest.mark.parametrize("name", ["SQLITE_BUSY", "SQLITE_FULL"])
def test_a_row_whose_first_write_failed_is_written_at_once_after_it(
    journal: Journal, writer: RetryingWriter, refuse_rows: RefuseRows, name: str
) -> None:
    errors = [sqlite_error(name)]
    refuse_rows(lambda rows: errors.pop() if rows and errors else None)

    assert writer.keep([record(1)], [ROW])

    assert writer.are_rows_written
    assert list(map(decode_open, journal.open_rows())) == [decode_open(ROW)]
    assert not writer.is_failing


def test_a_row_that_the_disk_does_not_take_keeps_the_trouble_going_but_no_record_waiting(
    journal: Journal, writer: RetryingWriter, refuse_rows: RefuseRows
) -> None:
    refuse_rows(lambda rows: sqlite_error("SQLITE_IOERR_WRITE") if rows else None)

    assert writer.keep([record(1)], [ROW])

    assert (writer.waiting, writer.are_rows_written) == (0, False)
    assert writer.seconds_to_retry() is not None
    refuse_rows(lambda rows: None)
    assert writer.retry([ROW])
    assert writer.are_rows_written
    assert list(map(decode_open, journal.open_rows())) == [decode_open(ROW)]
    assert writer.seconds_to_retry() is None


def test_a_row_for_whose_body_a_full_disk_has_no_room_is_written_without_it(
    journal: Journal, writer: RetryingWriter, refuse_rows: RefuseRows
) -> None:
    refuse_rows(lambda rows: sqlite_error("SQLITE_FULL") if any(head for _, _, head, _ in rows) else None)

    assert writer.keep((), [ROW])

    assert writer.are_rows_written
    assert list(map(decode_open, journal.open_rows())) == [decode_open(row_without_body(ROW))]


def test_a_row_that_the_database_refuses_is_not_tried_again(journal: Journal, writer: RetryingWriter) -> None:
    refused = (ROW[0], 2**70, b"", b"")

    assert writer.keep([record(1)], [refused])  # type: ignore[list-item]

    assert writer.are_rows_written
    assert journal.open_rows() == []
    assert writer.trouble is None


def test_damage_that_shows_while_writing_sets_the_file_aside_and_goes_on(
    tmp_path: Path, writer: RetryingWriter
) -> None:
    for number in range(1, 101):
        writer.keep([record(number, b"x" * 6000)])
    writer._journal.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    writer._journal.connection.execute("PRAGMA shrink_memory")
    (index,) = writer._journal.connection.execute(
        "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_exchange_1'"
    ).fetchone()
    damage(tmp_path / "journal.sqlite3", range(index, index + 1))

    writer._journal.connection.execute("PRAGMA cache_size = 0")
    writer._journal.reopen()
    writer.keep([record(101)])
    wait_until(lambda: not writer.is_failing or writer.retry())

    assert kept_ids(tmp_path)[-1] == 101
    assert len(kept_ids(tmp_path)) == 101
    assert len(list(tmp_path.glob("journal.sqlite3.corrupt-*"))) == 1


def test_what_still_waits_at_the_end_is_counted_as_lost(
    writer: RetryingWriter, losses: Losses, break_disk: Break
) -> None:
    break_disk(OSError(5, "Input/output error"))
    writer.keep([record(1), record(2)])

    writer.give_up()

    assert losses.total("records") == 2
    assert writer.waiting == 0
