import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from service.journal.reader import Row
from service.shipping.delivery import DeliveryState
from service.shipping.loki.receiver import make_receiver
from service.shipping.loki.settings import LokiSettings, login_headers
from service.shipping.pace import Pace
from service.shipping.receiver import Batch
from service.shipping.shipper import Shipper
from tests.fakes.loki import Answer, FakeLoki, Garbage, Hang, Limits, Script, StoreThen
from tests.shipping.rows import FAST, MemoryJournal, holds, loki_at, make_row, shipping

pytestmark = pytest.mark.blocks("the stand-in parses and stores thousands of entries in this same interpreter")
SECOND = 1_000_000_000


async def test_records_arrive_in_order_and_the_cursor_follows() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 1201)])
    async with FakeLoki() as fake, shipping(journal, loki_at(fake)) as shipper:
        await journal.wait_for_cursor(1200)
        assert [line.encode() for line in fake.lines()] == [row.line for row in journal.rows]
        assert journal.moves == [200, 400, 600, 800, 1000, 1200]
        await holds(lambda: shipper.delivery().oldest_unshipped_seconds == 0)
        delivery = shipper.delivery()
        assert (delivery.state, delivery.cursor, delivery.shipped, delivery.parked) == (
            DeliveryState.WELL,
            1200,
            1200,
            0,
        )
        assert delivery.last_success is not None
        assert delivery.last_error == ""


async def test_a_new_record_is_shipped_when_the_shipper_is_woken() -> None:
    journal = MemoryJournal()
    slow = Pace(linger=0.0, idle=3600.0)
    async with FakeLoki() as fake, shipping(journal, loki_at(fake), slow) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.WELL)
        journal.rows.append(make_row(1))
        shipper.wake()
        await journal.wait_for_cursor(1)


async def test_records_that_end_together_go_in_one_request() -> None:
    journal = MemoryJournal()
    async with FakeLoki() as fake, shipping(journal, loki_at(fake), Pace(linger=0.15, idle=3600.0)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.WELL)
        for number in range(1, 6):
            journal.rows.append(make_row(number))
            shipper.wake()
            await asyncio.sleep(0)
        await journal.wait_for_cursor(5)
        assert journal.moves == [5]


def _rows_a_millisecond_apart(count: int) -> list[Row]:
    now = time.time_ns()
    return [make_row(number, ended_ns=now - (count - number) * 1_000_000) for number in range(1, count + 1)]


async def test_whatever_loki_answers_every_record_arrives_once_and_in_order(records_to_ship: int) -> None:
    """Away for the whole backlog, then back with every kind of trouble, with one line that it will never take."""
    rows: list[Row] = await asyncio.to_thread(_rows_a_millisecond_apart, records_to_ship)
    bad = records_to_ship * 2 // 3
    rows[bad - 1] = make_row(bad, ended_ns=rows[bad - 1].ended_ns, response_text="x" * 300_000)
    journal = MemoryJournal()
    trouble: list[Script] = [
        Answer(429, "ingestion rate limit exceeded", {"Retry-After": "0"}),
        Answer(500, "internal error"),
        Answer(260, "ingestion blocked for user 'fake' until 'x' with status code '260'"),
        Garbage(),
        Garbage(b"HTTP/1.1 204 \r\nContent-Length: -1\r\n\r\n"),
        Hang(),
        StoreThen(503),
        StoreThen(500),
        Answer(504),
        Answer(200, "<html>captive portal</html>", {"Content-Type": "text/html"}),
    ]
    fake = FakeLoki(trouble)
    await fake.start()
    await fake.stop()
    async with shipping(journal, loki_at(fake, timeout=0.5)) as shipper:
        for row in rows:
            journal.rows.append(row)
        shipper.wake()
        await holds(lambda: shipper.delivery().state is DeliveryState.FAILING)
        assert journal.cursor == 0
        assert shipper.delivery().oldest_unshipped_seconds > 0
        await fake.start()
        await journal.wait_for_cursor(records_to_ship, seconds=120)
        await fake.stop()
    expected = [row.line.decode() for row in rows if row.number != bad]
    assert fake.lines() == expected
    assert len(fake.lines("spans")) == 5 * records_to_ship
    assert fake.duplicates > 0, "what was stored before a 503 is sent again and dropped by Loki"
    assert list(journal.parked) == [bad]
    assert journal.parked[bad][0] == "line_too_long"
    assert not fake.script


