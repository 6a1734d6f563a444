import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from service.journal import JournalError
from service.journal.batch_writer import OPEN_AFTER_SECONDS, BatchWriter
from service.journal.journal import Journal
from service.journal.open_rows import OpenRow, encode_open
from service.journal.retrying_writer import RetryingWriter
from service.journal.shedding import Losses
from service.journal.write_queue import WriteBatch
from service.record.exchange import EncodedRecord
from tests.journal.given import as_it_is, ask, ended, identifier, kept_ids, make_record, open_journal, opened

LONG_AGO = 1.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path) as journal:
        yield journal


@pytest.fixture
def told() -> list[EncodedRecord]:
    return []


@pytest.fixture
def batch_writer(journal: Journal, told: list[EncodedRecord]) -> BatchWriter:
    def wake(waiting: list[Callable[[], None]]) -> None:
        for callback in waiting:
            callback()

    return BatchWriter(
        journal,
        RetryingWriter(journal, Losses(), max_bytes=1 << 20, max_records=100),
        make_record=make_record,
        make_open=as_it_is,
        on_recorded=told.extend,
        wake=wake,
    )


def open_ids(folder: Path) -> list[int]:
    return [int(name, 16) for (name,) in ask(folder, "SELECT id FROM open_exchange ORDER BY rowid")]


def test_only_what_goes_on_for_a_while_gets_a_row(tmp_path: Path, batch_writer: BatchWriter) -> None:
    batch_writer.recover()
    now = time.monotonic()

    batch_writer.write(
        WriteBatch(
            opened=[(now - LONG_AGO, opened(1)), (now - LONG_AGO, opened(2)), (now, opened(3))], exchanges=[ended(2)]
        )
    )

    assert open_ids(tmp_path) == [1]
    assert kept_ids(tmp_path) == [2]
    assert 0 <= (batch_writer.seconds_to_next_open_row() or 0) <= OPEN_AFTER_SECONDS
    batch_writer.write(WriteBatch(exchanges=[ended(1), ended(3)]))
    assert open_ids(tmp_path) == []
    assert batch_writer.seconds_to_next_open_row() is None


def test_a_row_that_another_program_kept_from_being_written_is_tried_again(
    tmp_path: Path, batch_writer: BatchWriter
) -> None:
    batch_writer.recover()
    batch = WriteBatch(opened=[(time.monotonic() - LONG_AGO, opened(1))], exchanges=[ended(2)])
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        batch_writer.write(batch)
    assert open_ids(tmp_path) == []

    time.sleep(batch_writer._retrying_writer.seconds_to_retry() or 0)
    batch_writer.write(WriteBatch())

    assert open_ids(tmp_path) == [1]
    assert kept_ids(tmp_path) == [2]
    batch_writer.write(WriteBatch(exchanges=[ended(1)]))
    assert open_ids(tmp_path) == []
    assert kept_ids(tmp_path) == [2, 1]


def test_a_record_counts_as_committed_also_where_a_row_beside_it_has_to_wait(
    tmp_path: Path, batch_writer: BatchWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write

    def fail(journal: Journal, records: Sequence[EncodedRecord], rows: Sequence[OpenRow], ids: Sequence[str]) -> None:
        if rows:
            raise OSError(5, "Input/output error")
        write(journal, records, rows, ids)

    batch_writer.recover()
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "write", fail)
        batch_writer.write(WriteBatch(opened=[(time.monotonic() - LONG_AGO, opened(1))], exchanges=[ended(2)]))

    assert (batch_writer.committed, kept_ids(tmp_path), open_ids(tmp_path)) == (1, [2], [])
    time.sleep(batch_writer._retrying_writer.seconds_to_retry() or 0)
    batch_writer.write(WriteBatch())
    assert open_ids(tmp_path) == [1]


def test_at_the_end_whatever_is_still_open_gets_its_row(tmp_path: Path, batch_writer: BatchWriter) -> None:
    batch_writer.recover()

    batch_writer.write(WriteBatch(opened=[(time.monotonic(), opened(1))], is_last=True))

    assert open_ids(tmp_path) == [1]


