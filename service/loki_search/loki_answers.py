"""One question to Loki about a stretch of time, its lines, and what it cost."""

import http.client
import re
import socket
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

from service.loki_search.selection import LokiLine

_PATH: Final = "/loki/api/v1/query_range"
# Four may be read at once, and what is read takes several times as much. A line has 240 kB at most.
_LONGEST_ANSWER: Final = 16 << 20
_QUOTED: Final = 300
_EXCHANGE: Final = re.compile("[0-9a-f]{32}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class LokiError(Exception):
    """Loki could not be asked, or did not answer; the message is a sentence that says what to do."""


class AskFor(StrEnum):
    """What Loki, or the memory here, has to be asked for instead."""

    FEWER_LINES = "fewer lines"
    A_SHORTER_TIME = "a shorter time"


# Limits that whoever runs Loki may have set lower than it comes with.
_LIMITS: Final = {
    b"max_entries_limit": AskFor.FEWER_LINES,
    b"max entries limit": AskFor.FEWER_LINES,
    b"the query time range exceeds the limit": AskFor.A_SHORTER_TIME,
}


@dataclass(frozen=True, slots=True)
class LokiAddress:
    """``base`` is the address without a path, ``headers`` are the tenant and the login."""

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LokiLines:
    """``lines`` are newest first, no more than were asked for. ``scanned_bytes``: what Loki looked through for them."""

    lines: list[LokiLine]
    scanned_bytes: int


def ask_for_lines(
    loki: LokiAddress, query: str, since_ns: int, until_ns: int, limit: int, seconds: float
) -> LokiLines | AskFor:
    """The newest ``limit`` lines from ``since_ns`` on and before ``until_ns`` (Unix nanoseconds). Blocks.

    AskFor: they have more than 16 MiB, or are more than this Loki gives at once. Raises LokiError, also when the whole
    answer takes longer than ``seconds``.
    """
    asked = {"query": query, "start": since_ns, "end": until_ns, "limit": limit, "direction": "backward"}
    try:
        status, body = _get(loki, f"{_PATH}?{urllib.parse.urlencode(asked)}", seconds)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = _printable(str(error) or type(error).__name__)
        raise LokiError(
            f"Loki at {loki.base} could not be asked ({reason}): see that it runs, and LOKI_URL."
        ) from error
    if status == 400:
        for words, instead in _LIMITS.items():
            if words in body:
                return instead
    if status != 200:
        told = _printable(body[:_QUOTED].decode("utf-8", "replace").strip())
        raise LokiError(f"Loki at {loki.base} answered {status}: {told}")
    return AskFor.FEWER_LINES if len(body) > _LONGEST_ANSWER else _read(body, loki, since_ns, until_ns)


def _get(loki: LokiAddress, target: str, seconds: float) -> tuple[int, bytes]:
    """Status and body. The environment's proxies are not used, and redirects are not followed."""
    parts = urllib.parse.urlsplit(loki.base)
    connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with closing(connect(parts.hostname or "", parts.port, timeout=seconds)) as connection:
        connection.connect()
        with _at_most(connection.sock, seconds):
            connection.request("GET", parts.path + target, headers=dict(loki.headers))
            response = connection.getresponse()
            return response.status, response.read(_LONGEST_ANSWER + 1)


@contextmanager
def _at_most(connected: socket.socket, seconds: float) -> Iterator[None]:
    """End the connection after so many seconds: its own time-out begins anew with each byte. Raises TimeoutError."""
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        with suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if not is_over.is_set():
            raise
    finally:
        timer.cancel()
    if is_over.is_set():
        raise TimeoutError(f"no whole answer within {seconds:g} s")


def _printable(text: str) -> str:
    """Whoever answers there must not write on anybody's terminal."""
    return _UNPRINTABLE.sub(" ", text)


def _read(body: bytes, loki: LokiAddress, since_ns: int, until_ns: int) -> LokiLines:
    try:
        data: Any = orjson.loads(body)["data"]
        lines = [
            LokiLine(int(at), str(stream["stream"].get("instance", "")), stream["stream"]["exchange"], line.encode())
            for stream in data["result"]
            if _is_record(stream["stream"].get("exchange"))
            for at, line, *_ in stream["values"]
        ]
        scanned = int(data.get("stats", {}).get("summary", {}).get("totalBytesProcessed", 0))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise LokiError(f"What answers at {loki.base} is no Loki, or an unknown one: see LOKI_URL.") from error
    # What was not asked for would be found twice.
    lines = [line for line in lines if since_ns <= line.ended_ns < until_ns]
    lines.sort(key=lambda line: line.place, reverse=True)
    return LokiLines(lines, scanned)


def _is_record(exchange: object) -> bool:
    return isinstance(exchange, str) and _EXCHANGE.fullmatch(exchange) is not None
