from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from service.settings import SettingsError, read_settings
from service.shipping.delivery import DeliveryState
from service.shipping.otlp.receiver import want_otlp
from service.shipping.receiver import Receiver, WantedReceiver
from tests.fakes.otlp import Answer, FakeOtlp, Rejecting
from tests.shipping.rows import MemoryJournal, make_row, shipping

pytestmark = pytest.mark.blocks("the stand-in decodes and keeps its spans in this same interpreter")


def wanted_with(**environment: str) -> WantedReceiver | None:
    return want_otlp(read_settings(environment), environment)


def receiver_for(fake: FakeOtlp, **environment: str) -> Receiver:
    wanted = wanted_with(OTEL_EXPORTER_OTLP_ENDPOINT=fake.url, **environment)
    assert wanted is not None
    return wanted.prepare()("box-1")


def test_it_is_named_by_the_variable_that_holds_its_address() -> None:
    general = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://tempo:4318"}
    wanted = wanted_with(**general)
    assert wanted is not None
    assert (wanted.name, wanted.variable, wanted.address, wanted.can_delete) == (
        "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://tempo:4318",
        False,
    )
    own = wanted_with(**general, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://jaeger:4318/in")
    assert own is not None
    assert (own.variable, own.address) == ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://jaeger:4318/in")


def test_mistakes_in_its_variables_do_not_hide_that_it_is_wanted() -> None:
    wanted = wanted_with(OTEL_EXPORTER_OTLP_ENDPOINT="http://tempo:4318", OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert wanted is not None
    with pytest.raises(SettingsError, match="OTEL_EXPORTER_OTLP_PROTOCOL"):
        wanted.prepare()


def test_the_instance_of_the_journal_is_in_the_resource_of_every_export() -> None:
    wanted = wanted_with(OTEL_EXPORTER_OTLP_ENDPOINT="http://tempo:4318")
    assert wanted is not None
    request = ExportTraceServiceRequest()
    request.ParseFromString(wanted.prepare()("box-1").encode([make_row()]).body)
    (resource,) = request.resource_spans
    attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert attributes["service.instance.id"] == "box-1"


async def test_every_span_arrives_although_the_receiver_is_away_at_times() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 201)])
    script = [Answer(503, headers={"Retry-After": "0"}), Answer(429), Answer(502), Answer(504)]
    async with FakeOtlp(script) as fake, shipping(journal, receiver_for(fake)):
        await journal.wait_for_cursor(200)
        assert len(fake.spans) == len({span.span_id for span in fake.spans}) == 1000
        assert fake.requests[0].path == "/v1/traces"
        assert fake.requests[0].content_type == "application/x-protobuf"
    assert journal.parked == {}


async def test_a_batch_that_got_a_500_goes_in_halves() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 61)])
    async with FakeOtlp([Answer(500, b"broken")]) as fake, shipping(journal, receiver_for(fake)) as shipper:
        await journal.wait_for_cursor(60)
        assert len(fake.spans) == len({span.span_id for span in fake.spans}) == 300
        assert shipper.delivery().state is DeliveryState.WELL
    assert journal.parked == {}


async def test_polls_are_not_exported_unless_asked_for() -> None:
    polls = [make_row(number, method="GET", operation=name) for number, name in enumerate(("list", "ps", "version"), 1)]
    journal = MemoryJournal([*polls, make_row(4)])
    async with FakeOtlp() as fake:
        async with shipping(journal, receiver_for(fake)):
            await journal.wait_for_cursor(4)
        assert {span.trace_id.hex() for span in fake.spans} == {f"{4:032x}"}
        journal.cursor = 0
        async with shipping(journal, receiver_for(fake, OTLP_POLLS="true")):
            await journal.wait_for_cursor(4)
        assert len({span.trace_id for span in fake.spans}) == 4


async def test_what_is_only_polls_asks_the_receiver_nothing() -> None:
    journal = MemoryJournal([make_row(1, method="GET", operation="list")])
    async with FakeOtlp() as fake, shipping(journal, receiver_for(fake)) as shipper:
        await journal.wait_for_cursor(1)
        assert fake.spans == []
        assert shipper.delivery().shipped == 0


async def test_bodies_stay_away_from_a_receiver_that_shall_not_have_them() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeOtlp() as fake:
        receiver = receiver_for(fake, OTEL_INSTRUMENTATION_HTTP_CAPTURE_BODY_CONTENT="false")
        async with shipping(journal, receiver):
            await journal.wait_for_cursor(1)
        assert "sky" not in str(fake.exports)
        journal.cursor = 0
        async with shipping(journal, receiver_for(fake)):
            await journal.wait_for_cursor(1)
        assert "sky" in str(fake.exports)


async def test_one_bad_span_takes_no_other_record_with_it() -> None:
    def is_bad(span: Span) -> bool:
        return span.trace_id == bytes.fromhex(f"{23:032x}")

    journal = MemoryJournal([make_row(number) for number in range(1, 51)])
    async with FakeOtlp(is_bad=is_bad) as fake, shipping(journal, receiver_for(fake)):
        await journal.wait_for_cursor(50)
        assert len({span.trace_id for span in fake.spans}) == 49
        assert len(fake.spans) == 5 * 49
    assert list(journal.parked) == [23]


async def test_spans_thrown_away_by_partial_success_are_counted_and_not_sent_again() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 11)])
    async with FakeOtlp([Rejecting(4)]) as fake, shipping(journal, receiver_for(fake)) as shipper:
        await journal.wait_for_cursor(10)
        assert len(fake.exports) == 1
        assert shipper.delivery().rejected_spans == 4
    assert journal.parked == {}


async def test_a_record_that_was_thrown_away_alone_is_parked() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeOtlp([Rejecting(5, "too old")]) as fake, shipping(journal, receiver_for(fake)) as shipper:
        await journal.wait_for_cursor(1)
        assert journal.parked == {1: ("rejected_spans", "too old")}
        assert (shipper.delivery().parked, shipper.delivery().shipped) == (1, 0)


async def test_headers_and_compression_are_those_of_the_standard_variables() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeOtlp() as fake:
        receiver = receiver_for(
            fake, OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20b,tenant=1", OTEL_EXPORTER_OTLP_COMPRESSION="gzip"
        )
        async with shipping(journal, receiver):
            await journal.wait_for_cursor(1)
        headers = fake.requests[-1].headers
    assert (headers["x-key"], headers["tenant"], headers["Content-Encoding"]) == ("a b", "1", "gzip")
    assert len(fake.spans) == 5


async def test_requests_stay_below_four_megabytes() -> None:
    journal = MemoryJournal([make_row(number, request_body="x" * 230_000) for number in range(1, 41)])
    sizes: list[int] = []

    def noting(encode: Callable[..., Any]) -> Callable[..., Any]:
        def encode_and_note(rows: Any) -> Any:
            batch = encode(rows)
            sizes.append(batch.size)
            return batch

        return encode_and_note

    async with FakeOtlp() as fake:
        receiver = receiver_for(fake)
        async with shipping(journal, replace(receiver, encode=noting(receiver.encode), bytes_per_second=1e9)):
            await journal.wait_for_cursor(40)
    assert len(sizes) > 4
    assert max(sizes) <= 4 << 20
