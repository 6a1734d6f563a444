"""The identity of an exchange and its place in a trace (W3C Trace Context)."""

import os
import re
import time
from dataclasses import dataclass

from service.record.span_ids import child_span_id

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?")


# Not frozen, which takes longer to make; nobody sets a field later. A named tuple takes longer to make and to read.
@dataclass(slots=True)
class TraceIdentity:
    """``exchange`` and ``trace_id`` are 32, ``span_id`` and ``parent_span_id`` 16 lower-case hex digits.

    ``traceparent`` goes on to Ollama: it names the span of the model call, a child of ``span_id``.
    """

    exchange: str
    trace_id: str
    span_id: str
    parent_span_id: str | None
    traceparent: str


class _Pool:
    """Random bytes of the system, fetched many at once: a system call for each id would show."""

    def __init__(self) -> None:
        self._bytes = b""
        self._used = 0

    def take(self, size: int) -> bytes:
        self._used += size
        if self._used > len(self._bytes):
            self._bytes, self._used = os.urandom(4096), size
        return self._bytes[self._used - size : self._used]


_random = _Pool()


def new_exchange_id(unix_ns: int) -> str:
    """A UUID of version 7 (RFC 9562) without hyphens: ids sort by the time they were made."""
    random = _random.take(10)
    milliseconds = unix_ns // 1_000_000 & 0xFFFFFFFFFFFF
    # Its version and its variant stand in the first bits of their bytes.
    marked = bytes((0x70 | random[0] & 0x0F, random[1], 0x80 | random[2] & 0x3F))
    return (milliseconds.to_bytes(6, "big") + marked + random[3:]).hex()


def identify(incoming: str | None, unix_ns: int | None = None) -> TraceIdentity:
    """Join the caller's trace if it sent a valid ``traceparent``, else begin one named like the exchange."""
    exchange = new_exchange_id(time.time_ns() if unix_ns is None else unix_ns)
    joined = _TRACEPARENT.fullmatch(incoming) if incoming else None
    trace_id, parent = (joined.group(1), joined.group(2)) if joined else (exchange, None)
    span_id = exchange[16:]
    model_call = child_span_id(exchange, "model_call")
    return TraceIdentity(exchange, trace_id, span_id, parent, f"00-{trace_id}-{model_call}-01")
