"""The exchanges of the last hours, each with what went on around it: what doctor judges traffic by.

They are read from the journal itself, newest first and no further than a few seconds reach: the index may be missing or
behind, and making it would write.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from service.journal.reader import Reader
from service.record.bodies import document
from service.record.explanation import Surroundings, explain
from service.record.record import record_of
from service.record.wording import counted, since

# What is read at most: an hour of a busy machine, a month of a quiet one. Ten thousand records of 3 kB take a second.
_MOST_RECORDS = 10_000
_MOST_BYTES = 64_000_000
_MOST_SECONDS = 3.0
_AT_ONCE = 200
_MODEL_CALLS = frozenset({"chat", "generate", "embed", "transcribe"})


@dataclass(frozen=True, slots=True)
class Observation:
    """One exchange: its line and its request as JSON objects, and what explains it (kinds of findings)."""

    said: dict[str, Any]
    asked: dict[str, Any]
    around: Surroundings
    kinds: frozenset[str]

    def text(self, key: str) -> str:
        """What the line says under ``key``; empty where it says nothing of the kind."""
        value = self.said.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> float:
        """The same for numbers; 0 where there is none."""
        value = self.said.get(key)
        return float(value) if isinstance(value, int | float) and abs(value) < 1e15 else 0.0

    @property
    def outcome(self) -> str:
        return self.text("outcome")

    @property
    def is_answered(self) -> bool:
        """Whether it is a call of a model that was answered in full."""
        return self.said.get("failed") is False and self.outcome == "completed" and self.is_model_call

    @property
    def is_model_call(self) -> bool:
        return self.text("operation") in _MODEL_CALLS

    @property
    def refused_for(self) -> str:
        """What the recorder said when it refused it; empty when it did not."""
        if self.outcome != "refused":
            return ""
        return self.text("error") or self.text("response_body")


@dataclass(frozen=True, slots=True)
class Window:
    """``calls``, oldest first; ``seconds`` asked for; ``is_whole``: whether they are all of that time."""

    calls: tuple[Observation, ...]
    seconds: float
    is_whole: bool = True

    @property
    def span(self) -> str:
        """``of the last 24 h``."""
        if self.is_whole:
            return f"of the last {since(self.seconds)}"
        return f"among the newest {counted(len(self.calls), 'exchange')}"


def newest(calls: Sequence[Observation]) -> str:
    """How the newest of ``calls`` is looked at: by its whole id, as those that began at once begin alike."""
    return f"See the newest: ollama-recorder show {calls[-1].text('exchange')}."


def models(calls: Sequence[Observation]) -> str:
    """Their models, the most frequent first, three at most."""
    names = [call.text("model") for call in calls if call.text("model")]
    frequent = sorted(set(names), key=lambda name: (-names.count(name), name))
    more = f" and {len(frequent) - 3} more" if len(frequent) > 3 else ""
    return ", ".join(name[:80] for name in frequent[:3]) + more


def read_window(folder: Path, seconds: float) -> Window:
    """The exchanges that ended in the last ``seconds``. Raises JournalError."""
    reader = Reader(folder, seconds=_MOST_SECONDS)
    since_ns = time.time_ns() - int(seconds * 1e9)
    deadline = time.monotonic() + _MOST_SECONDS
    lines: list[tuple[int, int, bytes]] = []
    before, size = (1 << 63) - 1, 0
    try:
        while True:
            rows = reader.ask(
                "SELECT number, started_ns, ended_ns, line FROM exchange WHERE number < ? ORDER BY number DESC LIMIT ?",
                (before, _AT_ONCE),
            )
            lines += [(started, ended, line) for _, started, ended, line in rows if ended >= since_ns]
            if not rows or rows[-1][2] < since_ns:
                return Window(_calls(lines), seconds)
            before, size = rows[-1][0], size + sum(len(row[3]) for row in rows)
            if len(lines) >= _MOST_RECORDS or size >= _MOST_BYTES or time.monotonic() > deadline:
                return Window(_calls(lines), seconds, is_whole=False)
    finally:
        reader.close()


def _calls(lines: Iterable[tuple[int, int, bytes]]) -> tuple[Observation, ...]:
    parsed = [(started, ended, said) for started, ended, line in lines if (said := _object(line)) is not None]
    parsed.sort(key=lambda one: one[0])
    return tuple(_call(said, around) for (_, _, said), around in zip(parsed, _around(parsed), strict=True))


def _call(said: dict[str, Any], around: Surroundings) -> Observation:
    body = said.get("request_body")
    asked = document(body.encode("utf-8", "surrogatepass")) if isinstance(body, str) else None
    kinds = frozenset(finding.kind for finding in explain(record_of(said), around).findings)
    return Observation(said, asked if isinstance(asked, dict) else {}, around, kinds)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _around(parsed: list[tuple[int, int, dict[str, Any]]]) -> Iterator[Surroundings]:
    """What went on when each began, for exchanges in the order of their beginnings."""
    ends = sorted((ended, index) for index, (_, ended, _) in enumerate(parsed))
    last_end: dict[object, int] = {}
    running: dict[object, int] = {}
    at = 0
    in_flight = 0
    for started, _, said in parsed:
        while at < len(ends) and ends[at][0] <= started:
            ended, index = ends[at]
            model = _model(parsed[index][2])
            last_end[model] = max(last_end.get(model, 0), ended)
            running[model] = running.get(model, 0) - 1
            in_flight -= 1
            at += 1
        model = _model(said)
        last = last_end.get(model)
        of_this_model = running.get(model, 0) > 0
        yield Surroundings(
            model_last_used=None if of_this_model or last is None else (started - last) / 1e9,
            in_flight=max(0, in_flight),
            median_rate=None,
            median_count=0,
            model_in_use=of_this_model,
        )
        running[model] = running.get(model, 0) + 1
        in_flight += 1


def _model(said: dict[str, Any]) -> object:
    model = said.get("model")
    return model if isinstance(model, str) else None
