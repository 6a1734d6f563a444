"""Which models Ollama holds in memory, for Prometheus, from Ollama's own list of them."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from service.inspector.exchange_metrics import MOST_MODELS, PREFIX
from service.record.bodies import document
from service.record.model_facts import listed_models
from service.record.timestamps import read_moment

_LONGEST_NAME = 200
_LAST_YEAR, _FOR_EVER = 2261, 1 << 63


@dataclass(frozen=True, slots=True)
class ModelInMemory:
    """Bytes that a model takes, ``on_gpu`` those of them on a graphics card, and when its time is over (Unix ns)."""

    size: int
    on_gpu: int
    until_ns: int | None


class ModelMemory:
    """What the latest answer to ``/api/ps`` says. One thread notes, others read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, ModelInMemory] = {}
        self._gone_early: Counter[str] = Counter()

    def note(self, body: bytes | None, now_ns: int) -> None:
        """An answer's ``body``; None where Ollama gave none: then nothing is known of its models."""
        models = None if body is None else read_models_in_memory(body)
        with self._lock:
            # Without an answer nothing is known of where they are.
            gone = self._models.keys() - models.keys() if models is not None else set()
            for name in gone:
                until = self._models[name].until_ns
                if until is not None and until > now_ns:
                    self._gone_early[name] += 1
            self._models = models or {}
            for name in self._models:
                # Shown as 0 from the beginning, so that Prometheus sees it rise.
                if len(self._gone_early) < MOST_MODELS:
                    self._gone_early.setdefault(name, 0)

    def families(self, recorder: str) -> Iterator[Metric]:
        """``recorder`` is this recorder's name, as in Loki's label ``instance``."""
        memory, gone = _families(())
        self.add_to(memory, gone, recorder)
        yield from (memory, gone)

    def add_to(self, memory: GaugeMetricFamily, gone: CounterMetricFamily, *labels: str) -> None:
        """Add what is known, behind ``labels``."""
        with self._lock:
            models, gone_early = dict(self._models), dict(self._gone_early)
        for name, model in models.items():
            memory.add_metric([*labels, name, "gpu"], model.on_gpu)
            memory.add_metric([*labels, name, "cpu"], model.size - model.on_gpu)
        for name, count in gone_early.items():
            gone.add_metric([*labels, name], count)


def families_of_several(recorder: str, memories: Mapping[str, ModelMemory]) -> Iterator[Metric]:
    """As ``families``, of several Ollamas by their names: each has a label."""
    memory, gone = _families(("upstream",))
    for upstream, one in memories.items():
        one.add_to(memory, gone, recorder, upstream)
    yield from (memory, gone)


def _families(more_labels: Sequence[str]) -> tuple[GaugeMetricFamily, CounterMetricFamily]:
    return (
        GaugeMetricFamily(
            PREFIX + "loaded_model_bytes",
            "Bytes of memory that a loaded model takes.",
            labels=["recorder", *more_labels, "model", "place"],
        ),
        CounterMetricFamily(
            PREFIX + "models_gone_early",
            "How often a model left memory before its keep_alive ended: for another one, or on request.",
            labels=["recorder", *more_labels, "model"],
        ),
    )


def read_models_in_memory(body: bytes) -> dict[str, ModelInMemory] | None:
    """By name, the models of an answer to ``/api/ps``; None if it is no such answer. Nonsense is left out."""
    answer = document(body)
    models = listed_models(answer)
    if models is None or answer["models"] is None:
        return None
    found: dict[str, ModelInMemory] = {}
    for name, model in islice(models.items(), MOST_MODELS):
        size, on_gpu = model.get("size"), model.get("size_vram", 0)
        if type(size) is int and type(on_gpu) is int and 0 <= on_gpu <= size:
            found[name[:_LONGEST_NAME]] = ModelInMemory(size, on_gpu, _moment(model.get("expires_at")))
    return found


def _moment(text: Any) -> int | None:
    """Unix nanoseconds; None where it is no time."""
    if not isinstance(text, str):
        return None
    try:
        return read_moment(text)
    except ValueError:
        # A negative keep_alive ends in the year 2318, later than nanoseconds can be written in 64 bits.
        return _FOR_EVER if text[:4].isdecimal() and int(text[:4]) > _LAST_YEAR else None
