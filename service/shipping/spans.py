"""The spans of an exchange, made from its journal row alone.

``POST /api/ollama/api/chat`` (SERVER) follows OpenTelemetry's HTTP conventions, its child
``chat llama3.2`` (CLIENT) the GenAI conventions, and below that ``wait``, ``prompt`` and
``generation`` are laid out from Ollama's own durations. Nothing but the row decides,
so a span that is sent twice is the same span both times.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any
from urllib.parse import unquote

from service.journal.reader import Row
from service.json_writing import write_json
from service.record.conversation import words_in_line
from service.record.exchange import GATEWAY_PREFIX, Outcome, cut_labels
from service.record.fields import SERVER_ATTRIBUTES
from service.record.operations import POLLS, SPAN_NAMES
from service.record.phases import measured_phases
from service.record.record import Record
from service.record.span_ids import child_span_id
from service.record.timestamps import write_time
from service.shipping import genai
from service.shipping.genai import Attribute
from service.shipping.list_views import list_view_attributes
from service.shipping.span_content import NO_MESSAGES, SpanContent

BODY_ATTRIBUTE = "http.request.body.content"


_LONGEST_ERROR = 1000
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
_OUR_FAILURES = frozenset(
    {
        Outcome.UPSTREAM_UNREACHABLE,
        Outcome.UPSTREAM_TIMED_OUT,
        Outcome.UPSTREAM_BROKE_OFF,
        Outcome.GATEWAY_STOPPED,
        Outcome.GATEWAY_DIED,
    }
)


class Kind(Enum):
    """OpenTelemetry's span kinds, those that occur here."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Ids are lower-case hex (32 and 16 digits), times Unix nanoseconds; ``error`` None: it went well."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    has_remote_parent: bool
    name: str
    kind: Kind
    start_ns: int
    end_ns: int
    attributes: Mapping[str, Attribute]
    error: str | None = None


def make_spans(row: Row, record: Record, content: SpanContent = NO_MESSAGES) -> list[Span]:
    """The spans of one exchange, its SERVER span first; ``record`` is the one in ``row``.

    ``content`` says what they carry. A record without the ids of a trace has no spans.
    """
    trace_id, span_id = record.trace_id, record.span_id
    operation = row.operation if record.operation is None else record.operation
    if trace_id is None or span_id is None or (operation in POLLS and not content.polls):
        return []
    server = _server_span(row, record, (trace_id, span_id), content)
    if operation not in SPAN_NAMES or row.outcome == Outcome.REFUSED:
        return [server]
    words = words_in_line(record)
    if content.list_views:
        server = replace(server, attributes={**server.attributes, **list_view_attributes(record, content, words)})
    queue = _queue_span(row, record, server)
    call = _model_call_span(row, record, server, genai.call_attributes(record, operation, content, words))
    if queue is None:
        return [server, call, *_phase_spans(row, call, record, record.upload_time or 0.0)]
    # What waits in the recorder is no call of Ollama yet.
    call = replace(call, start_ns=queue.end_ns)
    return [server, queue, call, *_phase_spans(row, call, record, 0.0)]


def _server_span(row: Row, record: Record, ids: tuple[str, str], content: SpanContent) -> Span:
    method = row.method if row.method in _KNOWN_METHODS else "_OTHER"
    path, _, query = (record.request_uri or "").partition("?")
    route = _route(path, row, record)
    attributes: dict[str, Attribute] = {"http.request.method": method, "url.scheme": "http", "url.path": path}
    if method == "_OTHER":
        attributes["http.request.method_original"] = row.method
    if query:
        attributes["url.query"] = query
    if route:
        attributes["http.route"] = route
    values = record.values
    attributes.update((name, values[field]) for name, field in SERVER_ATTRIBUTES if field in values)
    if not content.bodies:
        attributes.pop(BODY_ATTRIBUTE, None)
    status = record.status or 0
    error_type = None
    # A server span is not in error for what the client did wrong (HTTP conventions: 4xx leaves it unset).
    if row.outcome in _OUR_FAILURES:
        error_type = row.outcome
    elif status >= 500:
        error_type = str(status)
    if error_type:
        attributes["error.type"] = error_type
    return Span(
        *ids,
        row.parent_span_id,
        row.parent_span_id is not None,
        " ".join(filter(None, (method if method != "_OTHER" else "HTTP", route))),
        Kind.SERVER,
        row.started_ns,
        # The wall clock may have been set back in between; a span cannot end before it starts.
        max(row.started_ns, row.ended_ns),
        attributes,
        _error_text(record, error_type) if error_type else None,
    )


