"""Rows become a push request to Loki.

What Loki does with it and its manual does not say (3.7, ``pkg/ingester/stream.go``):

* What is sent again is dropped as a duplicate, if time, line, structured metadata and labels are the same.
* A line more than an hour behind the newest of its stream is refused for good, so the oldest go first.
"""

import gzip
from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.journal.reader import Row
from service.json_writing import write_json
from service.record.fields import METADATA
from service.record.record import Record
from service.shipping import spans
from service.shipping.receiver import Batch, read_record
from service.shipping.span_content import NO_MESSAGES, SpanContent

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Loki refuses lines over 256 KiB (limits_config.max_line_size).
_LONGEST_SPAN_LINE: Final = 240_000
_LONGEST_METADATA_VALUE: Final = 1_000


def encode(rows: Sequence[Row], instance: str, with_spans: bool, content: SpanContent = NO_MESSAGES) -> Batch:
    """A push request for ``rows``: the same rows always give the same times, lines, metadata and labels.

    Raises ValueError when a row's line is no JSON object. Only a damaged disk can bring that about.
    """
    streams: dict[str, list[list[Any]]] = {}
    span_entries: list[list[Any]] = []
    for row in rows:
        record = read_record(row)
        method = row.method if row.method in METHODS else "OTHER"
        streams.setdefault(method, []).append([str(row.ended_ns), row.line.decode(), _metadata(record.values)])
        if with_spans:
            span_entries += _span_entries(row, record, content)
    pushed = [
        {"stream": {"job": "nginx", "service": "ollama", "method": method, "instance": instance}, "values": entries}
        for method, entries in streams.items()
    ]
    if span_entries:
        pushed.append({"stream": {"job": "spans", "service": "ollama", "instance": instance}, "values": span_entries})
    body = write_json({"streams": pushed})
    return Batch(gzip.compress(body, compresslevel=1, mtime=0), len(body))


def _metadata(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(values[name]) for name in METADATA if name in values}


def _text(value: Any) -> str:
    """A value as it stands in the line; texts that a client made endless are cut (Loki allows 64 KiB for all)."""
    kind = type(value)
    if kind is str:
        return str(value[:_LONGEST_METADATA_VALUE])
    return str(value) if kind is int else write_json(value).decode()


def _span_entries(row: Row, record: Record, content: SpanContent) -> list[list[Any]]:
    """All spans of an exchange bear the time of its record: both streams then grow in the same order."""
    entries = []
    for span in spans.make_spans(row, record, content):
        metadata = {
            "trace_id": span.trace_id,
            "span_id": span.span_id,
            "name": span.name,
            "kind": span.kind.value,
            "duration": _text((span.end_ns - span.start_ns) / 1e9),
            "exchange": row.id,
        }
        entries.append([str(row.ended_ns), spans.span_line(span, _LONGEST_SPAN_LINE).decode(), metadata])
    return entries
