"""What Prometheus reads at ``/metrics``: gauges, measured at each request, and the counters of ``events``."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import REGISTRY, CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from service.events import counters
from service.inspector.exchange_metrics import PREFIX

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SCRAPE_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
"""Sent by Prometheus and by those that ask in its stead."""


@dataclass(frozen=True, slots=True)
class ReceiverNumbers:
    """How shipping to one receiver goes. ``oldest_unshipped`` is the age in seconds of what it has not got yet."""

    name: str
    is_well: bool
    oldest_unshipped: float
    shipped: int
    parked: int
    late: int


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """The queue before Ollama. ``buckets`` are those of a histogram of waits, which were ``seconds`` together."""

    active: int
    waiting: int
    buckets: tuple[tuple[str, float], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class UpstreamNumbers:
    """One of several Ollamas: whether it answers, and how many calls of models have a place there."""

    name: str
    is_up: bool
    active: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """A picture of the recorder. Sizes are bytes; what is not known is None."""

    in_flight: int
    is_ollama_up: bool
    journal_bytes: int
    disk_free_bytes: int | None
    newest_number: int
    not_indexed: int | None
    queued: int
    waiting: int
    bodies_lost: int
    records_lost: int
    is_journal_degraded: bool
    last_commit_seconds: float
    log_lines_dropped: int
    receivers: tuple[ReceiverNumbers, ...]
    queue: QueueNumbers | None = None
    upstreams: tuple[UpstreamNumbers, ...] = ()


class NumbersCollector:
    """Turns ``Numbers`` into Prometheus' families at each request."""

    def __init__(self, numbers: Callable[[], Numbers], exchanges: Callable[[], Iterable[Metric]], version: str) -> None:
        """``exchanges`` gives the metrics of what has ended."""
        self._numbers = numbers
        self._exchanges = exchanges
        self._version = version

    def describe(self) -> Iterable[Metric]:
        """Nothing: at registration there are no numbers yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        numbers = self._numbers()
        build = GaugeMetricFamily(PREFIX + "build_info", "1, with the version.", labels=["version"])
        build.add_metric([self._version], 1)
        yield build
        yield from self._exchanges()
        for name, meaning, value in _plain(numbers):
            yield GaugeMetricFamily(PREFIX + name, meaning, value=value)
        for name, meaning, counted in _counted(numbers):
            yield CounterMetricFamily(PREFIX + name, meaning, value=counted)
        if numbers.queue is not None:
            yield from _of_queue(numbers.queue)
        if numbers.upstreams:
            yield from _of_upstreams(numbers.upstreams)
        yield from _of_receivers(numbers.receivers)


def _plain(numbers: Numbers) -> list[tuple[str, str, float]]:
    plain: list[tuple[str, str, float | None]] = [
        ("in_flight", "Exchanges that have not ended.", numbers.in_flight),
        ("ollama_up", "1 while Ollama answers.", numbers.is_ollama_up),
        ("journal_bytes", "Bytes of the journal's files.", numbers.journal_bytes),
        ("disk_free_bytes", "Bytes free on the journal's disk.", numbers.disk_free_bytes),
        ("journal_newest_number", "Number of the newest record.", numbers.newest_number),
        ("index_behind_records", "Records that a search does not find yet.", numbers.not_indexed),
        ("journal_queued", "Exchanges on their way to the journal's thread.", numbers.queued),
        ("journal_waiting", "Records in memory because the disk does not take them.", numbers.waiting),
        ("journal_degraded", "1 while the journal does not work as it should.", numbers.is_journal_degraded),
        ("journal_last_commit_seconds", "How long the last commit took.", numbers.last_commit_seconds),
    ]
    return [(name, meaning, value) for name, meaning, value in plain if value is not None]


def _counted(numbers: Numbers) -> list[tuple[str, str, int]]:
    return [
        ("lost_bodies", "Records kept without their bodies.", numbers.bodies_lost),
        ("lost_records", "Records that could not be kept.", numbers.records_lost),
        ("log_lines_dropped", "Log lines that nobody took from standard output.", numbers.log_lines_dropped),
    ]


def _of_queue(queue: QueueNumbers) -> list[Metric]:
    waits = HistogramMetricFamily(
        PREFIX + "queue_seconds",
        "How long model calls waited in the recorder for a place at Ollama.",
        buckets=list(queue.buckets),
        sum_value=queue.seconds,
    )
    return [
        GaugeMetricFamily(PREFIX + "active", "Model calls that have a place at Ollama.", value=queue.active),
        GaugeMetricFamily(PREFIX + "waiting", "Model calls that wait for a place at Ollama.", value=queue.waiting),
        waits,
    ]


def _of_upstreams(upstreams: Iterable[UpstreamNumbers]) -> list[Metric]:
    well = GaugeMetricFamily(PREFIX + "upstream_up", "1 while this Ollama, of several, answers.", labels=["upstream"])
    active = GaugeMetricFamily(
        PREFIX + "upstream_active", "Model calls that have a place at this Ollama.", labels=["upstream"]
    )
    for one in upstreams:
        well.add_metric([one.name], one.is_up)
        active.add_metric([one.name], one.active)
    return [well, active]


def _of_receivers(receivers: Iterable[ReceiverNumbers]) -> list[Metric]:
    well = GaugeMetricFamily(PREFIX + "receiver_up", "1 while the receiver takes records.", labels=["receiver"])
    oldest = GaugeMetricFamily(
        PREFIX + "oldest_unshipped_seconds",
        "Age of the oldest record that the receiver has not got; Loki refuses what is over an hour behind.",
        labels=["receiver"],
    )
    shipped = CounterMetricFamily(PREFIX + "shipped_records", "Records accepted.", labels=["receiver"])
    parked = CounterMetricFamily(
        PREFIX + "parked_records", "Records that the receiver will never take.", labels=["receiver"]
    )
    late = CounterMetricFamily(PREFIX + "late_records", "Parked records that came too late.", labels=["receiver"])
    for receiver in receivers:
        well.add_metric([receiver.name], receiver.is_well)
        oldest.add_metric([receiver.name], receiver.oldest_unshipped)
        shipped.add_metric([receiver.name], receiver.shipped)
        parked.add_metric([receiver.name], receiver.parked)
        late.add_metric([receiver.name], receiver.late)
    return [well, oldest, shipped, parked, late]


def exposition(collector: NumbersCollector, events: CollectorRegistry = REGISTRY) -> bytes:
    """The text of ``/metrics``: the recorder's numbers, then everything registered in ``events``."""
    # Those of which nothing happened yet are shown as 0, so that the first one is an increase.
    counters()
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types for it
    own = CollectorRegistry(auto_describe=False)
    own.register(collector)
    return generate_latest(own) + generate_latest(events)
