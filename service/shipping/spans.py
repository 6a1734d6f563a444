"""The spans of an exchange, as plain facts made from its journal row alone.

``POST /api/ollama/api/chat`` (SERVER) follows OpenTelemetry's HTTP conventions, its child
``chat llama3.2`` (CLIENT) the GenAI conventions, and below that ``wait``, ``prompt`` and
``generation`` are laid out from Ollama's own durations. Everything is worked out from the row,
so a span that is sent twice is the same span both times.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import unquote

import orjson

from service.journal.reader import Row
from service.record.exchange import Outcome, cut_labels
from service.record.span_ids import child_span_id
from service.record.timestamps import write_time
from service.shipping import genai
from service.shipping.genai import Attribute

_LONGEST_NAME = 200
_LONGEST_ERROR = 1000
_PREFIX = "/api/ollama"
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
_OF_THE_REQUEST = (
    ("http.response.status_code", "status"),
    ("client.address", "remote_addr"),
    ("user_agent.original", "user_agent"),
    ("http.request.body.size", "request_bytes"),
    ("http.response.body.size", "response_bytes"),
    # The n8n names are those of n8n's own spans, so that one search finds both.
    ("n8n.workflow.id", "workflow_id"),
    ("n8n.workflow.name", "workflow"),
    ("n8n.execution.id", "execution_id"),
    ("n8n.node.name", "node"),
    ("user.name", "user"),
    ("ollama_recorder.caller", "caller"),
    ("ollama_recorder.exchange", "exchange"),
    ("ollama_recorder.outcome", "outcome"),
    ("http.request.body.content", "request_body"),
)
_PHASES = (("wait", "wait_time"), ("prompt", "prompt_time"), ("generation", "generation_time"))


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


def make_spans(row: Row, line: Mapping[str, Any], with_messages: bool = False) -> list[Span]:
    """The spans of one exchange, its SERVER span first; ``line`` is the parsed line of ``row``.

    ``with_messages`` adds what was asked and answered as GenAI messages. A line without
    the ids of a trace has no spans.
    """
    trace_id, span_id = line.get("trace_id"), line.get("span_id")
    if not isinstance(trace_id, str) or not isinstance(span_id, str):
        return []
    server = _server_span(row, line, trace_id, span_id)
    operation = str(line.get("operation", row.operation))
    if operation not in genai.OPERATION_NAMES or row.outcome == Outcome.REFUSED:
        return [server]
    call = _model_call_span(row, line, server, operation, with_messages)
    return [server, call, *_phase_spans(row, line, call)]


def _server_span(row: Row, line: Mapping[str, Any], trace_id: str, span_id: str) -> Span:
    method = row.method if row.method in _KNOWN_METHODS else "_OTHER"
    path, _, query = str(line.get("request_uri", "")).partition("?")
    route = _route(path, row, line)
    attributes: dict[str, Attribute] = {"http.request.method": method, "url.scheme": "http", "url.path": path}
    if method == "_OTHER":
        attributes["http.request.method_original"] = row.method
    if query:
        attributes["url.query"] = query
    if route:
        attributes["http.route"] = route
    attributes.update((name, line[key]) for name, key in _OF_THE_REQUEST if key in line)
    status = line.get("status", 0)
    error_type = None
    # A server span is not in error for what the client did wrong (HTTP conventions: 4xx leaves it unset).
    if row.outcome in _OUR_FAILURES:
        error_type = row.outcome
    elif status >= 500:
        error_type = str(status)
    if error_type:
        attributes["error.type"] = error_type
    return Span(
        trace_id,
        span_id,
        row.parent_span_id,
        row.parent_span_id is not None,
        " ".join(filter(None, (method if method != "_OTHER" else "HTTP", route))),
        Kind.SERVER,
        row.started_ns,
        # The wall clock may have been set back in between; a span cannot end before it starts.
        max(row.started_ns, row.ended_ns),
        attributes,
        str(line.get("error", error_type))[:_LONGEST_ERROR] if error_type else None,
    )


def _route(path: str, row: Row, line: Mapping[str, Any]) -> str | None:
    """The template of what was asked for, of which there are few; None for what we do not offer."""
    if row.outcome == Outcome.REFUSED and line.get("status") in (404, 405):
        return None
    if not path.startswith(_PREFIX):
        return "/generate" if path == "/generate" else None
    _, rest = cut_labels(path.removeprefix(_PREFIX))
    canonical = posixpath.normpath("/" + unquote(rest).lstrip("/"))
    if canonical.startswith("/v1/models/"):
        canonical = "/v1/models/{model}"
    elif canonical.startswith("/api/blobs/"):
        canonical = "/api/blobs/{digest}"
    return _PREFIX + canonical


def _model_call_span(row: Row, line: Mapping[str, Any], server: Span, operation: str, with_messages: bool) -> Span:
    attributes: dict[str, Attribute] = genai.call_attributes(line, operation, with_messages)
    error = None
    if line.get("failed"):
        error_type = _error_type(row, line)
        attributes["error.type"] = error_type
        error = str(line.get("error", error_type))[:_LONGEST_ERROR]
    return Span(
        server.trace_id,
        child_span_id(row.id, "model_call"),
        server.span_id,
        False,
        " ".join(filter(None, (genai.OPERATION_NAMES[operation], str(line.get("model", ""))))),
        Kind.CLIENT,
        server.start_ns,
        server.end_ns,
        attributes,
        error,
    )


def _error_type(row: Row, line: Mapping[str, Any]) -> str:
    """A word of a small set: how the exchange ended, the status, or that the stream itself carried an error."""
    if row.outcome != Outcome.COMPLETED:
        return row.outcome
    status = line.get("upstream_status", line.get("status", 0))
    return str(status) if status >= 400 else "error_in_answer"


def _phase_spans(row: Row, line: Mapping[str, Any], call: Span) -> Iterator[Span]:
    """Ollama tells how long its phases took, not when: they follow one another once the request had come."""
    start = call.start_ns + int(line.get("upload_time", 0) * 1e9)
    for name, key in _PHASES:
        end = min(start + int(line.get(key, 0) * 1e9), call.end_ns)
        if end > start:
            yield Span(
                call.trace_id, child_span_id(row.id, name), call.span_id, False, name, Kind.INTERNAL, start, end, {}
            )
            start = end


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
    size = len(orjson.dumps(value))
    # Room for the mark in the middle and for the attribute that tells of the cut.
    half = len(value) * (size - excess - 60) // size // 2
    return f"{value[:half]} … {value[-half:]}" if half > 0 else None


def _json_line(span: Span, attributes: Mapping[str, Attribute]) -> bytes:
    said: dict[str, Any] = {
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
    return orjson.dumps({key: value for key, value in said.items() if value is not None})
