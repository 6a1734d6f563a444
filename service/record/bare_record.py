"""Lines without bodies: of an exchange that could not be understood, and of one whose bodies found no room."""

import orjson

from service.json_writing import write_json
from service.record.exchange import EncodedRecord, Exchange, Outcome
from service.record.fields import FIELD_NAMES
from service.record.line import status_of
from service.record.timestamps import write_time

_FLAGS = {"request_bytes": "request_truncated", "response_bytes": "response_truncated"}


def bare_record(exchange: Exchange, error: Exception) -> EncodedRecord:
    """A valid record of the plain facts, its fields in their order.

    Bodies, the query and the text of ``error`` are left out: nothing unmasked may reach the disk.
    """
    opened, status = exchange.opened, status_of(exchange)
    failed = exchange.outcome is not Outcome.COMPLETED or (status or 0) >= 400
    facts: dict[str, object] = {
        "time": write_time(exchange.ended_ns, 3),
        "method": opened.method,
        "request_uri": opened.request_uri.partition("?")[0],
        "status": status,
        "request_time": None if exchange.duration is None else round(exchange.duration, 3),
        "error": exchange.error or f"the recorder could not understand this exchange: {type(error).__name__}",
        "outcome": str(exchange.outcome),
        "failed": failed,
        "operation": opened.operation or None,
        "api": opened.api or None,
        "upstream_status": exchange.upstream_status,
        "remote_addr": opened.remote_addr or None,
        "request_bytes": opened.request.length,
        "response_bytes": exchange.response.length,
        "request_truncated": True if opened.request.length else None,
        "response_truncated": True if exchange.response.length else None,
        "exchange": opened.id,
        "trace_id": opened.trace_id,
        "span_id": opened.span_id,
        "started": write_time(opened.started_ns, 3),
    }
    line = write_json({name: _clean(value) for name, value in facts.items() if value is not None})
    return EncodedRecord(
        id=opened.id,
        started_ns=opened.started_ns,
        ended_ns=exchange.ended_ns,
        method=_text(opened.method),
        operation=_text(opened.operation),
        outcome=str(exchange.outcome),
        parent_span_id=opened.parent_span_id,
        line=line,
        summary=line,
        request=b"",
        response=b"",
    )


def line_without_bodies(summary: bytes) -> bytes:
    """``summary`` as a line that says which bodies are missing; itself when it is no JSON object."""
    try:
        values = orjson.loads(summary)
        values.update({flag: True for length, flag in _FLAGS.items() if values.get(length)})
        return write_json({name: values[name] for name in FIELD_NAMES if name in values})
    except (ValueError, AttributeError, TypeError):
        return summary


def _clean(value: object) -> object:
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    # Header bytes that are no UTF-8 arrive as lone surrogates, which neither JSON nor the database takes.
    return value.encode("utf-8", "replace").decode()
