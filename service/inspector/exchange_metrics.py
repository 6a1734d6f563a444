"""What exchanges took, for Prometheus: counters and histograms with few labels, so that dashboards need not ask Loki.

A record is counted once, on the journal's thread, after it is on disk. What Prometheus has is since the start; it sees
a restart by itself.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict
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


# By identity: there is one of each, and comparing its texts would cost more than what it counts.
@dataclass(frozen=True, slots=True, eq=False)
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
ENERGY = Family("model_energy_joules", "Joules of calls, an estimate: absent without a meter.", _MODEL)
NODE_ENERGY = Family("workflow_energy_joules", "Joules of exchanges that named their workflow, an estimate.", _NODE)
NODE_CALLS = Family("workflow_calls", "Exchanges that named their workflow.", _NODE)
NODE_SECONDS = Family("workflow_seconds", "Seconds of exchanges that named their workflow.", _NODE)
NODE_WAITING = Family("workflow_waiting_seconds", "Seconds of them until a runner was ready.", _NODE)
NODE_READ = Family("workflow_prompt_tokens", "Tokens of their prompts.", _NODE)
NODE_WRITTEN = Family("workflow_answer_tokens", "Tokens of their answers.", _NODE)
NODE_FAILURES = Family("workflow_failures", "Failed ones of them.", _NODE)
FAMILIES = (
    *(EXCHANGES, CALL_SECONDS, FIRST_TOKEN, WAIT, SPEED, PROMPT_TOKENS, ANSWER_TOKENS, TIMED_CALLS, TIMED_SECONDS),
    *(READ_TOKENS, LOADS, CUT_PROMPTS, NODE_CALLS, NODE_SECONDS, NODE_WAITING, NODE_READ, NODE_WRITTEN, NODE_FAILURES),
    *(ENERGY, NODE_ENERGY),
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
        self._series: dict[Family, dict[Labels, Series]] = {family: _series_of(family) for family in FAMILIES}
        self._shown_since: dict[tuple[str, Labels], float] = {}
        self._models: dict[str, _OfModel] = {}
        self._nodes: dict[tuple[str, str], list[Series]] = {}

    def add(self, records: Iterable[EncodedRecord]) -> None:
        """Count records that ended. Takes some microseconds for each."""
        with self._lock:
            for encoded in records:
                facts = encoded.counted or _read(encoded)
                failed = facts.failed is True
                self._series[EXCHANGES][encoded.operation, encoded.outcome, "true" if failed else "false"][0] += 1
                if encoded.operation in MODEL_CALLS:
                    self._add_call(facts, encoded, failed)
                if facts.workflow:
                    self._add_workflow(facts, facts.workflow, failed)

    def _add_call(self, facts: CountedFacts, encoded: EncodedRecord, failed: bool) -> None:
        model = self._name_of(short_name(facts.model) if facts.model else "", failed)
        all_series = self._series
        series = self._models.get(model) or self._begin_model(model)
        ended = "left" if encoded.outcome == Outcome.CLIENT_LEFT else "failed" if failed else "completed"
        only = (model,)
        if facts.request_time is not None:
            _observe(all_series[CALL_SECONDS][model, encoded.operation, ended], _SECONDS, facts.request_time)
        if facts.time_to_first_token is not None:
            _observe(all_series[FIRST_TOKEN][only], _SECONDS, facts.time_to_first_token)
        if facts.wait_time is not None:
            _observe(all_series[WAIT][only], _SECONDS, facts.wait_time)
        if facts.tokens_per_second is not None:
            _observe(all_series[SPEED][only], _SPEEDS, facts.tokens_per_second)
        if facts.prompt_tokens is not None:
            self._add_prompt(model, facts.prompt_tokens, facts.cached_tokens)
        if facts.completion_tokens is not None:
            all_series[ANSWER_TOKENS][only][0] += facts.completion_tokens
        if facts.energy is not None:
            all_series[ENERGY][only][0] += facts.energy
        if (facts.load_time or 0.0) > LOAD_SECONDS:
            series.loads[0] += 1
        if facts.prompt_truncated is True:
            by = series.cuts.get(facts.prompt_truncated_by)
            (all_series[CUT_PROMPTS][model, UNKNOWN] if by is None else by)[0] += 1
        self._add_phases(facts, series, only)
        if self._observe_call is not None:
            self._observe_call(model, facts, encoded)

    def _begin_model(self, model: str) -> _OfModel:
        # Also where there was none: a series that is 0 says so, one that is absent does not.
        loads = self._series[LOADS][model,]
        cuts: dict[str | None, Series] = {how: self._series[CUT_PROMPTS][model, how] for how in WAYS_OF_CUTTING}
        series = self._models[model] = _OfModel(loads, cuts, [])
        return series

    def _add_prompt(self, model: str, tokens: int, cached: int | None) -> None:
        read = self._series[PROMPT_TOKENS]
        if cached is None:
            read[model, UNKNOWN][0] += tokens
        else:
            read[model, "true"][0] += min(cached, tokens)
            read[model, "false"][0] += max(0, tokens - cached)

    def _add_phases(self, facts: CountedFacts, series: _OfModel, only: tuple[str]) -> None:
        wait, prompt, generation, whole = facts.wait_time, facts.prompt_time, facts.generation_time, facts.request_time
        if wait is None or prompt is None or generation is None or whole is None:
            return
        if not series.timed:
            series.timed.append(self._series[TIMED_CALLS][only])
            series.timed.extend(self._series[TIMED_SECONDS][(*only, doing)] for doing in PHASES)
        calls, waiting, reading, generating, sending = series.timed
        calls[0] += 1
        waiting[0] += wait
        reading[0] += prompt
        generating[0] += generation
        rest = whole - wait - prompt - generation
        if rest > 0.0:
            sending[0] += rest
        if facts.prompt_tokens is not None:
            self._series[READ_TOKENS][only][0] += max(0, facts.prompt_tokens - (facts.cached_tokens or 0))

    def _add_workflow(self, facts: CountedFacts, workflow: str, failed: bool) -> None:
        labels = (workflow, facts.node or "")
        series = self._nodes.get(labels)
        if series is None:
            if len(self._nodes) >= MOST_NODES:
                labels = (OTHERS, OTHERS)
            # All of them each time, so that every row of a table has every number.
            series = [self._series[family][labels] for family in _OF_NODES]
            if labels != (OTHERS, OTHERS):
                self._nodes[labels] = series
        calls, seconds, waiting, read, written, failures = series
        calls[0] += 1
        seconds[0] += facts.request_time or 0.0
        waiting[0] += facts.wait_time or 0.0
        read[0] += facts.prompt_tokens or 0
        written[0] += facts.completion_tokens or 0
        failures[0] += failed
        if facts.energy is not None:
            self._series[NODE_ENERGY][labels][0] += facts.energy

    def _name_of(self, model: str, failed: bool) -> str:
        """The model's name. One that only failed calls name may be anybody's invention, and gets no series."""
        if model in self._models:
            return model
        if failed or not model or len(self._models) - (OTHERS in self._models) >= MOST_MODELS:
            return OTHERS
        return model

    def families(self, recorder: str, is_scrape: bool = False) -> Iterator[Metric]:
        """The metrics; ``recorder`` is this recorder's name, as in Loki's label ``instance``.

        With ``is_scrape``, for Prometheus, a series is 0 until it has been shown for ``NEW_SECONDS``.
        """
        with self._lock:
            copies = [
                (family, {labels: [*found] for labels, found in series.items()})
                for family, series in self._series.items()
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


def _series_of(family: Family) -> dict[Labels, Series]:
    """The series of one metric; one that is asked for begins with zeros."""
    # Of a histogram, the last two are what is above all bounds, and the sum.
    size = len(family.buckets) + 2 if family.buckets else 1
    return defaultdict(lambda: [0.0] * size)


def _observe(histogram: Series, bounds: tuple[float, ...], value: float) -> None:
    histogram[bisect_left(bounds, value)] += 1
    histogram[-1] += value


def _read(encoded: EncodedRecord) -> CountedFacts:
    try:
        return counted_facts(encoded.summary)
    except ValueError:
        return CountedFacts()
