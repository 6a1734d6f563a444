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
from typing import NamedTuple, get_args

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from service.record.counted_facts import CountedFacts, counted_facts
from service.record.exchange import EncodedRecord, Outcome
from service.record.model_facts import short_name
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


_OF_NODES = (NODE_CALLS, NODE_SECONDS, NODE_WAITING, NODE_READ, NODE_WRITTEN, NODE_FAILURES)
ObserveCall = Callable[[str, CountedFacts, EncodedRecord], None]
Series = list[float]
"""What one combination of labels has come to: a sum, or of a histogram its buckets and, last, its sum."""


class _OfModel(NamedTuple):
    """The series that each call of a model adds to, looked up once. ``cuts``: by the way of cutting."""

    loads: Series
    cuts: dict[str | None, Series]
    timed: list[Series]
    """Of timed calls: their number, and the seconds of each phase. Empty while there was none."""


class ExchangeMetrics:
    """Counts records. One thread adds, others read.

    ``observe_call`` is told of each call of a model, with the name that its series have here.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, observe_call: ObserveCall | None = None) -> None:
        self._clock = clock
        self._observe_call = observe_call
        self._lock = threading.Lock()
        self._series: dict[str, dict[Labels, Series]] = {family.name: {} for family in FAMILIES}
        self._shown_since: dict[tuple[str, Labels], float] = {}
        self._models: dict[str, _OfModel] = {}
        self._nodes: dict[tuple[str, str], list[Series]] = {}

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
        model = self._name_of(short_name(facts.model) if facts.model else "", failed)
        series = self._models.get(model) or self._begin_model(model)
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
        if (facts.load_time or 0.0) > LOAD_SECONDS:
            series.loads[0] += 1
        if facts.prompt_truncated is True:
            by = series.cuts.get(facts.prompt_truncated_by)
            (self._series_of(CUT_PROMPTS, (model, UNKNOWN)) if by is None else by)[0] += 1
        self._add_phases(facts, series, only)
        if self._observe_call is not None:
            self._observe_call(model, facts, encoded)

    def _begin_model(self, model: str) -> _OfModel:
        # Also where there was none: a series that is 0 says so, one that is absent does not.
        loads = self._series_of(LOADS, (model,))
        cuts: dict[str | None, Series] = {how: self._series_of(CUT_PROMPTS, (model, how)) for how in WAYS_OF_CUTTING}
        series = self._models[model] = _OfModel(loads, cuts, [])
        return series

    def _add_prompt(self, model: str, tokens: int, cached: int | None) -> None:
        if cached is None:
            self._count(PROMPT_TOKENS, (model, UNKNOWN), tokens)
        else:
            self._count(PROMPT_TOKENS, (model, "true"), min(cached, tokens))
            self._count(PROMPT_TOKENS, (model, "false"), max(0, tokens - cached))

    def _add_phases(self, facts: CountedFacts, series: _OfModel, only: tuple[str]) -> None:
        wait, prompt, generation, whole = facts.wait_time, facts.prompt_time, facts.generation_time, facts.request_time
        if wait is None or prompt is None or generation is None or whole is None:
            return
        if not series.timed:
            series.timed.append(self._series_of(TIMED_CALLS, only))
            series.timed.extend(self._series_of(TIMED_SECONDS, (*only, doing)) for doing in PHASES)
        calls, waiting, reading, generating, sending = series.timed
        calls[0] += 1
        waiting[0] += wait
        reading[0] += prompt
        generating[0] += generation
        rest = whole - wait - prompt - generation
        if rest > 0.0:
            sending[0] += rest
        if facts.prompt_tokens is not None:
            self._count(READ_TOKENS, only, max(0, facts.prompt_tokens - (facts.cached_tokens or 0)))

    def _add_workflow(self, facts: CountedFacts, workflow: str, failed: bool) -> None:
        labels = (workflow, facts.node or "")
        series = self._nodes.get(labels)
        if series is None:
            if len(self._nodes) >= MOST_NODES:
                labels = (OTHERS, OTHERS)
            # All of them each time, so that every row of a table has every number.
            series = [self._series_of(family, labels) for family in _OF_NODES]
            if labels != (OTHERS, OTHERS):
                self._nodes[labels] = series
        calls, seconds, waiting, read, written, failures = series
        calls[0] += 1
        seconds[0] += facts.request_time or 0.0
        waiting[0] += facts.wait_time or 0.0
        read[0] += facts.prompt_tokens or 0
        written[0] += facts.completion_tokens or 0
        failures[0] += failed

    def _name_of(self, model: str, failed: bool) -> str:
        """The model's name. One that only failed calls name may be anybody's invention, and gets no series."""
        if model in self._models:
            return model
        if failed or not model or len(self._models) - (OTHERS in self._models) >= MOST_MODELS:
            return OTHERS
        return model

    def _count(self, family: Family, labels: Labels, amount: float = 1) -> None:
        self._series_of(family, labels)[0] += amount

    def _series_of(self, family: Family, labels: Labels) -> Series:
        of_family = self._series[family.name]
        found = of_family.get(labels)
        if found is None:
            # Of a histogram, the last two are what is above all bounds, and the sum.
            found = of_family[labels] = [0.0] * (len(family.buckets) + 2 if family.buckets else 1)
        return found

    def _observe(self, family: Family, labels: Labels, value: float) -> None:
        found = self._series_of(family, labels)
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
