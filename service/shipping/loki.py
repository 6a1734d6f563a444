"""Loki: rows become a push request, and its answers are understood as Loki means them.

What Loki does and its manual does not say (3.7, ``pkg/distributor/distributor.go``, ``pkg/ingester/stream.go``):

* A 400 is partial: the good lines are stored, then the bad ones are reported. Sent again, the
  good ones are dropped as duplicates, if time, line, structured metadata and labels are the same.
* The code is that of the last failure only: a batch with a bad line may answer 429 and the reverse.
* 260 means that ingestion is blocked. It is a 2xx, and nothing was stored.
* A line more than an hour behind the newest of its stream is refused for good, so the oldest go first.
"""

import base64
import gzip
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from service.journal.reader import Row
from service.record.fields import METADATA
from service.shipping import spans
from service.shipping.receiver import (
    Batch,
    Decision,
    Receiver,
    Verdict,
    judge_stranger,
    quote_answer,
    read_retry_after,
)

PUSH_PATH = "/loki/api/v1/push"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Loki refuses lines over 256 KiB (limits_config.max_line_size).
_LONGEST_SPAN_LINE = 240_000
_LONGEST_METADATA_VALUE = 1_000

# Loki's own sentences (pkg/validation/validate.go, pkg/chunkenc) and the names it counts them under.
_FAULTS_OF_A_LINE = (
    ("entry too far behind", "too_far_behind"),
    ("has timestamp too old", "greater_than_max_sample_age"),
    ("entry out of order", "out_of_order"),
    ("has timestamp too new", "too_far_in_future"),
    ("max entry size", "line_too_long"),
    ("structured metadata too large", "structured_metadata_too_large"),
    ("too many structured metadata labels", "structured_metadata_too_many"),
)
_REASONS_OF_AGE = frozenset({"too_far_behind", "greater_than_max_sample_age", "out_of_order"})
# Our labels are the same for every record: a complaint about them is about Loki's settings.
_FAULTS_OF_THE_SETTINGS = (
    (
        "this feature is disallowed",
        "allow structured metadata in Loki: limits_config.allow_structured_metadata, schema v13",
    ),
    ("missing required labels", "Loki demands further labels: limits_config.enforced_labels"),
    (" label names; limit", "raise Loki's limits_config.max_label_names_per_series to 5 or more"),
    ("label name too long", "raise Loki's limits_config.max_label_name_length"),
    ("label value too long", "raise Loki's limits_config.max_label_value_length"),
    ("duplicate label name", "check what rewrites labels between the recorder and Loki"),
    ("error parsing labels", "check what rewrites labels between the recorder and Loki"),
    ("at least one label pair", "check what rewrites labels between the recorder and Loki"),
    ("no org id", "set LOKI_TENANT"),
)
_NOTHING_TO_STORE = "at least one valid stream is required"