def test_what_a_crash_left_open_is_recorded_where_damage_made_a_text_of_its_bytes(
    journal: Journal, batch_writer: BatchWriter, told: list[EncodedRecord]
) -> None:
    journal.write([], [encode_open(opened(1))])
    for column, kind in (("id", "BLOB"), ("facts", "BLOB"), ("head", "TEXT"), ("tail", "TEXT")):
        journal.connection.execute(f"UPDATE open_exchange SET {column} = CAST({column} AS {kind})")
    batch_writer.recover()
    assert [(record.id, record.request) for record in told] == [(identifier(1), b"question")]


def test_what_a_crash_left_open_is_recorded_where_its_facts_are_no_text_any_more(
    journal: Journal, batch_writer: BatchWriter, told: list[EncodedRecord]
) -> None:
    journal.write([], [encode_open(opened(1))])
    journal.connection.execute("UPDATE open_exchange SET facts = CAST(x'7bff' AS TEXT)")
    batch_writer.recover()
    assert [(record.id, record.request) for record in told] == [(identifier(1), b"question")]


def test_what_a_crash_left_open_is_recorded_once_in_portions(
    tmp_path: Path, journal: Journal, batch_writer: BatchWriter, told: list[EncodedRecord]
) -> None:
    journal.write([make_record(ended(500))], [encode_open(opened(number)) for number in range(1, 121)])

    batch_writer.recover()
    batch_writer.recover()

    assert kept_ids(tmp_path) == [500, *range(1, 121)]
    assert len(told) == 120
    assert {record.outcome for record in told} == {"gateway_died"}
    assert {record.ended_ns for record in told} == {ended(500).ended_ns}
    assert open_ids(tmp_path) == []


def test_a_listener_that_fails_does_not_stop_the_writer(
    tmp_path: Path, batch_writer: BatchWriter, told: list[EncodedRecord]
) -> None:
    def fail(records: list[EncodedRecord]) -> None:
        raise ValueError

    batch_writer._on_recorded = fail

    batch_writer.write(WriteBatch(exchanges=[ended(1)]))
    batch_writer.write(WriteBatch(exchanges=[ended(2)]))

    assert kept_ids(tmp_path) == [1, 2]


def test_whoever_waits_goes_on_before_a_record_is_counted(
    batch_writer: BatchWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    batch_writer._on_recorded = lambda records: order.append("counted")
    # Only while this thread waits can the event loop go on.
    monkeypatch.setattr("time.sleep", lambda seconds: order.append("waited"))

    batch_writer.write(WriteBatch(exchanges=[ended(1)], on_committed=[lambda: order.append("called")]))
    batch_writer.write(WriteBatch(exchanges=[ended(2)]))

    assert order == ["called", "waited", "counted", "counted"]


def test_work_that_was_cancelled_is_not_done(tmp_path: Path, batch_writer: BatchWriter) -> None:
    cancelled: Future[None] = Future()
    cancelled.cancel()

    batch_writer.write(WriteBatch(works=[(lambda journal: journal.move_cursor("loki", 1), cancelled)]))

    assert ask(tmp_path, "SELECT * FROM cursor") == []


def test_work_on_a_journal_that_is_not_open_fails_with_a_reason(journal: Journal, batch_writer: BatchWriter) -> None:
    journal.close()
    future: Future[None] = Future()

    batch_writer.write(WriteBatch(works=[(lambda journal: journal.move_cursor("loki", 1), future)]))

    with pytest.raises(JournalError, match="could not be written"):
        future.result(0)


def test_ids_of_lost_records_take_their_rows_with_them(tmp_path: Path, batch_writer: BatchWriter) -> None:
    batch_writer.recover()
    batch_writer.write(WriteBatch(opened=[(time.monotonic() - LONG_AGO, opened(1))]))

    batch_writer.write(WriteBatch(no_longer_open=[identifier(1)]))

    assert open_ids(tmp_path) == []
    assert kept_ids(tmp_path) == []
