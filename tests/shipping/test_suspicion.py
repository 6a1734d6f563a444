"""A refusal that is about us parks nothing; one that is about a record parks that record."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from service.settings import read_settings
from service.shipping.delivery import DeliveryState
from service.shipping.otlp.receiver import want_otlp
from service.shipping.receiver import Decision, Receiver, Verdict
from service.shipping.suspicion import Suspicion, to_try
from tests.fakes.loki import Answer as LokiAnswer
from tests.fakes.loki import FakeLoki
from tests.fakes.otlp import Answer, FakeOtlp
from tests.shipping.rows import MemoryJournal, holds, loki_at, make_row, shipping

pytestmark = pytest.mark.blocks("the stand-ins decode and keep what they get in this same interpreter")
MINUTE = 60_000_000_000


def otlp_at(fake: FakeOtlp, **environment: str) -> Receiver:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": fake.url, **environment}
    wanted = want_otlp(read_settings(given), given)
    assert wanted is not None
    return wanted.prepare()("box-1")


def is_of(*numbers: int) -> Callable[[Span], bool]:
    ids = {bytes.fromhex(f"{number:032x}") for number in numbers}
    return lambda span: span.trace_id in ids


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (422, b'{"detail":[{"loc":["header","x-mlflow-experiment-id"]}]}', {}),
        (422, b"Failed to log OpenTelemetry spans", {}),
        (400, b"unknown field", {}),
        (401, b"", {}),
        (403, b"", {}),
        (404, b"Not Found", {}),
        (409, b"", {}),
        (413, b"", {}),
        (500, b"database is locked", {}),
        (501, b"", {}),
        (302, b"", {"Location": "/login"}),
        (200, b"<html>Sign in</html>", {"Content-Type": "text/html"}),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 75])
async def test_while_an_otlp_receiver_refuses_everything_nothing_is_lost(
    count: int, status: int, body: bytes, headers: dict[str, str]
) -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, count + 1)])
    async with FakeOtlp([Answer(status, body, headers)] * 100_000) as fake, shipping(journal, otlp_at(fake)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.REFUSING)
        await asyncio.sleep(0.1)
        assert shipper.delivery().state is DeliveryState.REFUSING
        assert (journal.parked, journal.cursor) == ({}, 0)
        assert shipper.delivery().what_to_do
        fake.script.clear()
        journal.rows.append(make_row(count + 1))
        shipper.wake()
        await journal.wait_for_cursor(count + 1)
        await holds(lambda: shipper.delivery().state is DeliveryState.WELL)
        assert len({span.trace_id for span in fake.spans}) == count + 1
    assert journal.parked == {}


@pytest.mark.parametrize(
    "answer",
    [
        LokiAnswer(400, "mystery"),
        LokiAnswer(413, "too large"),
        LokiAnswer(422, "unprocessable"),
        LokiAnswer(401, "no"),
        LokiAnswer(404, "page not found"),
        LokiAnswer(302, "", {"Location": "/login"}),
        LokiAnswer(200, "<html></html>", {"Content-Type": "text/html"}),
    ],
)
async def test_while_loki_refuses_everything_nothing_is_lost(answer: LokiAnswer) -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 201)])
    async with FakeLoki([answer] * 100_000) as fake, shipping(journal, loki_at(fake)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.REFUSING)
        await asyncio.sleep(0.1)
        assert (journal.parked, journal.cursor) == ({}, 0)
        fake.script.clear()
        await journal.wait_for_cursor(200)
        assert len(fake.lines()) == 200
    assert journal.parked == {}


async def test_a_record_that_is_refused_alone_on_a_well_receiver_is_parked_at_once() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeOtlp(is_bad=is_of(2)) as fake, shipping(journal, otlp_at(fake)) as shipper:
        await journal.wait_for_cursor(1)
        journal.rows.append(make_row(2))
        shipper.wake()
        await journal.wait_for_cursor(2)
        assert list(journal.parked) == [2]
        assert shipper.delivery().state is DeliveryState.WELL


async def test_the_first_record_that_is_refused_waits_for_another_to_tell_whose_fault_it_is() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeOtlp(is_bad=is_of(1)) as fake, shipping(journal, otlp_at(fake)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.REFUSING)
        assert "no other record" in shipper.delivery().what_to_do
        assert journal.parked == {}
        journal.rows.append(make_row(2))
        shipper.wake()
        await journal.wait_for_cursor(2)
        assert list(journal.parked) == [1]
        await holds(lambda: shipper.delivery().state is DeliveryState.WELL)


async def test_two_records_that_are_refused_one_after_the_other_are_parked_only_when_a_third_is_taken() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeOtlp(is_bad=is_of(2, 3)) as fake, shipping(journal, otlp_at(fake)) as shipper:
        await journal.wait_for_cursor(1)
        journal.rows += [make_row(2), make_row(3)]
        shipper.wake()
        await holds(lambda: shipper.delivery().state is DeliveryState.REFUSING)
        assert journal.cursor == 1
        journal.rows.append(make_row(4))
        shipper.wake()
        await journal.wait_for_cursor(4)
    assert list(journal.parked) == [2, 3]


async def test_many_bad_records_in_a_row_do_not_stand_in_the_way_for_ever() -> None:
    bad = range(1, 41)
    journal = MemoryJournal([make_row(number) for number in range(1, 51)])
    async with FakeOtlp(is_bad=is_of(*bad)) as fake, shipping(journal, otlp_at(fake)) as shipper:
        await journal.wait_for_cursor(50)
        await holds(lambda: shipper.delivery().state is DeliveryState.WELL)
        assert len({span.trace_id for span in fake.spans}) == 10
    assert list(journal.parked) == list(bad)


async def test_polls_between_refused_records_settle_with_them() -> None:
    rows = [make_row(number, operation="list" if number % 2 else "chat") for number in range(1, 21)]
    journal = MemoryJournal(rows)
    async with FakeOtlp([Answer(422, b"no")] * 100_000) as fake, shipping(journal, otlp_at(fake)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.REFUSING)
        # The first is a poll, which goes nowhere.
        assert journal.cursor == 1
        fake.script.clear()
        await journal.wait_for_cursor(20)
        assert len({span.trace_id for span in fake.spans}) == 10
    assert journal.parked == {}


async def test_a_refusal_is_logged_once_and_not_at_each_try(caplog: pytest.LogCaptureFixture) -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 4)])
    with caplog.at_level(logging.INFO, "ollama_recorder"):
        async with FakeOtlp([Answer(422, b"no")] * 100_000) as fake, shipping(journal, otlp_at(fake)) as shipper:
            await holds(lambda: shipper.delivery().state is DeliveryState.REFUSING)
            tries = len(fake.requests)
            await holds(lambda: len(fake.requests) > tries + 20)
    told: list[Any] = [record for record in caplog.records if getattr(record, "event", "") == "ReceiverRefused"]
    assert len(told) == 1


def test_what_is_told_is_the_first_refusal_and_what_to_do() -> None:
    suspicion = Suspicion()
    suspicion.add(make_row(1), None)
    suspicion.add(make_row(2), Verdict(Decision.SPLIT, "http_422", "HTTP 422: no", may_be_us=True))
    alone = suspicion.refusal()
    assert (alone.decision, alone.reason) == (Decision.REFUSED, "http_422")
    suspicion.add(make_row(3), Verdict(Decision.SPLIT, "http_400", "HTTP 400", "look there", may_be_us=True))
    assert suspicion.refusal().reason == "http_422"
    assert "every record" in suspicion.refusal().what_to_do


def test_a_few_that_are_spread_but_lie_near_are_tried() -> None:
    rows = [make_row(number, ended_ns=number * MINUTE) for number in range(1, 101)]
    tried = to_try(rows)
    assert (tried[0], len(tried)) == (rows[0], 5)
    assert tried[-1].number > 20
    assert tried[-1].ended_ns - tried[0].ended_ns < 30 * MINUTE
    assert to_try(rows[:1]) == rows[:1]
