import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from service.journal import JournalError
from service.journal.batch_writer import OPEN_AFTER_SECONDS
from service.journal.journal import Journal
from service.journal.reader import Reader
from service.journal.recorder import Recorder
from service.record.exchange import EncodedRecord, Exchange, OpenExchange
from tests.journal.given import ask, ended, identifier, kept_ids, make_record, make_recorder, opened, wait_until

Start = Callable[..., Awaitable[Recorder]]


@pytest_asyncio.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    started: list[Recorder] = []

    async def begin(**settings: Any) -> Recorder:
        recorder = make_recorder(tmp_path, **settings)
        await asyncio.to_thread(recorder.start, asyncio.get_running_loop())
        started.append(recorder)
        return recorder

    yield begin
    for recorder in started:
        await asyncio.to_thread(recorder.stop)


async def commit(recorder: Recorder, exchange: Exchange) -> None:
    is_committed = asyncio.Event()
    recorder.close(exchange, is_committed.set)
    await asyncio.wait_for(is_committed.wait(), 20)


def remove_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


class Gate:
    """Holds up the writer's thread in its next ``make_record`` until it is opened."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self.is_open = threading.Event()

    def make_record(self, exchange: Exchange) -> EncodedRecord:
        self.is_reached.set()
        assert self.is_open.wait(10)
        return make_record(exchange)


async def test_a_waiting_answer_is_let_go_in_the_loop_once_its_record_is_on_disk(tmp_path: Path, start: Start) -> None:
    recorder = await start()
    seen: list[tuple[list[int], threading.Thread]] = []

    recorder.close(ended(1), lambda: seen.append((kept_ids(tmp_path), threading.current_thread())))
    await asyncio.to_thread(wait_until, lambda: seen)

    assert seen == [([1], threading.main_thread())]


async def test_exchanges_are_numbered_in_the_order_in_which_they_ended(tmp_path: Path, start: Start) -> None:
    recorder = await start()

    for number in (3, 1, 2, *range(4, 700)):
        recorder.close(ended(number))
    await asyncio.to_thread(recorder.stop)

    assert kept_ids(tmp_path) == [3, 1, 2, *range(4, 700)]


async def test_stop_keeps_all_that_is_queued(tmp_path: Path, start: Start) -> None:
    gate = Gate()
    recorder = await start(make_record=gate.make_record)
    for number in range(1, 1001):
        recorder.close(ended(number))
    moved = recorder.submit(lambda journal: journal.move_cursor("loki", 5))

    stopping = asyncio.create_task(asyncio.to_thread(recorder.stop))
    gate.is_open.set()
    await stopping

    assert kept_ids(tmp_path) == list(range(1, 1001))
    assert moved.done()
    assert ask(tmp_path, "SELECT * FROM cursor") == [("loki", 5)]


async def test_an_exchange_that_ends_quickly_gets_no_row_of_its_own(tmp_path: Path, start: Start) -> None:
    masked: list[OpenExchange] = []

    def mask(request: OpenExchange) -> OpenExchange:
        masked.append(request)
        return request

    recorder = await start(make_open=mask)

    for number in range(1, 101):
        recorder.open(opened(number))
        recorder.close(ended(number))
    await commit(recorder, ended(101))
    await asyncio.sleep(0.06)

    # Where the machine stands still between the two calls, that one exchange has lasted.
    assert len(masked) < 10
    assert ask(tmp_path, "SELECT count(*) FROM open_exchange") == [(0,)]


async def test_an_exchange_that_goes_on_has_a_masked_row_until_it_ends(tmp_path: Path, start: Start) -> None:
    def mask(request: OpenExchange) -> OpenExchange:
        return opened(int(request.id, 16), b"masked")

    recorder = await start(make_open=mask)
    recorder.open(opened(1, b"secret"))

    await asyncio.to_thread(wait_until, lambda: ask(tmp_path, "SELECT count(*) FROM open_exchange") == [(1,)])
    assert ask(tmp_path, "SELECT id, head FROM open_exchange") == [(identifier(1), b"masked")]
    await commit(recorder, ended(1))
    assert ask(tmp_path, "SELECT count(*) FROM open_exchange") == [(0,)]


async def test_a_request_that_cannot_be_masked_is_written_without_its_body(tmp_path: Path, start: Start) -> None:
    def fail(request: OpenExchange) -> OpenExchange:
        raise ValueError("a defect")

    recorder = await start(make_open=fail)
    recorder.open(opened(1, b"secret"))

    await asyncio.to_thread(wait_until, lambda: ask(tmp_path, "SELECT count(*) FROM open_exchange") == [(1,)])
    assert ask(tmp_path, "SELECT head FROM open_exchange") == [(b"",)]


async def test_an_exchange_that_cannot_be_understood_is_kept_with_its_plain_facts(tmp_path: Path, start: Start) -> None:
    def fail(exchange: Exchange) -> EncodedRecord:
        if exchange.opened.id == identifier(2):
            raise RuntimeError("sk-secret")
        return make_record(exchange)

    recorder = await start(make_record=fail)
    for number in (1, 2, 3):
        recorder.close(ended(number, b"sk-secret"))
    await asyncio.to_thread(recorder.stop)

    reader = Reader(tmp_path)
    rows = reader.read_after(0, 10, 1 << 20)
    reader.close()
    assert [int(row.id, 16) for row in rows] == [1, 2, 3]
    assert b'"outcome":"completed"' in rows[1].line
    assert b"RuntimeError" in rows[1].line
    assert b"sk-secret" not in rows[1].line


async def test_a_slow_disk_holds_up_neither_open_nor_close_nor_the_loop(start: Start) -> None:
    gate = Gate()
    recorder = await start(make_record=gate.make_record)
    recorder.close(ended(1))
    await asyncio.to_thread(gate.is_reached.wait, 20)

    begun = time.perf_counter()
    for number in range(2, 202):
        recorder.open(opened(number))
        recorder.close(ended(number))
    took = time.perf_counter() - begun

    assert took < 20, "the gate is still shut"
    assert recorder.state().queued == 200
    gate.is_open.set()


async def test_under_pressure_bodies_go_first_then_records_and_each_is_counted(tmp_path: Path, start: Start) -> None:
    gate = Gate()
    recorder = await start(make_record=gate.make_record, max_queued_bytes=10_000, max_queued=50)
    recorder.close(ended(1))
    await asyncio.to_thread(gate.is_reached.wait, 20)
    released: list[int] = []

    for number in range(2, 102):
        recorder.open(opened(number))
        recorder.close(ended(number, b"q" * 500, b"a" * 500), partial(released.append, number))

    state = recorder.state()
    assert state.records_lost == 50
    assert released == list(range(52, 102)), "whoever waits for a lost record is let go at once"
    assert state.queued_bytes <= 10_000
    gate.is_open.set()
    await asyncio.to_thread(recorder.stop)
    assert kept_ids(tmp_path) == list(range(1, 52))
    with_bodies = ask(tmp_path, "SELECT count(*) FROM exchange WHERE length(request) = 500")[0][0]
    assert with_bodies + state.bodies_lost == 50
    assert with_bodies > 5
    assert ask(tmp_path, "SELECT count(*) FROM open_exchange") == [(0,)]


async def test_a_lost_record_does_not_look_like_a_crash_at_the_next_start(tmp_path: Path, start: Start) -> None:
    gate = Gate()
    recorder = await start(make_record=gate.make_record, max_queued=3)
    recorder.open(opened(1))
    recorder.close(ended(2))
    await asyncio.to_thread(gate.is_reached.wait, 20)
    for number in (3, 4, 5, 1):
        recorder.close(ended(number))

    gate.is_open.set()
    await asyncio.to_thread(recorder.stop)
    again = await start()
    await asyncio.to_thread(again.stop)

    assert recorder.state().records_lost == 1
    assert kept_ids(tmp_path) == [2, 3, 4, 5]


async def test_after_stop_nothing_is_recorded_and_nobody_waits(tmp_path: Path, start: Start) -> None:
    recorder = await start()
    await asyncio.to_thread(recorder.stop)
    released: list[int] = []

    recorder.close(ended(1), lambda: released.append(1))

    assert released == [1]
    assert recorder.state().records_lost == 1
    with pytest.raises(JournalError):
        recorder.submit(lambda journal: None).result(5)


async def test_a_broken_disk_lets_answers_go_and_records_are_written_once_it_is_back(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = await start()
    await commit(recorder, ended(1))
    write = Journal.write

    def fail(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Journal, "write", fail)
    begun = time.monotonic()
    for number in range(2, 202):
        recorder.open(opened(number))
        await commit(recorder, ended(number))
    # If each were held for 250 ms, it would take fifty seconds.
    assert time.monotonic() - begun < 20
    assert "Input/output error" in (recorder.degraded or "")
    await asyncio.to_thread(wait_until, lambda: recorder.state().waiting == 200)

    monkeypatch.setattr(Journal, "write", write)
    await asyncio.to_thread(wait_until, lambda: recorder.degraded is None)
    assert kept_ids(tmp_path) == list(range(1, 202))
    assert recorder.state().records_lost == 0


async def test_what_begins_while_another_program_holds_the_journal_gets_its_row_all_the_same(
    tmp_path: Path, start: Start
) -> None:
    recorder = await start()

    def open_while_held(seconds: float) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            loop.call_soon_threadsafe(recorder.open, opened(1))
            # Longer than the first write waits, shorter than the second.
            time.sleep(seconds)

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(open_while_held, OPEN_AFTER_SECONDS + 0.3)

    await asyncio.to_thread(wait_until, lambda: ask(tmp_path, "SELECT id FROM open_exchange") == [(identifier(1),)])


async def test_a_folder_that_was_deleted_is_made_again(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.journal.recorder.TIDY_SECONDS", 0.05)
    recorder = await start()
    await commit(recorder, ended(1))

    await asyncio.to_thread(remove_all, tmp_path)
    await asyncio.to_thread(wait_until, (tmp_path / "journal.sqlite3-wal").exists)
    await asyncio.to_thread(wait_until, lambda: recorder.degraded is None)
    await commit(recorder, ended(2))

    assert kept_ids(tmp_path) == [1, 2], "what was still open was read out of the deleted file"


async def test_work_is_done_on_the_writers_thread_and_fails_alone(tmp_path: Path, start: Start) -> None:
    recorder = await start()

    def fail(journal: Journal) -> None:
        journal.move_cursor("otlp", 9)
        raise LookupError("its own fault")

    recorder.submit(lambda journal: journal.move_cursor("loki", 3))
    failing = recorder.submit(fail)
    name = recorder.submit(lambda journal: threading.current_thread().name)

    assert await asyncio.wrap_future(name) == "journal"
    with pytest.raises(LookupError, match="its own fault"):
        await asyncio.wrap_future(failing)
    assert ask(tmp_path, "SELECT * FROM cursor") == [("loki", 3)]


async def test_who_subscribed_is_called_after_a_commit_and_a_faulty_listener_harms_nobody(start: Start) -> None:
    recorder = await start()
    heard = asyncio.Event()
    recorder.subscribe(partial(next, iter(())))
    recorder.subscribe(heard.set)

    await commit(recorder, ended(1))

    await asyncio.wait_for(heard.wait(), 20)


async def test_every_record_is_told_of_once_also_when_the_disk_did_not_take_it(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    recorder = await start(on_recorded=lambda records: told.extend(record.id for record in records))
    await commit(recorder, ended(1))

    def fail(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "write", fail)
        await commit(recorder, ended(2))
    await asyncio.to_thread(recorder.stop)

    assert told == [identifier(1), identifier(2)]


async def test_a_commit_that_does_not_come_back_shows_as_trouble(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.journal.recorder.STUCK_SECONDS", 0.01)
    gate = Gate()
    recorder = await start(make_record=gate.make_record)
    assert recorder.degraded is None
    recorder.close(ended(1))

    await asyncio.to_thread(wait_until, lambda: recorder.degraded)

    gate.is_open.set()
    await asyncio.to_thread(wait_until, lambda: recorder.degraded is None)


@pytest.mark.parametrize("is_strict", [True, False])
async def test_only_a_strict_recorder_lets_nobody_go_while_the_disk_does_not_take_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_strict: bool
) -> None:
    write, is_broken = Journal.write, True

    def fail(journal: Journal, *given: Any) -> None:
        if is_broken:
            raise OSError(5, "Input/output error")
        write(journal, *given)

    monkeypatch.setattr(Journal, "write", fail)
    recorder = make_recorder(tmp_path, is_strict=is_strict)
    await asyncio.to_thread(recorder.start, asyncio.get_running_loop())
    committed = [asyncio.Event() for _ in range(3)]
    for number, event in enumerate(committed, 1):
        recorder.close(ended(number), event.set)
        await asyncio.sleep(0.4)

    assert [event.is_set() for event in committed] == [not is_strict] * 3
    is_broken = False
    async with asyncio.timeout(20):
        await asyncio.gather(*(event.wait() for event in committed))
        while len(kept_ids(tmp_path)) < 3:
            await asyncio.sleep(0.01)
    await asyncio.to_thread(recorder.stop)
