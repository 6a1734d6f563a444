"""The exchanges of the last hours, each with what went on around it: what doctor judges traffic by.

They are read from the journal itself, newest first and no further than a few seconds reach: the index may be missing or
behind, and making it would write.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from service.journal.reader import LAST_NUMBER, Reader
from service.record.bodies import first_document
from service.record.exchange import Outcome
from service.record.explanation import Surroundings, explain
from service.record.load_causes import LoadCause, load_cause
from service.record.model_facts import short_name
from service.record.model_time import LEAST_LOAD
from service.record.operations import MODEL_CALLS, USE_MODELS
from service.record.phases import sent_after
from service.record.record import Record
from service.record.wording import counted, since

# What is read at most: an hour of a busy machine, a month of a quiet one. Ten thousand records of 3 kB take a second.
_MOST_RECORDS = 10_000
_MOST_BYTES = 64_000_000
_MOST_SECONDS = 3.0
_AT_ONCE = 200
_MOST_LOOKED_BACK = 1_000


@dataclass(frozen=True, slots=True)
class Observation:
    """One exchange: its record, its request as a JSON object, and what explains it (kinds of findings).

    ``load_cause`` is why its model had to be loaded, where it was and that is told by the calls before.
    """

    record: Record
    request: dict[str, Any]
    around: Surroundings
    kinds: frozenset[str]
    load_cause: LoadCause | None = None

    @property
    def seconds(self) -> float:
        """How long it took; 0 where that is not known."""
        return self.record.request_time or 0.0

    @property
    def is_answered(self) -> bool:
        """Whether it is a call of a model that was answered in full."""
        return self.record.failed is False and self.record.outcome == Outcome.COMPLETED and self.is_model_call

    @property
    def is_model_call(self) -> bool:
        return self.record.operation in MODEL_CALLS

    @property
    def refused_for(self) -> str:
        """Why the recorder refused it, in its words; empty when it did not."""
        return self.error if self.record.outcome == Outcome.REFUSED else ""

    @property
    def error(self) -> str:
        """What went wrong, as Ollama or the recorder answered it; empty where nothing is known."""
        return self.record.error or self.record.response_body or ""


@dataclass(frozen=True, slots=True)
class Window:
    """``calls`` of the last ``seconds``, oldest first; ``is_whole``: whether they are all of that time."""

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
    return f"See the newest: ollama-recorder show {calls[-1].record.exchange or ''}."


def models(calls: Sequence[Observation]) -> str:
    """Their models, the most frequent first, three at most."""
    names = [short_name(call.record.model) for call in calls if call.record.model]
    frequent = sorted(set(names), key=lambda name: (-names.count(name), name))
    more = f" and {len(frequent) - 3} more" if len(frequent) > 3 else ""
    return ", ".join(name[:80] for name in frequent[:3]) + more


def read_window(folder: Path, seconds: float) -> Window:
    """The exchanges that ended in the last ``seconds``. Raises JournalError."""
    reader = Reader(folder, seconds=_MOST_SECONDS)
    since_ns = time.time_ns() - int(seconds * 1e9)
    deadline = time.monotonic() + _MOST_SECONDS
    lines: list[tuple[int, int, bytes]] = []
    before, size = LAST_NUMBER, 0
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


_ModelAt = tuple[str | None, str | None]
"""A model, and the Ollama that has it."""


def _calls(lines: Iterable[tuple[int, int, bytes]]) -> tuple[Observation, ...]:
    """Those of ``lines`` (began, ended, line) that are JSON objects, in the order of their beginnings."""
    kept = [(started, ended, record) for started, ended, line in lines if (record := Record(line)).values]
    kept.sort(key=lambda exchange: exchange[0])
    return tuple(_call(record, around) for (_, _, record), around in zip(kept, _around(kept), strict=True))


def _call(record: Record, around: Surroundings) -> Observation:
    body = record.request_body
    request = first_document(body.encode("utf-8", "surrogatepass")) if body else None
    kinds = frozenset(finding.kind for finding in explain(record, around).findings)
    cause = load_cause(record, around.earlier, around.model_last_used) if around.earlier else None
    return Observation(record, request if isinstance(request, dict) else {}, around, kinds, cause)


def _around(kept: Sequence[tuple[int, int, Record]]) -> list[Surroundings]:
    """What went on when each of ``kept`` went to its Ollama, or began, where it never did."""
    sent = [_sent_ns(started, record) for started, _, record in kept]
    ends = sorted((ended, index) for index, (_, ended, _) in enumerate(kept) if sent[index] is not None)
    moments = sorted((kept[index][0] if went is None else went, index) for index, went in enumerate(sent))
    found: dict[int, Surroundings] = {}
    # What another Ollama does is no reason for what this one does.
    used: defaultdict[str | None, list[Record]] = defaultdict(list)
    last_end: dict[_ModelAt, int] = {}
    running: Counter[_ModelAt] = Counter()
    in_flight: Counter[str | None] = Counter()
    at = 0
    for moment, this in moments:
        while at < len(ends) and ends[at][0] <= moment:
            ended, index = ends[at]
            model = _model_at(kept[index][2])
            last_end[model] = max(last_end.get(model, 0), ended)
            running[model] -= 1
            in_flight[model[1]] -= 1
            if model[0] and kept[index][2].operation in USE_MODELS:
                used[model[1]].append(kept[index][2])
            at += 1
        model = _model_at(kept[this][2])
        last = last_end.get(model)
        of_this_model = running[model] > 0
        found[this] = Surroundings(
            model_last_used=None if of_this_model or last is None else (moment - last) / 1e9,
            in_flight=max(0, in_flight[model[1]]),
            median_rate=None,
            median_count=0,
            model_in_use=of_this_model,
            earlier=_used_before(kept[this][2], used[model[1]]),
        )
        if sent[this] is not None:
            running[model] += 1
            in_flight[model[1]] += 1
    return [found[index] for index in range(len(kept))]


def _used_before(record: Record, used: Sequence[Record]) -> tuple[Record, ...]:
    """Of a call that a model was loaded for: what used models before it, newest first, up to its own model's last."""
    if (record.load_time or 0.0) < LEAST_LOAD or record.operation not in MODEL_CALLS:
        return ()
    name, before = _model_at(record)[0], list[Record]()
    for one in islice(reversed(used), _MOST_LOOKED_BACK):
        before.append(one)
        if _model_at(one)[0] == name:
            return tuple(before)
    return ()


def _sent_ns(started_ns: int, record: Record) -> int | None:
    """When it went to Ollama; None: it never did."""
    after = sent_after(record, record.outcome or "")
    return None if after is None else started_ns + round(after * 1e9)


def _model_at(record: Record) -> _ModelAt:
    return record.model and short_name(record.model), record.upstream
