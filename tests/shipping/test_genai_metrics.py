"""Calls become the client metrics of the GenAI conventions: which, with which attributes, adding up to what."""

import json
import time
from typing import Any

import pytest

from service.inspector.exchange_metrics import MOST_MODELS, OTHERS, ExchangeMetrics
from service.record.exchange import EncodedRecord
from service.shipping.genai_metrics import INSTRUMENTS, GenAiMetrics, Point
from tests.integration.a_day import a_day

STREAMED = {
    "stream": True,
    "status": 200,
    "request_time": 3.0,
    "time_to_first_byte": 0.5,
    "time_to_first_token": 1.0,
    "prompt_tokens": 27,
    "cached_tokens": 7,
    "completion_tokens": 21,
}
Found = dict[tuple[Any, ...], Point]


def call(**values: Any) -> EncodedRecord:
    told: dict[str, Any] = {
        "operation": "chat",
        "outcome": "completed",
        "failed": False,
        "model": "m",
        "request_time": 1.0,
    } | values
    line = json.dumps(told).encode()
    return EncodedRecord("1", 0, 1, "POST", told["operation"], told["outcome"], None, line, line, b"", b"")


def observed(*calls: EncodedRecord) -> GenAiMetrics:
    metrics = GenAiMetrics(lambda name: ("gpu", 11434) if name == "gpu" else None)
    ExchangeMetrics(observe_call=metrics.observe).add(calls)
    return metrics


def points(metrics: GenAiMetrics, name: str, *by: str) -> Found:
    """The series of a metric, by the values of these attributes."""
    found = {}
    for instrument, series in metrics.snapshot().points:
        for point in series if instrument.name == "gen_ai.client." + name else ():
            attributes = dict(point.attributes)
            found[tuple(attributes.get(each) for each in by)] = point
    return found


def count(point: Point) -> float:
    return sum(point.sums[:-1])


def test_a_call_is_in_every_metric_of_both_forms_with_what_its_record_says() -> None:
    metrics = observed(call(**STREAMED))
    durations = points(metrics, "operation.duration", "error.type")
    assert (count(durations[(None,)]), durations[(None,)].sums[-1]) == (1, 3.0)
    (first,) = points(metrics, "operation.time_to_first_chunk").values()
    assert (count(first), first.sums[-1]) == (1, 0.5)
    (chunks,) = points(metrics, "operation.time_per_output_chunk").values()
    assert count(chunks) == 20
    assert chunks.sums[-1] == pytest.approx(2.0)
    usage = points(metrics, "token.usage", "gen_ai.token.type")
    assert {key: point.sums[-1] for key, point in usage.items()} == {("input",): 27, ("output",): 21}
    for direction, modality, tokens in (("input", "unknown", 27), ("output", "text", 21)):
        used = points(metrics, f"inference.usage.{direction}_tokens", "gen_ai.token.modality")
        assert {key: point.sums for key, point in used.items()} == {(modality,): (tokens,)}
        (each,) = points(metrics, f"inference.operation.{direction}_tokens").values()
        assert [count(each), each.sums[-1]] == [1, tokens]
    (cached,) = points(metrics, "inference.usage.cache_read.input_tokens").values()
    assert [*cached.sums] == [7]
    assert dict(cached.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.system": "ollama",
        "gen_ai.request.model": "m",
        "gen_ai.token.modality": "unknown",
    }


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.005, 0), (0.01, 0), (0.011, 1), (81.92, 13), (81.93, 14), (4000.0, 14)]
)
def test_a_bound_belongs_to_its_bucket_and_what_is_above_all_has_one(seconds: float, bucket: int) -> None:
    (point,) = points(observed(call(request_time=seconds)), "operation.duration").values()
    assert [index for index, number in enumerate(point.sums[:-1]) if number] == [bucket]


