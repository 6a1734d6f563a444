"""What exchanges took, for Prometheus: counters and histograms with few labels, so that dashboards need not ask Loki.

A record is counted once, on the journal's thread, after it is on disk. What Prometheus has is since the start; it sees
a restart by itself.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import get_args

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from service.record.counted_facts import CountedFacts, counted_facts
from service.record.exchange import EncodedRecord, Outcome
from service.record.operations import MODEL_CALLS
from service.record.phases import MEASURED_PHASES
from service.record.prompt_fit import Cut

PREFIX = "ollama_recorder_"
OTHERS = "(others)"
"""Stands for every model, or workflow and node, beyond those that are told apart."""
WAYS_OF_CUTTING: tuple[str, ...] = get_args(Cut)
UNKNOWN = "unknown"
MOST_MODELS, MOST_NODES = 40, 200
# Prometheus sees a rise only from what it has seen before: to it what is new is 0 for more than its usual interval.
NEW_SECONDS = 20.0
LOAD_SECONDS = 1.0
"""A longer load is one: a model that is there already answers sooner."""

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_SPEEDS = (1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
PHASES = (*(phase.doing for phase in MEASURED_PHASES), "sending")
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric, without its prefix; a histogram if it has ``buckets``, which are upper bounds."""

    name: str
    meaning: str
    labels: Labels
    buckets: tuple[float, ...] = ()


_MODEL, _NODE = ("model",), ("workflow", "node")
EXCHANGES = Family("exchanges", "Ended exchanges.", ("operation", "outcome", "failed"))
CALL_SECONDS = Family(
    "call_seconds",
    "Seconds of calls to models, from the request to the end.",
    ("model", "operation", "ended"),
    _SECONDS,
)
FIRST_TOKEN = Family("first_token_seconds", "Seconds until the first token of streamed answers.", _MODEL, _SECONDS)
WAIT = Family("model_wait_seconds", "Seconds until a runner was ready: Ollama's queue and loads.", _MODEL, _SECONDS)
SPEED = Family("generated_tokens_per_second", "Tokens a second while generating.", _MODEL, _SPEEDS)
PROMPT_TOKENS = Family(
    "model_prompt_tokens", "Tokens of prompts, by whether they came from the model's cache.", ("model", "cached")
)
ANSWER_TOKENS = Family("model_answer_tokens", "Tokens of answers.", _MODEL)
TIMED_CALLS = Family("timed_calls", "Calls of which Ollama timed every phase.", _MODEL)
TIMED_SECONDS = Family("timed_seconds", "Seconds of timed calls, by phase.", ("model", "phase"))
READ_TOKENS = Family("timed_read_tokens", "Tokens of prompts that timed calls read, those from the cache not.", _MODEL)
LOADS = Family("model_loads", f"Calls for which Ollama spent over {LOAD_SECONDS:g} s on loading.", _MODEL)
CUT_PROMPTS = Family("cut_prompts", "Calls whose prompt Ollama cut, and how.", ("model", "how"))
NODE_CALLS = Family("workflow_calls", "Exchanges that named their workflow.", _NODE)
NODE_SECONDS = Family("workflow_seconds", "Seconds of exchanges that named their workflow.", _NODE)
NODE_WAITING = Family("workflow_waiting_seconds", "Seconds of them until a runner was ready.", _NODE)
NODE_READ = Family("workflow_prompt_tokens", "Tokens of their prompts.", _NODE)
NODE_WRITTEN = Family("workflow_answer_tokens", "Tokens of their answers.", _NODE)
NODE_FAILURES = Family("workflow_failures", "Failed ones of them.", _NODE)
FAMILIES = (
    *(EXCHANGES, CALL_SECONDS, FIRST_TOKEN, WAIT, SPEED, PROMPT_TOKENS, ANSWER_TOKENS, TIMED_CALLS, TIMED_SECONDS),
    *(READ_TOKENS, LOADS, CUT_PROMPTS, NODE_CALLS, NODE_SECONDS, NODE_WAITING, NODE_READ, NODE_WRITTEN, NODE_FAILURES),
)