async def test_several_bad_lines_are_parked_each_with_its_own_reason() -> None:
    now = time.time_ns()
    rows: list[Row] = [make_row(number, ended_ns=now) for number in range(1, 101)]
    rows[0] = make_row(1, ended_ns=now - 8 * 24 * 3600 * SECOND)
    rows[41] = make_row(42, ended_ns=now, response_text="x" * 300_000)
    rows[99] = make_row(100, ended_ns=now + 3600 * SECOND)
    journal = MemoryJournal(rows)
    async with FakeLoki() as fake, shipping(journal, loki_at(fake)) as shipper:
        await journal.wait_for_cursor(100)
        assert len(fake.lines()) == 97
        delivery = shipper.delivery()
    assert {number: reason for number, (reason, _) in journal.parked.items()} == {
        1: "greater_than_max_sample_age",
        42: "line_too_long",
        100: "too_far_in_future",
    }
    assert (delivery.parked, delivery.late) == (3, 1)


async def test_a_record_that_cannot_be_encoded_is_parked_and_blocks_nothing() -> None:
    rows: list[Row] = [make_row(number) for number in range(1, 11)]
    rows[6] = _with_line(rows[6], b'{"time": "2026')
    rows[7] = _with_line(rows[7], b"[]")
    journal = MemoryJournal(rows)
    async with FakeLoki() as fake, shipping(journal, loki_at(fake)):
        await journal.wait_for_cursor(10)
        assert len(fake.lines()) == 8
    assert {reason for reason, _ in journal.parked.values()} == {"unencodable"}
    assert list(journal.parked) == [7, 8]


def _with_line(row: Row, line: bytes) -> Row:
    return replace(row, line=line)


async def test_a_request_that_is_too_large_is_halved_until_it_passes() -> None:
    journal = MemoryJournal([make_row(number, request_body="x" * 9_000) for number in range(1, 65)])
    async with FakeLoki(limits=Limits(max_request_bytes=100_000)) as fake, shipping(journal, loki_at(fake)):
        await journal.wait_for_cursor(64)
        assert len(fake.lines()) == 64
        assert fake.duplicates == 0
    assert journal.parked == {}


async def test_a_request_never_grows_beyond_what_the_receiver_takes() -> None:
    journal = MemoryJournal([make_row(number, request_body="x" * 9_000) for number in range(1, 65)])
    async with FakeLoki() as fake, shipping(journal, loki_at(fake, most_bytes=100_000)):
        await journal.wait_for_cursor(64)
        assert all(len(body) <= 100_000 for body in fake.bodies)
        assert len(fake.lines()) == 64


async def test_overload_without_progress_makes_smaller_requests() -> None:
    limits = Limits(bytes_per_second=1e9, burst_bytes=60_000)
    journal = MemoryJournal([make_row(number, request_body="x" * 9_000) for number in range(1, 33)])
    async with FakeLoki(limits=limits) as fake, shipping(journal, loki_at(fake)):
        await journal.wait_for_cursor(32)
        assert len(fake.lines()) == 32


async def test_a_backlog_is_sent_no_faster_than_the_receivers_rate() -> None:
    journal = MemoryJournal([make_row(number, request_body="x" * 5_000) for number in range(1, 101)])
    async with FakeLoki() as fake:
        receiver = loki_at(fake, bytes_per_second=1_000_000, most_records=10)
        began = time.monotonic()
        async with shipping(journal, receiver):
            await journal.wait_for_cursor(100)
        sent = sum(len(body) for body in fake.bodies)
        assert sent > 1_200_000
        # One second's worth may go at once, and the last request on credit.
        assert time.monotonic() - began >= sent / 1_000_000 - 1 - 0.2


async def test_retry_after_is_waited_for() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeLoki([Answer(429, "", {"Retry-After": "1"})]) as fake, shipping(journal, loki_at(fake)):
        began = time.monotonic()
        await journal.wait_for_cursor(1)
        assert time.monotonic() - began >= 0.99


async def test_credentials_and_tenant_reach_the_receiver() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeLoki(limits=Limits(token="t0k")) as fake:
        loki = LokiSettings(fake.url, login_headers(tenant="team-a", token="t0k"))
        receiver = make_receiver(loki, "test")
        async with shipping(journal, receiver):
            await journal.wait_for_cursor(1)
        headers = fake.requests[-1].headers
    assert headers["X-Scope-OrgID"] == "team-a"
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("ollama-recorder/")


