"""What Prometheus reads of ended exchanges is what their records say."""

import functools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from service.inspector.exchange_metrics import MOST_MODELS, MOST_NODES, NEW_SECONDS, OTHERS, PREFIX, ExchangeMetrics
from service.record.exchange import EncodedRecord
from tests.integration.a_day import Day, a_day
from tests.integration.dashboard_numbers import a_model_worked, both, count, failed, named, timed, total

Samples = dict[tuple[str, ...], float]


@functools.cache
def day() -> Day:
    """Half a second of work: not for each process that collects these tests."""
    return a_day(800, 1_800_000_000)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def record(**values: Any) -> EncodedRecord:
    """A completed chat with these ``values`` in its line."""
    said: dict[str, Any] = {
        "operation": "chat",
        "outcome": "completed",
        "failed": False,
        "model": "m",
        "request_time": 1.0,
    } | values
    line = json.dumps(said).encode()
    return EncodedRecord("1", 0, 1, "POST", said["operation"], said["outcome"], None, line, line, b"", b"")


def samples(metrics: ExchangeMetrics, name: str, *labels: str, is_scrape: bool = False) -> Samples:
    """The samples called ``name``, by the values of ``labels``, summed over all others."""
    found: Samples = {}
    for family in metrics.families("here", is_scrape):
        for sample in (sample for sample in family.samples if sample.name == PREFIX + name):
            key = tuple(sample.labels[label] for label in labels)
            found[key] = found.get(key, 0) + sample.value
    return found


def counted(records: list[EncodedRecord]) -> ExchangeMetrics:
    metrics = ExchangeMetrics()
    metrics.add(records)
    return metrics


def test_all_spellings_of_a_model_are_one_series() -> None:
    spellings = ["tiny", "Tiny", "tiny:latest", "library/tiny", "registry.ollama.ai/library/tiny:latest"]
    metrics = counted([*(record(model=spelt) for spelt in spellings), record(model="tiny:1b")])
    assert samples(metrics, "call_seconds_count", "model") == {("tiny",): 5, ("tiny:1b",): 1}


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("exchanges_total", ("outcome",), count(lambda said: True, "outcome")),
        ("call_seconds_count", ("model",), count(both(a_model_worked, lambda said: not failed(said)), "model")),
        ("timed_calls_total", ("model",), count(timed, "model")),
        ("workflow_calls_total", ("workflow", "node"), count(named, "workflow", "node")),
        ("workflow_seconds_total", ("workflow", "node"), total("request_time", named, "workflow", "node")),
        ("workflow_prompt_tokens_total", ("workflow",), total("prompt_tokens", named, "workflow")),
        ("workflow_answer_tokens_total", ("workflow",), total("completion_tokens", named, "workflow")),
        ("workflow_waiting_seconds_total", ("workflow",), total("wait_time", named, "workflow")),
        ("workflow_failures_total", ("workflow",), count(both(named, failed), "workflow")),
        ("model_answer_tokens_total", ("model",), total("completion_tokens", a_model_worked, "model")),
        ("model_prompt_tokens_total", ("model",), total("prompt_tokens", a_model_worked, "model")),
        ("first_token_seconds_sum", ("model",), total("time_to_first_token", a_model_worked, "model")),
        ("model_wait_seconds_sum", ("model",), total("wait_time", a_model_worked, "model")),
    ],
)
def test_each_metric_is_what_the_records_add_up_to(name: str, labels: tuple[str, ...], expected: Any) -> None:
    found = samples(counted(day().records), name, *labels)
    if name == "call_seconds_count":
        whole = counted([one for one, said in zip(day().records, day().said, strict=True) if not said["failed"]])
        found = samples(whole, name, *labels)
    assert found == pytest.approx(expected(day().said))


def test_phases_add_up_to_the_whole_of_timed_calls() -> None:
    phases = samples(counted(day().records), "timed_seconds_total", "phase")
    assert phases.keys() == {("waiting",), ("reading",), ("generating",), ("sending",)}
    (whole,) = total("request_time", timed)(day().said).values()
    assert sum(phases.values()) == pytest.approx(whole, rel=1e-3)