def test_buckets_are_those_of_the_conventions() -> None:
    bounds = {instrument.unit: instrument.bounds for instrument in INSTRUMENTS if instrument.bounds}
    assert bounds["{token}"][:4] == (1, 4, 16, 64)
    assert bounds["{token}"][-1] == 67108864
    assert bounds["s"][0] == 0.01
    assert bounds["s"][-1] == 81.92
    assert all(later == pytest.approx(2 * sooner) for sooner, later in zip(bounds["s"], bounds["s"][1:], strict=False))


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"outcome": "completed", "status": 404, "failed": True}, "404"),
        ({"outcome": "completed", "status": 200, "failed": True}, "error_in_answer"),
        ({"outcome": "upstream_timed_out", "status": 504, "failed": True}, "upstream_timed_out"),
        ({"outcome": "client_left", "status": 200, "failed": False}, None),
    ],
)
def test_what_failed_says_why_in_a_word_of_a_small_set(values: dict[str, Any], error: str | None) -> None:
    metrics = observed(call(model="m"), call(**values))
    assert (error,) in points(metrics, "operation.duration", "error.type")


def test_a_failed_call_counts_in_no_histogram_of_tokens_and_as_0_in_the_counters() -> None:
    metrics = observed(call(failed=True, status=500, stream=True, time_to_first_byte=0.1))
    assert not points(metrics, "inference.operation.input_tokens")
    assert not points(metrics, "operation.time_to_first_chunk")
    (used,) = points(metrics, "inference.usage.input_tokens").values()
    assert used.sums == (0,)


def test_what_is_not_known_is_in_no_histogram() -> None:
    metrics = observed(call(request_time=None, stream=True, status=200, completion_tokens=1))
    names = {instrument.name for instrument, _ in metrics.snapshot().points}
    assert not {name for name in names if "duration" in name or "chunk" in name}


def test_an_answer_in_one_piece_has_no_chunks() -> None:
    metrics = observed(call(**{**STREAMED, "stream": False, "time_to_first_token": None}))
    assert not points(metrics, "operation.time_to_first_chunk")
    assert not points(metrics, "operation.time_per_output_chunk")


def test_time_in_the_recorders_queue_is_no_time_of_the_call() -> None:
    metrics = observed(call(**STREAMED, queue_time=0.25, upload_time=0.05))
    (duration,) = points(metrics, "operation.duration").values()
    (first,) = points(metrics, "operation.time_to_first_chunk").values()
    assert duration.sums[-1] == pytest.approx(2.7)
    assert first.sums[-1] == pytest.approx(0.2)


def test_embeddings_have_metrics_of_their_own_in_the_newest_form() -> None:
    metrics = observed(call(operation="embed", prompt_tokens=9))
    by = ("gen_ai.operation.name",)
    for name in ("operation.duration", "token.usage", "embeddings.duration", "embeddings.operation.input_tokens"):
        assert points(metrics, name, *by).keys() == {("embeddings",)}, name
    assert not points(metrics, "inference.usage.input_tokens")


def test_what_was_refused_or_asks_no_model_is_no_call() -> None:
    metrics = observed(call(outcome="refused", failed=True, status=429), call(operation="list"))
    assert metrics.is_empty
    assert metrics.snapshot().points == ()


def test_each_of_several_ollamas_has_its_address() -> None:
    metrics = observed(call(upstream="gpu"), call(upstream="gone"))
    found = points(metrics, "operation.duration", "server.address", "server.port")
    assert found.keys() == {("gpu", 11434), (None, None)}


def test_however_many_models_are_named_the_number_of_series_is_bounded() -> None:
    metrics = observed(
        *(call(model=f"m{number}") for number in range(500)),
        *(call(model=f"x{number}", failed=True, status=404) for number in range(500)),
    )
    found = points(metrics, "operation.duration", "gen_ai.request.model", "error.type")
    assert len({model for model, _ in found}) == MOST_MODELS + 1
    assert count(found[OTHERS, "404"]) == 500


def test_a_call_costs_some_microseconds() -> None:
    records = a_day(400, 1_800_000_000).records

    def least(metrics: ExchangeMetrics) -> float:
        taken = []
        for _ in range(7):
            begin = time.thread_time()
            metrics.add(records)
            taken.append((time.thread_time() - begin) / len(records))
        return min(taken)

    more = least(ExchangeMetrics(observe_call=GenAiMetrics(lambda _: None).observe)) - least(ExchangeMetrics())
    print(f"a call costs {more * 1e6:.1f} µs more")
    assert more < 30e-6