async def test_a_stop_while_the_receiver_hangs_ends_soon_and_loses_nothing() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeLoki([Hang()]) as fake:
        async with shipping(journal, loki_at(fake, timeout=60.0)) as shipper:
            await holds(lambda: len(fake.requests) == 1)
            began = time.monotonic()
            await shipper.stop(within=0.2)
            assert time.monotonic() - began < 20
        assert journal.cursor == 0
        async with shipping(journal, loki_at(fake)):
            await journal.wait_for_cursor(1)
        assert len(fake.lines()) == 1


async def test_a_stop_sends_what_is_in_the_journal_already() -> None:
    journal = MemoryJournal()
    async with FakeLoki() as fake:
        async with shipping(journal, loki_at(fake), Pace(linger=0.0, idle=3600.0)) as shipper:
            await holds(lambda: shipper.delivery().state is DeliveryState.WELL)
            journal.rows.append(make_row(1))
        assert journal.cursor == 1


async def test_a_stop_during_back_off_does_not_wait_for_it() -> None:
    journal = MemoryJournal([make_row(1)])
    fake = FakeLoki()
    await fake.start()
    await fake.stop()
    slow = Pace(first_delay=1000.0, longest_delay=1000.0)
    async with shipping(journal, loki_at(fake), slow) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.FAILING)
        began = time.monotonic()
        await shipper.stop()
        assert time.monotonic() - began < 20


async def test_trouble_with_the_journal_is_told_and_gets_over() -> None:
    journal = MemoryJournal([make_row(1)], read_error=OSError("disk I/O error"))
    async with FakeLoki() as fake, shipping(journal, loki_at(fake)) as shipper:
        await holds(lambda: "disk I/O error" in shipper.delivery().last_error)
        journal.read_error = None
        await journal.wait_for_cursor(1)


async def test_a_cursor_that_cannot_be_written_does_not_hold_up_the_records_behind_it() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 1001)])
    failures = iter([OSError("disk full")])

    async def move_cursor(receiver: str, number: int) -> None:
        for failure in failures:
            raise failure
        await journal.move_cursor(receiver, number)

    async with FakeLoki() as fake:
        shipper = Shipper(
            loki_at(fake),
            read_after=journal.read_after,
            read_cursor=journal.read_cursor,
            move_cursor=move_cursor,
            park=journal.park,
            pace=FAST,
        )
        shipper.start()
        await journal.wait_for_cursor(1000)
        await shipper.stop()
        assert len(fake.lines()) == 1000
        assert fake.duplicates == 0


async def test_a_journal_that_was_lost_and_begun_anew_is_shipped_from_its_beginning() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 101)])
    async with FakeLoki() as fake, shipping(journal, loki_at(fake)) as shipper:
        await journal.wait_for_cursor(100)
        journal.rows, journal.cursor = [make_row(1, model="after")], 0
        shipper.wake()
        await journal.wait_for_cursor(1)
        await holds(lambda: '"model":"after"' in fake.lines()[-1])


async def test_what_is_not_for_a_receiver_is_passed_over_without_a_request() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 4)])
    async with FakeLoki() as fake:
        receiver = loki_at(fake, encode=lambda rows: Batch(b"", 0) if rows else Batch(b"{}", 2))
        async with shipping(journal, receiver) as shipper:
            await journal.wait_for_cursor(3)
            assert shipper.delivery().shipped == 0
    assert fake.lines() == []
    assert journal.parked == {}


async def test_reading_and_encoding_stay_off_the_event_loop() -> None:
    journal = MemoryJournal([make_row(1)])
    threads: set[int] = set()

    def noting(work: Callable[..., Any]) -> Callable[..., Any]:
        def work_and_note(*arguments: Any) -> Any:
            threads.add(threading.get_ident())
            return work(*arguments)

        return work_and_note

    async with FakeLoki() as fake:
        receiver = loki_at(fake)
        journal.read_after = noting(journal.read_after)  # type: ignore[method-assign]
        async with shipping(journal, replace(receiver, encode=noting(receiver.encode))):
            await journal.wait_for_cursor(1)
    assert threads
    assert threading.get_ident() not in threads