def test_a_histogram_has_each_call_in_the_bucket_of_its_seconds() -> None:
    metrics = counted([record(request_time=seconds) for seconds in (0.05, 0.051, 9.0, 5000.0)])
    buckets = samples(metrics, "call_seconds_bucket", "le")
    assert buckets["0.05",] == 1
    assert buckets["0.1",] == buckets["5.0",] == 2
    assert buckets["10.0",] == buckets["600.0",] == 3
    assert buckets["+Inf",] == samples(metrics, "call_seconds_count")[()] == 4


def test_what_is_not_known_is_counted_nowhere_and_a_broken_line_is_one_exchange() -> None:
    metrics = counted(
        [record(), record(operation="list"), record()._replace(summary=b"[1]"), record()._replace(summary=b"")]
    )
    assert samples(metrics, "model_prompt_tokens_total") == {}
    assert samples(metrics, "model_wait_seconds_count") == {}
    assert samples(metrics, "call_seconds_count") == {(): 1}
    assert samples(metrics, "exchanges_total") == {(): 4}


def test_the_cache_is_told_apart_only_where_ollama_tells_of_it() -> None:
    metrics = counted([record(prompt_tokens=10, cached_tokens=4), record(prompt_tokens=7)])
    assert samples(metrics, "model_prompt_tokens_total", "cached") == {("true",): 4, ("false",): 6, ("unknown",): 7}


def test_each_way_of_cutting_prompts_is_counted_also_where_it_never_happened() -> None:
    whole = [record(), record(prompt_truncated=False)]
    assert samples(counted(whole), "cut_prompts_total", "how") == {("messages",): 0, ("length",): 0, ("shift",): 0}
    cut = [record(prompt_truncated=True, prompt_truncated_by=how) for how in ("shift", "shift", "length")]
    # How is not always known, and what is not in the table may be anything.
    cut += [record(prompt_truncated=True), record(prompt_truncated=True, prompt_truncated_by="of another version")]
    assert samples(counted([*whole, *cut]), "cut_prompts_total", "how") == {
        ("messages",): 0,
        ("length",): 1,
        ("shift",): 2,
        ("unknown",): 2,
    }


def test_names_beyond_the_bound_become_one_and_lose_nothing() -> None:
    calls = [record(model=f"m{number}", workflow=f"w{number}") for number in range(MOST_NODES + 50)]
    metrics = counted(calls)
    models = samples(metrics, "call_seconds_count", "model")
    assert len(models) == MOST_MODELS + 1
    assert models[OTHERS,] == len(calls) - MOST_MODELS
    workflows = samples(metrics, "workflow_calls_total", "workflow")
    assert len(workflows) == MOST_NODES + 1
    assert sum(workflows.values()) == len(calls)


def test_a_model_that_only_failed_calls_name_takes_no_place() -> None:
    invented = [record(model=f"invented{number}", failed=True) for number in range(MOST_MODELS * 2)]
    metrics = counted([*invented, record(model="real"), record(model="real", failed=True)])
    assert samples(metrics, "call_seconds_count", "model", "ended") == {
        (OTHERS, "failed"): MOST_MODELS * 2,
        ("real", "completed"): 1,
        ("real", "failed"): 1,
    }


def test_to_prometheus_a_new_series_is_zero_at_first_so_that_its_first_call_counts() -> None:
    clock = Clock()
    metrics = ExchangeMetrics(clock)
    metrics.add([record()])
    assert samples(metrics, "exchanges_total", "recorder") == {("here",): 1}
    assert samples(metrics, "exchanges_total", is_scrape=True) == {(): 0}
    assert {*samples(metrics, "call_seconds_bucket", "le", is_scrape=True).values()} == {0}
    clock.now += NEW_SECONDS - 1
    metrics.add([record()])
    assert samples(metrics, "exchanges_total", is_scrape=True) == {(): 0}
    clock.now += 1
    assert samples(metrics, "exchanges_total", is_scrape=True) == {(): 2}


def test_counting_costs_a_few_microseconds(record_property: Callable[[str, object], None]) -> None:
    metrics, best = ExchangeMetrics(), float("inf")
    for _ in range(5):
        began = time.process_time()
        metrics.add(day().records)
        best = min(best, (time.process_time() - began) / len(day().records))
    record_property("µs for a record", round(best * 1e6, 1))
    # On a quiet machine it is below 20.
    assert best < 0.0005
