"""What the index keeps of a record: numbers, names, and the words to search for."""

import math
from dataclasses import dataclass
from typing import Any

import orjson

from service.journal.reader import Row
from service.record.conversation import searchable
from service.search.index import NAMED
from service.search.query_language import spaced

COMPLETED, FAILED, CLIENT_LEFT = 0, 1, 2
# Nothing that is counted in a record comes near; what does is nonsense, and SQLite takes no more than 64 bits.
_MOST = 1 << 53
_NAME_KEYS = tuple({"execution": "execution_id"}.get(name, name) for name in NAMED)


@dataclass(frozen=True, slots=True)
class IndexColumns:
    """``names`` in the order of index.NAMED; ``numbers`` are status, kind, is_truncated, request_ms, spot, tokens_in,
    tokens_out and rate, as columns of the index; ``replay_of`` is the id of an exchange."""

    number: int
    ended_ms: int
    started_ms: int
    names: tuple[str | None, ...]
    numbers: tuple[int | None, ...]
    replay_of: str | None
    prompt: str
    answer: str


def facts_of(row: Row) -> IndexColumns:
    """Never raises: of a line that cannot be read only what the row itself says is known."""
    said = _said(row.line)
    names = [_text(said.get(key)) for key in _NAME_KEYS]
    names[-2:] = names[-2] or row.operation or None, row.outcome
    seconds = said.get("request_time")
    request_ms = _count(seconds * 1000) if isinstance(seconds, int | float) else None
    kind = _kind(said, row.outcome)
    rate = said.get("tokens_per_second")
    prompt, answer = map(spaced, searchable(said))
    return IndexColumns(
        number=row.number,
        ended_ms=row.ended_ns // 1_000_000,
        started_ms=row.started_ns // 1_000_000,
        names=tuple(names),
        numbers=(
            _count(said.get("status")),
            kind,
            int(said.get("prompt_truncated") is True),
            request_ms,
            4 * height(request_ms) + kind,
            _count(said.get("prompt_tokens")),
            _count(said.get("completion_tokens")),
            _count(rate * 1000) if isinstance(rate, int | float) else None,
        ),
        replay_of=_text(said.get("replay_of")),
        prompt=prompt,
        answer=answer,
    )


def height(milliseconds: int | None) -> int:
    """How high a duration is drawn: twentieths of a decade, from 1 (a millisecond or less) on; 0 if it is unknown."""
    if milliseconds is None:
        return 0
    return 1 + math.floor(20 * math.log10(milliseconds)) if milliseconds > 1 else 1


def _said(line: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _kind(said: dict[str, Any], outcome: str) -> int:
    if outcome == "client_left":
        return CLIENT_LEFT
    return FAILED if said.get("failed", outcome != "completed") else COMPLETED


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    if not isinstance(value, int | float) or not 0 <= value <= _MOST:
        return None
    return round(value)
