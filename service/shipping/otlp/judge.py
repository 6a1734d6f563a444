"""What an answer to an export means, by OTLP's own list."""

import re
from collections.abc import Mapping
from typing import Final

import orjson

from service.record.json_text import as_text
from service.shipping.otlp.settings import TRACES_PATH
from service.shipping.receiver import Decision, Verdict, judge_stranger, quote_answer, read_retry_after

# The specification's own, and what proxies say of a receiver that is away or too slow.
_RETRYABLE: Final = frozenset({408, 425, 429, 502, 503, 504, *range(520, 531)})
# What was asked, who asked, and whether they may: no record has a part in these.
_OF_US: Final = frozenset({401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 421, 426, 428, 431, 451, 501, 505, 511})
_MISSING_HEADER: Final = re.compile(rb'"loc"\s*:\s*\[\s*"header"\s*,\s*"([A-Za-z0-9_-]{1,100})"')


def judge(status: int, headers: Mapping[str, str], body: bytes, path: str = TRACES_PATH) -> Verdict:
    """What an answer means by the OTLP specification (OTLP/HTTP response, failures, throttling).

    ``path`` is what is added to the endpoint for this signal. A verdict on metrics counts their thrown away data points
    as ``rejected_spans``.
    """
    if stranger := judge_stranger(status, headers, "OTEL_EXPORTER_OTLP_ENDPOINT"):
        return stranger
    if 200 <= status < 300:
        return _judge_success(headers, body)
    message = _status_message(headers, body)
    detail = f"HTTP {status}: {message}" if message else f"HTTP {status}"
    if status in _RETRYABLE:
        wait = read_retry_after(headers)
        return Verdict(Decision.RETRY, f"http_{status}", detail, retry_after=wait, is_overload=status == 429)
    if header := _missing_header(body):
        advice = f"set OTEL_EXPORTER_OTLP_HEADERS={header}=…: the receiver asks for it"
        return Verdict(Decision.REFUSED, f"http_{status}", detail, advice)
    if status in _OF_US:
        # The specification forbids to repeat a request that was judged; these say that it was not even read.
        return Verdict(Decision.REFUSED, f"http_{status}", detail, _what_to_do(status, path))
    # Halves are new requests: one bad span must not take the others with it.
    is_of_content = status in (400, 413)
    return Verdict(Decision.SPLIT, f"http_{status}", detail, may_be_us=True, is_of_content=is_of_content)


def _missing_header(body: bytes) -> str:
    """The request header that an answer names as missing, as FastAPI's do (MLflow); empty: it names none."""
    found = _MISSING_HEADER.search(body)
    return found[1].decode() if found else ""


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
    # An answer about metrics has the same fields on the wire.
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    try:
        partial = ExportTraceServiceResponse.FromString(body).partial_success
    except DecodeError:
        return 0, ""
    return max(0, partial.rejected_spans), partial.error_message


def _partial_success_in_json(body: bytes) -> tuple[int, str]:
    """JSON writes 64-bit numbers as text."""
    try:
        partial = orjson.loads(body)["partialSuccess"]
        rejected = partial.get("rejectedSpans", partial.get("rejectedDataPoints", 0))
        return max(0, int(rejected)), as_text(partial.get("errorMessage", ""))
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0, ""


def _status_message(headers: Mapping[str, str], body: bytes) -> str:
    """A failure's body is a ``google.rpc.Status``, whose second field is a text in plain UTF-8."""
    if "protobuf" in headers.get("Content-Type", ""):
        printable = "".join(letter if letter.isprintable() else " " for letter in body[:2000].decode("utf-8", "ignore"))
        return quote_answer(printable.encode())
    return quote_answer(body)


def _what_to_do(status: int, path: str) -> str:
    if status in (401, 402, 403, 407, 451, 511):
        return "check OTEL_EXPORTER_OTLP_HEADERS: the receiver wants other credentials"
    return f"check OTEL_EXPORTER_OTLP_ENDPOINT: {path} is added to it, and it must speak OTLP over HTTP (port 4318)"
