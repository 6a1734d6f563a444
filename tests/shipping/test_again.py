from collections.abc import Sequence
from dataclasses import replace

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from service.journal.reader import Row
from service.shipping.again import AgainReport, ship_again
from service.shipping.receiver import Receiver
from tests.fakes.loki import Answer, FakeLoki
from tests.fakes.otlp import Answer as OtlpAnswer
from tests.fakes.otlp import FakeOtlp
from tests.shipping.rows import FAST, loki_at, make_row
from tests.shipping.test_suspicion import otlp_at

pytestmark = pytest.mark.blocks("the stand-ins parse and store in this same interpreter")


async def again(receiver: Receiver, rows: Sequence[Row]) -> AgainReport:
    seen: list[int] = []
    report = await ship_again(receiver, rows, seen.append, FAST)
    assert seen == sorted(seen)
    return report


async def test_records_are_sent_in_their_order_in_several_requests() -> None:
    rows = [make_row(number) for number in range(1, 451)]
    async with FakeLoki() as fake:
        report = await again(loki_at(fake), rows)
        assert (report.taken, report.refused, report.stopped) == (450, [], "")
        assert [line.encode() for line in fake.lines()] == [row.line for row in rows]


async def test_one_that_is_refused_is_told_and_the_others_are_taken() -> None:
    def is_bad(span: Span) -> bool:
        return span.trace_id == bytes.fromhex(f"{7:032x}")

    async with FakeOtlp(is_bad=is_bad) as fake:
        report = await again(otlp_at(fake), [make_row(number) for number in range(1, 21)])
    assert report.taken == 19
    assert [(number, reason) for number, reason, _ in report.refused] == [(7, "http_400")]


async def test_a_receiver_that_is_away_for_a_moment_is_waited_for() -> None:
    async with FakeOtlp([OtlpAnswer(503), OtlpAnswer(429)]) as fake:
        assert (await again(otlp_at(fake), [make_row(1)])).taken == 1


@pytest.mark.parametrize("answer", [Answer(401, "no"), Answer(503, "away")])
async def test_where_it_cannot_go_on_it_stops_and_says_where(answer: Answer) -> None:
    async with FakeLoki() as fake:
        rows = [make_row(number) for number in range(1, 401)]
        fake.script.extend([answer] * 100)
        report = await again(loki_at(fake, most_records=100), rows)
        assert (report.taken, report.next_number) == (0, 1)
        assert str(answer.status) in report.stopped


async def test_polls_and_what_cannot_be_encoded_stand_in_nobodys_way() -> None:
    rows = [make_row(1, operation="list"), replace(make_row(2), line=b"[]"), make_row(3)]
    async with FakeOtlp() as fake:
        report = await again(otlp_at(fake), rows)
        assert (report.taken, report.unsent) == (1, 1)
    assert [(number, reason) for number, reason, _ in report.refused] == [(2, "unencodable")]