def make_receiver(
    url: str,
    instance: str,
    *,
    with_spans: bool = True,
    with_messages: bool = False,
    tenant: str = "",
    username: str = "",
    password: str = "",
    token: str = "",
) -> Receiver:
    """The Loki at ``url`` (its base address). ``instance`` becomes a stream label, so it must outlive restarts."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    headers |= login_headers(tenant, username, password, token)
    return Receiver(
        name="loki",
        url=url.rstrip("/").removesuffix(PUSH_PATH) + PUSH_PATH,
        headers=headers,
        encode=partial(encode, instance=instance, with_spans=with_spans, with_messages=with_messages),
        judge=judge,
        # Half of the default limit of a tenant. Above 1.5 MB/s Loki splits a stream into several (shard_streams),
        # and what is sent twice could then lie in two of them.
        bytes_per_second=2_000_000,
    )


def login_headers(tenant: str, username: str, password: str, token: str) -> dict[str, str]:
    """What opens a Loki that has tenants or a login; empty texts are not set."""
    headers = {"X-Scope-OrgID": tenant} if tenant else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif username:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    return headers


def encode(rows: Sequence[Row], instance: str, with_spans: bool, with_messages: bool = False) -> Batch:
    """A push request for ``rows``: the same rows always give the same times, lines, metadata and labels.

    Raises when a row's line is no JSON object; nobody but the journal's disk can bring that about.
    """
    streams: dict[str, list[list[Any]]] = {}
    span_entries: list[list[Any]] = []
    for row in rows:
        line = orjson.loads(row.line)
        method = row.method if row.method in METHODS else "OTHER"
        streams.setdefault(method, []).append([str(row.ended_ns), row.line.decode(), _metadata(line)])
        if with_spans:
            span_entries += _span_entries(row, line, with_messages)
    pushed = [
        {"stream": {"job": "nginx", "service": "ollama", "method": method, "instance": instance}, "values": entries}
        for method, entries in streams.items()
    ]
    if span_entries:
        pushed.append({"stream": {"job": "spans", "service": "ollama", "instance": instance}, "values": span_entries})
    body = orjson.dumps({"streams": pushed})
    return Batch(gzip.compress(body, compresslevel=1, mtime=0), len(body))


def _metadata(line: Mapping[str, Any]) -> dict[str, str]:
    return {key: _text(line[key]) for key in METADATA if key in line}


def _text(value: Any) -> str:
    """A value as it stands in the line; texts that a client made endless are cut (Loki allows 64 KiB for all)."""
    kind = type(value)
    if kind is str:
        return str(value[:_LONGEST_METADATA_VALUE])
    return str(value) if kind is int else orjson.dumps(value).decode()


def _span_entries(row: Row, line: Mapping[str, Any], with_messages: bool) -> list[list[Any]]:
    """All spans of an exchange bear the time of its record: both streams then grow in the same order."""
    entries = []
    for span in spans.make_spans(row, line, with_messages):
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


def judge(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """What Loki's answer means for the batch that was sent."""
    said = quote_answer(body)
    detail = f"HTTP {status}: {said}" if said else f"HTTP {status}"
    if stranger := judge_stranger(status, headers, "LOKI_URL"):
        return stranger
    if status == 260:
        return Verdict(
            Decision.REFUSED, "blocked", detail, "Loki's limits_config.block_ingestion_until blocks ingestion"
        )
    if 200 <= status < 300:
        return Verdict(Decision.ACCEPTED)
    if status == 422 and _NOTHING_TO_STORE in said:
        # Only an empty push, our question whether Loki is there, is answered so.
        return Verdict(Decision.ACCEPTED)
    if status == 429:
        return Verdict(Decision.RETRY, "rate_limited", detail, retry_after=read_retry_after(headers), is_overload=True)
    if status == 408 or status >= 500:
        return Verdict(Decision.RETRY, f"http_{status}", detail, retry_after=read_retry_after(headers))
    if status == 413:
        return Verdict(Decision.SPLIT, "request_too_large", detail, may_be_us=True)
    if status == 400:
        return _judge_bad_request(body.decode("utf-8", "replace").lower(), detail)
    return Verdict(Decision.REFUSED, f"http_{status}", detail, _what_to_do(status))


def _judge_bad_request(said: str, detail: str) -> Verdict:
    for sentence, what_to_do in _FAULTS_OF_THE_SETTINGS:
        if sentence in said:
            return Verdict(Decision.REFUSED, "loki_limits", detail, what_to_do)
    for sentence, reason in _FAULTS_OF_A_LINE:
        if sentence in said:
            return Verdict(Decision.SPLIT, reason, detail, is_late=reason in _REASONS_OF_AGE)
    return Verdict(Decision.SPLIT, "bad_request", detail, may_be_us=True)


def _what_to_do(status: int) -> str:
    if status in (401, 403):
        return "check LOKI_TENANT, LOKI_TOKEN, LOKI_USERNAME and LOKI_PASSWORD"
    if status in (404, 405):
        return f"check LOKI_URL: it is the base address, {PUSH_PATH} is added to it"
    return "check LOKI_URL and what stands between the recorder and Loki"
