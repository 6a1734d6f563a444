"""Rounds: every gateway in turn, again and again, so that a slow minute of the machine hits all of them alike."""

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.counters import busy_seconds, usage
from tests.benchmarks.gateways import Gateway
from tests.benchmarks.load import Result, burst, exchanges, latencies, streams

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Slot:
    """One gateway in one round.

    ``cpu`` is seconds of core per exchange or chunk, of the gateway's whole process tree, and ``main_thread`` the part
    of its first thread (in the recorder: the event loop). ``rate`` is exchanges or chunks a second, ``load_used`` the
    share of the load's core that clients and upstream took, ``disturbed`` the share of the gateway's core that others
    took meanwhile.
    """

    cpu: float
    main_thread: float
    rate: float
    load_used: float
    disturbed: float
    gap_p99: float | None = None


@dataclass(slots=True)
class Series:
    """All slots of one kind of load, by gateway; the n-th slots of all gateways are one round."""

    unit: str
    slots: dict[str, list[Slot]] = field(default_factory=dict)

    def median(self, name: str, of: Callable[[Slot], float]) -> float:
        return statistics.median(of(slot) for slot in self.slots[name])

    def ratios(self, name: str, to: str) -> list[float]:
        """CPU of ``name`` over CPU of ``to``, round by round."""
        return [ours.cpu / theirs.cpu for ours, theirs in zip(self.slots[name], self.slots[to], strict=True)]


@dataclass(slots=True)
class Tally:
    """What was asked of each gateway in the whole run, and what went wrong."""

    requests: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, gateway: Gateway, result: Result) -> None:
        self.add_requests(gateway, result.requests)
        if result.errors:
            self.problems.append(
                f"{gateway.name}: {result.errors} of {result.requests} answers were not as they should be"
            )

    def add_requests(self, gateway: Gateway, number: int) -> None:
        self.requests[gateway.name] = self.requests.get(gateway.name, 0) + number

    def settle(self, gateway: Gateway) -> None:
        """What a recorder does after the answer belongs to the exchange: wait for it."""
        if not gateway.settle(self.requests.get(gateway.name, 0)):
            self.problems.append(f"{gateway.name}: not everything was recorded or delivered in time")


class Measurement:
    """Runs loads against ``gateways`` (the first is the upstream itself, "direct") and keeps the tally."""

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        self.gateways = gateways
        self.tally = Tally()

    def warm_up(self, seconds: float) -> None:
        for gateway in self.gateways:
            self.tally.add(gateway, exchanges(gateway.target, CONNECTIONS, seconds))
            self.tally.add(gateway, streams(gateway.target, 2, 3, 0.01))
            self.tally.settle(gateway)

    def small_exchanges(self, rounds: int, seconds: float) -> Series:
        series = Series("exchange")
        self._run(series, rounds, lambda gateway: exchanges(gateway.target, CONNECTIONS, seconds))
        return series

    def streamed_chunks(self, rounds: int, number: int, seconds: float, interval: float) -> Series:
        series = Series("chunk")
        chunks = round(seconds / interval)
        self._run(series, rounds, lambda gateway: streams(gateway.target, number, chunks, interval))
        return series

    def one_connection(self, rounds: int) -> dict[str, list[float]]:
        """Seconds of each small exchange on one connection; "direct again" is the null measurement."""
        order = [*self.gateways, self.gateways[0]]
        taken = latencies([gateway.target for gateway in order], rounds)
        for gateway in order:
            self.tally.add_requests(gateway, rounds)
        for gateway in self.gateways:
            self.tally.settle(gateway)
        return dict(zip([*(gateway.name for gateway in self.gateways), "direct again"], taken, strict=True))

    def bursts(self, rounds: int, number: int, chunks: int, interval: float) -> dict[str, list[Sequence[float]]]:
        """Seconds until the first byte of ``number`` streams asked for at once, round by round, by gateway."""
        found: dict[str, list[Sequence[float]]] = {gateway.name: [] for gateway in self.gateways}
        for _ in range(rounds):
            for gateway in self.gateways:
                result = burst(gateway.target, number, chunks, interval)
                self.tally.add(gateway, result)
                self.tally.settle(gateway)
                found[gateway.name].append(result.first_bytes)
        return found

    def _run(self, series: Series, rounds: int, load: Callable[[Gateway], Result]) -> None:
        for _ in range(rounds):
            for gateway in self.gateways:
                series.slots.setdefault(gateway.name, []).append(self._slot(gateway, load))

    def _slot(self, gateway: Gateway, load: Callable[[Gateway], Result]) -> Slot:
        upstream = self.gateways[0]
        before, busy_before = usage(gateway.pid), busy_seconds(gateway.core)
        load_before, upstream_before = usage(os.getpid()), usage(upstream.pid)
        begin = time.perf_counter()
        result = load(gateway)
        load_used = (usage(os.getpid()) - load_before).main_thread + (usage(upstream.pid) - upstream_before).tree
        self.tally.add(gateway, result)
        self.tally.settle(gateway)
        took = time.perf_counter() - begin
        spent, busy = usage(gateway.pid) - before, busy_seconds(gateway.core) - busy_before
        units = result.chunks or result.requests
        return Slot(
            cpu=spent.tree / units,
            main_thread=spent.main_thread / units,
            rate=units / result.seconds,
            load_used=load_used / result.seconds,
            disturbed=max(0.0, busy - spent.tree) / took if gateway is not upstream else 0.0,
            gap_p99=percentile(result.gaps, 99) if result.gaps else None,
        )


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]
