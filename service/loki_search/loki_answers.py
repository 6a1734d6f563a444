"""One question to Loki about a stretch of time, its lines, and what it cost."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from service.loki_search.selection import LokiLine
from service.shipping.asking import direct_opener

_PATH: Final = "/loki/api/v1/query_range"
_LONGEST_ANSWER: Final = 64 << 20
_QUOTED: Final = 300


class LokiError(Exception):
    """Loki could not be asked, or did not answer; the message is a sentence that says what to do."""


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
) -> LokiLines | None:
    """The newest ``limit`` lines from ``since_ns`` on and before ``until_ns`` (Unix nanoseconds). Blocks.

    None: they have more than 64 MiB; ask for fewer. Raises LokiError, also when it takes longer than ``seconds``.
    """
    asked = {"query": query, "start": since_ns, "end": until_ns, "limit": limit, "direction": "backward"}
    address = f"{loki.base}{_PATH}?{urllib.parse.urlencode(asked)}"
    try:
        request = urllib.request.Request(address, headers=dict(loki.headers))
        with direct_opener().open(request, timeout=seconds) as response:
            status, body = response.status, response.read(_LONGEST_ANSWER + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise LokiError(
            f"Loki at {loki.base} could not be asked ({reason}): see that it runs, and LOKI_URL."
        ) from error
    if status != 200:
        raise LokiError(f"Loki at {loki.base} answered {status}: {body[:_QUOTED].decode('utf-8', 'replace').strip()}")
    return None if len(body) > _LONGEST_ANSWER else _read(body, loki)


def _read(body: bytes, loki: LokiAddress) -> LokiLines:
    try:
        data: Any = orjson.loads(body)["data"]
        lines = [
            LokiLine(int(at), stream["stream"].get("instance", ""), stream["stream"]["exchange"], line.encode())
            for stream in data["result"]
            for at, line, *_ in stream["values"]
            if "exchange" in stream["stream"]
        ]
        scanned = int(data.get("stats", {}).get("summary", {}).get("totalBytesProcessed", 0))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LokiError(f"What answers at {loki.base} is no Loki, or an unknown one: see LOKI_URL.") from error
    lines.sort(key=lambda line: line.place, reverse=True)
    return LokiLines(lines, scanned)
