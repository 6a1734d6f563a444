import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.journal.reader import Row
from service.record.span_ids import child_span_id
from service.shipping.health import State
from service.shipping.otlp import encode, judge, make_receiver
from service.shipping.otlp_settings import OtlpSettings, read_otlp_settings
from service.shipping.receiver import Decision, Receiver
from tests.fakes.otlp import Answer, FakeOtlp, Rejecting
from tests.shipping.rows import MemoryJournal, make_row, shipping

pytestmark = pytest.mark.blocks("the stand-in decodes and keeps its spans in this same interpreter")
SECOND = 1_000_000_000
RESOURCE = (("service.name", "ollama-recorder"),)


def settings_for(url: str, **environment: str) -> OtlpSettings:
    settings = read_otlp_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": url, **environment}, "box-1")
    assert settings is not None
    return settings


def receiver_for(fake: FakeOtlp, **environment: str) -> Receiver:
    return make_receiver(settings_for(fake.url, **environment))


def decoded(rows: list[Row], with_messages: bool = False) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.ParseFromString(encode(rows, RESOURCE, False, with_messages).body)
    return request


def value_of(value: AnyValue) -> Any:
    kind = str(value.WhichOneof("value"))
    return [each.string_value for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def said(attributes: "list[KeyValue] | Any") -> dict[str, Any]:
    return {each.key: value_of(each.value) for each in attributes}


def test_an_exchange_is_exported_as_the_official_definitions_have_it() -> None:
    row = make_row(7, ended_ns=10 * SECOND, parent_span_id="00f067aa0ba902b7")
    (resource,) = decoded([row]).resource_spans
    assert said(resource.resource.attributes) == {"service.name": "ollama-recorder"}
    assert resource.scope_spans[0].scope.name == "ollama-recorder"
    server, call, *phases = resource.scope_spans[0].spans
    assert server.trace_id.hex() == row.id
    assert server.span_id.hex() == f"{8:016x}"
    assert server.parent_span_id.hex() == "00f067aa0ba902b7"
    assert (server.kind, server.name) == (Span.SPAN_KIND_SERVER, "POST /api/ollama/api/chat")
    assert (server.start_time_unix_nano, server.end_time_unix_nano) == (8 * SECOND, 10 * SECOND)
    assert server.status.code == Status.STATUS_CODE_UNSET
    assert said(server.attributes)["n8n.workflow.name"] == "Résumé agent"
    assert (call.kind, call.name) == (Span.SPAN_KIND_CLIENT, "chat llama3.2")
    assert call.parent_span_id == server.span_id
    assert call.span_id.hex() == child_span_id(row.id, "model_call")
    assert said(call.attributes)["gen_ai.usage.output_tokens"] == 5
    assert said(call.attributes)["gen_ai.response.finish_reasons"] == ["stop"]
    assert [(phase.name, phase.kind) for phase in phases] == [
        (name, Span.SPAN_KIND_INTERNAL) for name in ("wait", "prompt", "generation")
    ]


def test_a_failure_is_an_error_with_its_text() -> None:
    row = make_row(outcome="upstream_unreachable", status=502, failed=True, error="connection refused")
    server, call, *_ = decoded([row]).resource_spans[0].scope_spans[0].spans
    for span in (server, call):
        assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "connection refused")


def test_exporting_the_same_rows_again_gives_the_same_bytes() -> None:
    rows = [make_row(number, ended_ns=(100 + number) * SECOND) for number in range(1, 20)]
    assert encode(rows, RESOURCE, True).body == encode(rows, RESOURCE, True).body


def test_odd_values_of_clients_do_not_make_an_export_unencodable() -> None:
    odd = make_row(request_body='{"options":{"seed":18446744073709551615,"temperature":1e308},"stop":["\\u0000"]}')
    spans = decoded([odd], with_messages=True).resource_spans[0].scope_spans[0].spans
    assert said(spans[1].attributes)["gen_ai.request.stop_sequences"] == ["\x00"]


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        (200, Decision.ACCEPTED),
        (202, Decision.ACCEPTED),
        (429, Decision.RETRY),
        (502, Decision.RETRY),
        (503, Decision.RETRY),
        (504, Decision.RETRY),
        (500, Decision.FINAL),
        (501, Decision.FINAL),
        (422, Decision.FINAL),
        (400, Decision.SPLIT),
        (413, Decision.SPLIT),
        (401, Decision.REFUSED),
        (404, Decision.REFUSED),
        (307, Decision.REFUSED),
    ],
)
def test_answers_are_judged_by_otlps_own_list(status: int, decision: Decision) -> None:
    assert judge(status, {}, b"").decision is decision


@pytest.mark.parametrize(
    ("content_type", "body", "rejected"),
    [
        (
            "application/x-protobuf",
            ExportTraceServiceResponse(
                partial_success=ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
            ).SerializeToString(),
            3,
        ),
        ("application/json", b'{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}', 3),
        ("application/json", b'{"partialSuccess":{}}', 0),
        ("application/json", b'{"partialSuccess":{"rejectedSpans":"many"}}', 0),
        ("application/json", b"[]", 0),
        ("text/plain", b"ok, thanks", 0),
        ("application/x-protobuf", b"\xff\xff\xff", 0),
    ],
)
def test_partial_success_is_read_in_either_form_and_nonsense_is_none(
    content_type: str, body: bytes, rejected: int
) -> None:
    verdict = judge(200, {"Content-Type": content_type}, body)
    assert (verdict.decision, verdict.rejected_spans) == (Decision.ACCEPTED, rejected)
    assert verdict.detail == ("too old" if rejected else "")


async def test_every_span_arrives_although_the_receiver_is_away_at_times() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 201)])
    script = [Answer(503, headers={"Retry-After": "0"}), Answer(429), Answer(502), Answer(504)]
    async with FakeOtlp(script) as fake, shipping(journal, receiver_for(fake)):
        await journal.wait_for_cursor(200)
        assert len(fake.spans) == len({span.span_id for span in fake.spans}) == 1000
        assert fake.requests[0].path == "/v1/traces"
        assert fake.requests[0].content_type == "application/x-protobuf"
    assert journal.parked == {}


async def test_a_500_is_never_repeated() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 61)])
    async with FakeOtlp([Answer(500, b"broken")]) as fake, shipping(journal, receiver_for(fake)) as shipper:
        await journal.wait_for_cursor(60)
        assert len(fake.spans) == 50
        assert shipper.health().state is State.WELL
    assert journal.parked[1] == ("http_500", "HTTP 500: broken")
    assert sorted(journal.parked) == list(range(1, 51))


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
        assert shipper.health().rejected_spans == 4
    assert journal.parked == {}


async def test_a_record_that_was_thrown_away_alone_is_parked() -> None:
    journal = MemoryJournal([make_row(1)])
    async with FakeOtlp([Rejecting(5, "too old")]) as fake, shipping(journal, receiver_for(fake)) as shipper:
        await journal.wait_for_cursor(1)
        assert journal.parked == {1: ("rejected_spans", "too old")}
        assert (shipper.health().parked, shipper.health().shipped) == (1, 0)


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


def test_a_recorder_without_otlp_imports_neither_the_sdk_nor_protobuf() -> None:
    program = (
        "import sys, service.shipping.otlp, service.shipping.loki, service.shipping.shipper;"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
