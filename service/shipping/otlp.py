"""OTLP over HTTP: rows become an export request of spans, and answers are judged by OTLP's own list.

The official encoder makes the bytes. The official exporter is not used: it blocks, and it does
not tell "never again" from "later". The SDK and protobuf are imported by the first batch, so that
a recorder without an OTLP endpoint does not pay for them.
"""

import gzip
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import orjson

import service
from service.journal.reader import Row
from service.shipping import spans
from service.shipping.otlp_settings import TRACES_PATH, OtlpSettings
from service.shipping.receiver import (
    Batch,
    Decision,
    Receiver,
    Verdict,
    judge_stranger,
    quote_answer,
    read_retry_after,
)

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

_RETRYABLE = frozenset({429, 502, 503, 504})
# Many receivers take messages of 4 MiB at most (gRPC's default, behind HTTP too).
_MOST_BYTES = 4_000_000


def make_receiver(settings: OtlpSettings) -> Receiver:
    """The receiver at ``settings.url``."""
    headers = {"Content-Type": "application/x-protobuf", **settings.headers}
    if settings.compresses:
        headers["Content-Encoding"] = "gzip"
    return Receiver(
        name="otlp",
        url=settings.url,
        headers=headers,
        encode=partial(
            encode,
            resource=tuple(settings.resource.items()),
            compresses=settings.compresses,
            with_messages=settings.with_messages,
        ),
        judge=judge,
        timeout=settings.timeout,
        bytes_per_second=5_000_000,
        # The encoder takes about 50 µs a span in the interpreter: small batches keep answers flowing.
        most_records=50,
        most_bytes=_MOST_BYTES,
        tls=settings.tls,
    )


def encode(
    rows: Sequence[Row], resource: tuple[tuple[str, str], ...], compresses: bool, with_messages: bool = False
) -> Batch:
    """An ``ExportTraceServiceRequest`` of the spans of ``rows``; the same rows give the same bytes."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    readable = [
        _readable(span, _resource_of(resource))
        for row in rows
        for span in spans.make_spans(row, orjson.loads(row.line), with_messages)
    ]
    body = encode_spans(readable).SerializeToString()
    return Batch(gzip.compress(body, compresslevel=1, mtime=0) if compresses else body, len(body))


@cache
def _resource_of(attributes: tuple[tuple[str, str], ...]) -> "Resource":
    from opentelemetry.sdk.resources import Resource

    return Resource(dict(attributes))


def _readable(span: spans.Span, resource: "Resource") -> "ReadableSpan":
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    sampled = TraceFlags(TraceFlags.SAMPLED)
    trace_id = int(span.trace_id, 16)
    parent = span.parent_span_id
    return ReadableSpan(
        name=span.name,
        context=SpanContext(trace_id, int(span.span_id, 16), False, sampled),
        parent=SpanContext(trace_id, int(parent, 16), span.has_remote_parent, sampled) if parent else None,
        resource=resource,
        attributes=span.attributes,
        kind=SpanKind[span.kind.name],
        status=Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=InstrumentationScope("ollama-recorder", service.__version__),
    )


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """What an answer means by the OTLP specification (OTLP/HTTP response, failures, throttling)."""
    if stranger := judge_stranger(status, headers, "OTEL_EXPORTER_OTLP_ENDPOINT"):
        return stranger
    if 200 <= status < 300:
        return _judge_success(headers, body)
    said = _status_message(headers, body)
    detail = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if status in _RETRYABLE:
        wait = read_retry_after(headers)
        return Verdict(Decision.RETRY, f"http_{status}", detail, retry_after=wait, is_overload=status == 429)
    if status in (401, 403, 404, 405, 407, 415):
        # The specification forbids to repeat a request that was judged; these say that it was not even read.
        return Verdict(Decision.REFUSED, f"http_{status}", detail, _what_to_do(status))
    if status in (400, 413):
        # Halves are new requests: one bad span must not take the others with it.
        return Verdict(Decision.SPLIT, f"http_{status}", detail, may_be_us=True)
    return Verdict(Decision.FINAL, f"http_{status}", detail)


def _judge_success(headers: Mapping[str, str], body: bytes) -> Verdict:
    """Partial success must not be sent again, and does not say which spans were thrown away."""
    if not body:
        return Verdict(Decision.ACCEPTED)
    rejected, message = _partial_success(headers, body)
    return Verdict(Decision.ACCEPTED, "rejected_spans" if rejected else "", message[:300], rejected_spans=rejected)


def _partial_success(headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    """How many spans were thrown away and why; a 200 whose body is not understood says enough by itself."""
    if "json" in headers.get("Content-Type", ""):
        return _partial_success_in_json(body)
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        said = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return max(0, said.rejected_spans), said.error_message


def _partial_success_in_json(body: bytes) -> tuple[int, str]:
    """JSON writes 64-bit numbers as text."""
    try:
        said = orjson.loads(body)["partialSuccess"]
        return max(0, int(said.get("rejectedSpans", 0))), str(said.get("errorMessage", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0, ""


def _status_message(headers: Mapping[str, str], body: bytes) -> str:
    """A failure's body is a ``google.rpc.Status``, whose second field is a text in plain UTF-8."""
    if "protobuf" in headers.get("Content-Type", ""):
        printable = "".join(letter if letter.isprintable() else " " for letter in body[:2000].decode("utf-8", "ignore"))
        return quote_answer(printable.encode())
    return quote_answer(body)


def _what_to_do(status: int) -> str:
    if status in (401, 403, 407):
        return "check OTEL_EXPORTER_OTLP_HEADERS: the receiver wants other credentials"
    return (
        f"check OTEL_EXPORTER_OTLP_ENDPOINT: {TRACES_PATH} is added to it, and it must speak OTLP over HTTP (port 4318)"
    )