class ExchangeMetrics:
    """Counts records. One thread adds, others read."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._series: dict[str, dict[Labels, list[float]]] = {family.name: {} for family in FAMILIES}
        self._shown_since: dict[tuple[str, Labels], float] = {}
        self._models: set[str] = set()
        self._nodes: set[tuple[str, str]] = set()

    def add(self, records: Iterable[EncodedRecord]) -> None:
        """Count records that ended. Takes some microseconds for each."""
        with self._lock:
            for encoded in records:
                try:
                    facts = counted_facts(encoded.summary)
                except ValueError:
                    facts = CountedFacts()
                failed = facts.failed is True
                self._count(EXCHANGES, (encoded.operation, encoded.outcome, "true" if failed else "false"))
                if encoded.operation in MODEL_CALLS:
                    self._add_call(facts, encoded, failed)
                if facts.workflow:
                    self._add_workflow(facts, facts.workflow, failed)

    def _add_call(self, facts: CountedFacts, encoded: EncodedRecord, failed: bool) -> None:
        model = self._model_of(facts.model or "", failed)
        ended = "left" if encoded.outcome == Outcome.CLIENT_LEFT else "failed" if failed else "completed"
        only = (model,)
        if facts.request_time is not None:
            self._observe(CALL_SECONDS, (model, encoded.operation, ended), facts.request_time)
        if facts.time_to_first_token is not None:
            self._observe(FIRST_TOKEN, only, facts.time_to_first_token)
        if facts.wait_time is not None:
            self._observe(WAIT, only, facts.wait_time)
        if facts.tokens_per_second is not None:
            self._observe(SPEED, only, facts.tokens_per_second)
        if facts.prompt_tokens is not None:
            self._add_prompt(model, facts.prompt_tokens, facts.cached_tokens)
        if facts.completion_tokens is not None:
            self._count(ANSWER_TOKENS, only, facts.completion_tokens)
        # Also where there was none: a series that is 0 says so, one that is absent does not.
        self._count(LOADS, only, (facts.load_time or 0.0) > LOAD_SECONDS)
        self._add_cut(model, facts.prompt_truncated is True, facts.prompt_truncated_by)
        self._add_phases(facts, only)

    def _add_prompt(self, model: str, tokens: int, cached: int | None) -> None:
        if cached is None:
            self._count(PROMPT_TOKENS, (model, UNKNOWN), tokens)
        else:
            self._count(PROMPT_TOKENS, (model, "true"), min(cached, tokens))
            self._count(PROMPT_TOKENS, (model, "false"), max(0, tokens - cached))

    def _add_cut(self, model: str, is_cut: bool, by: str | None) -> None:
        for how in WAYS_OF_CUTTING:
            self._count(CUT_PROMPTS, (model, how), is_cut and how == by)
        if is_cut and by not in WAYS_OF_CUTTING:
            self._count(CUT_PROMPTS, (model, UNKNOWN))

    def _add_phases(self, facts: CountedFacts, only: tuple[str]) -> None:
        wait, prompt, generation, whole = facts.wait_time, facts.prompt_time, facts.generation_time, facts.request_time
        if wait is None or prompt is None or generation is None or whole is None:
            return
        self._count(TIMED_CALLS, only)
        sending = max(0.0, whole - wait - prompt - generation)
        for doing, spent in zip(PHASES, (wait, prompt, generation, sending), strict=True):
            self._count(TIMED_SECONDS, (*only, doing), spent)
        if facts.prompt_tokens is not None:
            self._count(READ_TOKENS, only, max(0, facts.prompt_tokens - (facts.cached_tokens or 0)))

    def _add_workflow(self, facts: CountedFacts, workflow: str, failed: bool) -> None:
        labels = (workflow, facts.node or "")
        if labels not in self._nodes:
            if len(self._nodes) < MOST_NODES:
                self._nodes.add(labels)
            else:
                labels = (OTHERS, OTHERS)
        # All of them each time, so that every row of a table has every number.
        self._count(NODE_CALLS, labels)
        self._count(NODE_SECONDS, labels, facts.request_time or 0.0)
        self._count(NODE_WAITING, labels, facts.wait_time or 0.0)
        self._count(NODE_READ, labels, facts.prompt_tokens or 0)
        self._count(NODE_WRITTEN, labels, facts.completion_tokens or 0)
        self._count(NODE_FAILURES, labels, failed)

    def _model_of(self, model: str, failed: bool) -> str:
        """The model's name. One that only failed calls name may be anybody's invention, and gets no series."""
        if model in self._models:
            return model
        if failed or not model or len(self._models) >= MOST_MODELS:
            return OTHERS
        self._models.add(model)
        return model

    def _count(self, family: Family, labels: Labels, amount: float = 1) -> None:
        series = self._series[family.name]
        found = series.get(labels)
        if found is None:
            series[labels] = [amount]
        else:
            found[0] += amount

    def _observe(self, family: Family, labels: Labels, value: float) -> None:
        series = self._series[family.name]
        found = series.get(labels)
        if found is None:
            # The last two: above all bounds, and the sum.
            found = series[labels] = [0.0] * (len(family.buckets) + 2)
        found[bisect_left(family.buckets, value)] += 1
        found[-1] += value

    def families(self, recorder: str, is_scrape: bool = False) -> Iterator[Metric]:
        """The metrics; ``recorder`` is this recorder's name, as in Loki's label ``instance``.

        With ``is_scrape``, for Prometheus, a series is 0 until it has been shown for ``NEW_SECONDS``.
        """
        with self._lock:
            copies = [
                (family, {labels: [*found] for labels, found in self._series[family.name].items()})
                for family in FAMILIES
            ]
        for family, series in copies:
            names = ("recorder", *family.labels)
            if family.buckets:
                bounds = [*map(str, family.buckets), "+Inf"]
                histogram = HistogramMetricFamily(PREFIX + family.name, family.meaning, labels=names)
                for labels, found in self._shown(family, series, is_scrape):
                    buckets = [*zip(bounds, accumulate(found[:-1]), strict=True)]
                    histogram.add_metric((recorder, *labels), buckets, found[-1])
                yield histogram
            else:
                counter = CounterMetricFamily(PREFIX + family.name, family.meaning, labels=names)
                for labels, found in self._shown(family, series, is_scrape):
                    counter.add_metric((recorder, *labels), found[0])
                yield counter

    def _shown(
        self, family: Family, series: dict[Labels, list[float]], is_scrape: bool
    ) -> Iterator[tuple[Labels, list[float]]]:
        now = self._clock()
        for labels, found in series.items():
            if is_scrape and now - self._shown_since.setdefault((family.name, labels), now) < NEW_SECONDS:
                yield labels, [0.0] * len(found)
            else:
                yield labels, found
