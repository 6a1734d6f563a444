"""Rows become an export request of spans.

The official encoder makes the bytes. The official exporter is not used: it blocks, and it does
not tell "never again" from "later". The SDK and protobuf are imported by the first batch, so that
a recorder without an OTLP endpoint does not pay for them.
"""

import gzip
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import service
from service.journal.reader import Row
from service.shipping import spans
from service.shipping.receiver import Batch, read_record
from service.shipping.span_content import NO_MESSAGES, SpanContent

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan


def encode(
    rows: Sequence[Row],
    resource: tuple[tuple[str, str], ...],
    compresses: bool,
    content: SpanContent = NO_MESSAGES,
) -> Batch:
    """An ``ExportTraceServiceRequest`` of the spans of ``rows``; the same rows give the same bytes."""
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    readable = [
        _readable(span, _resource_of(resource))
        for row in rows
        for span in spans.make_spans(row, read_record(row), content)
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