def _route(path: str, row: Row, record: Record) -> str | None:
    """The template of what was asked for, of which there are few; None for what we do not offer."""
    if row.outcome == Outcome.REFUSED and record.status in (404, 405):
        return None
    if not path.startswith(GATEWAY_PREFIX):
        return "/generate" if path == "/generate" else None
    _, rest = cut_labels(path.removeprefix(GATEWAY_PREFIX))
    canonical = posixpath.normpath("/" + unquote(rest).lstrip("/"))
    if canonical.startswith("/v1/models/"):
        canonical = "/v1/models/{model}"
    elif canonical.startswith("/api/blobs/"):
        canonical = "/api/blobs/{digest}"
    return GATEWAY_PREFIX + canonical


def _model_call_span(row: Row, record: Record, server: Span, attributes: dict[str, Attribute]) -> Span:
    error = None
    if record.failed:
        error_type = genai.error_type(row.outcome, record.status, record.upstream_status)
        attributes["error.type"] = error_type
        error = _error_text(record, error_type)
    return Span(
        server.trace_id,
        child_span_id(row.id, "model_call"),
        server.span_id,
        False,
        " ".join(filter(None, (str(attributes["gen_ai.operation.name"]), record.model))),
        Kind.CLIENT,
        server.start_ns,
        server.end_ns,
        attributes,
        error,
    )


def _error_text(record: Record, otherwise: str) -> str:
    return (otherwise if record.error is None else record.error)[:_LONGEST_ERROR]


def _queue_span(row: Row, record: Record, server: Span) -> Span | None:
    """The wait in the recorder, once the request had come; None where there was none."""
    start = server.start_ns + int((record.upload_time or 0.0) * 1e9)
    end = min(start + int((record.queue_time or 0.0) * 1e9), server.end_ns)
    return _inner_span(row, server, "queue", start, end) if end > start else None


def _phase_spans(row: Row, call: Span, record: Record, after: float) -> Iterator[Span]:
    """Ollama tells how long its phases took, not when: they follow one another, ``after`` seconds into the call."""
    start = call.start_ns + int(after * 1e9)
    for name, seconds in measured_phases(record):
        end = min(start + int(seconds * 1e9), call.end_ns)
        if end > start:
            yield _inner_span(row, call, name, start, end)
            start = end


def _inner_span(row: Row, parent: Span, name: str, start_ns: int, end_ns: int) -> Span:
    return Span(
        parent.trace_id,
        child_span_id(row.id, name),
        parent.span_id,
        False,
        name,
        Kind.INTERNAL,
        start_ns,
        end_ns,
        {},
    )


def span_line(span: Span, most_bytes: int) -> bytes:
    """One span as a JSON line of at most ``most_bytes``; its longest attributes are shortened to fit."""
    attributes = dict(span.attributes)
    while len(line := _json_line(span, attributes)) > most_bytes and attributes:
        name = max(attributes, key=lambda each: len(str(attributes[each])))
        shortened = _cut_middle(attributes[name], len(line) - most_bytes)
        if shortened:
            attributes[name] = shortened
        else:
            del attributes[name]
        attributes["ollama_recorder.truncated"] = True
    return line


def _cut_middle(value: Attribute, excess: int) -> str | None:
    """Take about ``excess`` bytes of JSON out of a text, keeping both ends; None when there is not enough of it."""
    if not isinstance(value, str):
        return None
    size = len(write_json(value))
    # Room for the mark in the middle and for the attribute that tells of the cut.
    half = len(value) * (size - excess - 60) // size // 2
    return f"{value[:half]} … {value[-half:]}" if half > 0 else None


def _json_line(span: Span, attributes: Mapping[str, Attribute]) -> bytes:
    keys: dict[str, Any] = {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "kind": span.kind.value,
        "start": write_time(span.start_ns, 9),
        "end": write_time(span.end_ns, 9),
        "duration": (span.end_ns - span.start_ns) / 1e9,
        "status": "error" if span.error is not None else "unset",
        "error": span.error,
        "attributes": attributes,
    }
    return write_json({key: value for key, value in keys.items() if value is not None})
