import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from service.shipping.otlp.judge import judge
from service.shipping.receiver import Decision


@pytest.mark.parametrize(
    ("status", "decision"),
    [
        (200, Decision.ACCEPTED),
        (202, Decision.ACCEPTED),
        (429, Decision.RETRY),
        (502, Decision.RETRY),
        (503, Decision.RETRY),
        (504, Decision.RETRY),
        (408, Decision.RETRY),
        (521, Decision.RETRY),
        (500, Decision.SPLIT),
        (422, Decision.SPLIT),
        (409, Decision.SPLIT),
        (400, Decision.SPLIT),
        (413, Decision.SPLIT),
        (401, Decision.REFUSED),
        (402, Decision.REFUSED),
        (501, Decision.REFUSED),
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
        ("application/json", b'{"partialSuccess":{"rejectedDataPoints":"2","errorMessage":"too old"}}', 2),
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


def test_why_spans_were_thrown_away_is_told_whatever_it_is() -> None:
    body = b'{"partialSuccess":{"rejectedSpans":1,"errorMessage":%b}}' % (b"[" * 1000 + b"]" * 1000)
    verdict = judge(200, {"Content-Type": "application/json"}, body)
    assert (verdict.decision, verdict.rejected_spans) == (Decision.ACCEPTED, 1)
    assert verdict.detail == "<list that is nested too deeply>"


def test_a_header_that_is_missing_is_named() -> None:
    answer = b'{"detail":[{"type":"missing","loc":["header","x-mlflow-experiment-id"],"msg":"Field required"}]}'
    verdict = judge(422, {"Content-Type": "application/json"}, answer)
    assert verdict.decision is Decision.REFUSED
    assert verdict.what_to_do.startswith("set OTEL_EXPORTER_OTLP_HEADERS=x-mlflow-experiment-id=")


def test_a_refusal_of_metrics_names_their_own_path() -> None:
    assert "/v1/metrics" in judge(404, {}, b"", path="/v1/metrics").what_to_do
    assert "/v1/traces" in judge(404, {}, b"").what_to_do
