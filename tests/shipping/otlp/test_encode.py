import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from service.journal.reader import Row
from service.record.span_ids import child_span_id
from service.shipping.otlp.encode import encode
from service.shipping.span_content import SpanContent
from tests.shipping.rows import make_row

pytestmark = pytest.mark.blocks("the stand-in decodes and keeps its spans in this same interpreter")
SECOND = 1_000_000_000
RESOURCE = (("service.name", "ollama-recorder"),)


def decoded(rows: list[Row], with_messages: bool = False) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.ParseFromString(encode(rows, RESOURCE, False, SpanContent(messages=with_messages)).body)
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
    odd = make_row(request_body='{"options":{"seed":18446744073709551615,"temperature":1e308,"stop":["\\u0000"]}}')
    spans = decoded([odd], with_messages=True).resource_spans[0].scope_spans[0].spans
    assert said(spans[1].attributes)["gen_ai.request.stop_sequences"] == ["\x00"]


def test_a_recorder_without_otlp_imports_neither_the_sdk_nor_protobuf() -> None:
    program = (
        "import sys, service.shipping.registry, service.shipping.shipper;"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
