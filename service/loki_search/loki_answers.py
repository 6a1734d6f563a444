"""One question to Loki about a stretch of time, its lines, and what it cost."""

import re
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

from service.loki_search.selection import LokiLine
from service.record.json_text import as_text
from service.shipping.asking import ask, printable

_PATH: Final = "/loki/api/v1/query_range"
# Four may be read at once, and what is read takes several times as much. A line has 240 kB at most.
_LONGEST_ANSWER: Final = 32 << 20
_QUOTED: Final = 300
# What a program that reads our JSON can hold in a number.
_LARGEST: Final = 2**53
_EXCHANGE: Final = re.compile("[0-9a-f]{32}")


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
    """``lines`` are newest first, no more than were asked for. ``scanned_bytes``: what Loki looked through for them.

    With ``warnings`` of Loki's, some may be missing.
    """

    lines: list[LokiLine]
    scanned_bytes: int
    warnings: tuple[str, ...] = ()


def ask_for_lines(
    loki: LokiAddress, query: str, since_ns: int, until_ns: int, limit: int, seconds: float
) -> LokiLines | AskFor:
    """The newest ``limit`` lines from ``since_ns`` on and before ``until_ns`` (Unix nanoseconds). Blocks.

    AskFor: they have more than 32 MiB, or are more than this Loki gives at once. Raises LokiError, also when the whole
    answer takes longer than ``seconds``.
    """
    asked = {"query": query, "start": since_ns, "end": until_ns, "limit": limit, "direction": "backward"}
    try:
        address = f"{loki.base}{_PATH}?{urllib.parse.urlencode(asked)}"
        answer = ask(address, headers=loki.headers, seconds=seconds, most=_LONGEST_ANSWER + 1)
    except OSError as error:
        reason = printable(str(error) or type(error).__name__)
        raise LokiError(
            f"Loki at {loki.base} could not be asked ({reason}): see that it runs, and LOKI_URL."
        ) from error
    status, body = answer.status, answer.body
    if status == 400:
        for words, instead in _LIMITS.items():
            if words in body:
                return instead
    if status != 200:
        told = printable(body[:_QUOTED].decode("utf-8", "replace")).strip() or "without a word."
        if 300 <= status < 400:
            where = printable(answer.headers.get("location", "another place")[:_QUOTED])
            told = f"it sends to {where}, and no redirects are followed: see LOKI_URL."
        raise LokiError(f"Loki at {loki.base} answered {status}: {told}")
    return AskFor.FEWER_LINES if len(body) > _LONGEST_ANSWER else _read(body, loki, since_ns, until_ns)


def _read(body: bytes, loki: LokiAddress, since_ns: int, until_ns: int) -> LokiLines:
    try:
        answer: Any = orjson.loads(body)
        data = answer["data"]
        if answer["status"] != "success" or data["resultType"] != "streams":
            raise ValueError
        lines = [
            LokiLine(
                int(at), as_text(stream["stream"].get("instance", "")), stream["stream"]["exchange"], line.encode()
            )
            for stream in data["result"]
            if _is_record(stream["stream"].get("exchange"))
            for at, line, *_ in stream["values"]
        ]
        scanned = int(data.get("stats", {}).get("summary", {}).get("totalBytesProcessed", 0))
        scanned = max(0, min(scanned, _LARGEST))
        warnings = tuple(printable(as_text(one)[:_QUOTED]).strip() for one in answer.get("warnings") or ())
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise LokiError(f"What answers at {loki.base} is no Loki, or an unknown one: see LOKI_URL.") from error
    # What was not asked for would be found twice.
    lines = [line for line in lines if since_ns <= line.ended_ns < until_ns]
    lines.sort(key=lambda line: line.place, reverse=True)
    return LokiLines(lines, scanned, warnings)


def not_whole(warnings: Iterable[str]) -> LokiError:
    """For what has to be all there is, where Loki gave ``warnings`` with its answer."""
    return LokiError(f"Loki may not have found everything, as it warns: {'; '.join(warnings)}. Ask again later.")


def _is_record(exchange: object) -> bool:
    return isinstance(exchange, str) and _EXCHANGE.fullmatch(exchange) is not None
