"""The ratios that a run is held against: what is wanted of each, and above what a run fails.

A limit is for regressions, not for what is wanted: costs that grow by two fifths exceed the one beside bare aiohttp,
and the noise of a quiet machine does not. Another machine's kernel or Python changes the ratios to NGINX, so those may
grow by two thirds. A slow minute hits one gateway of a round more than another, and then the median of the rounds is
too high; whatever else runs only adds, so the ratio between the least of each is what a quiet machine shows. A
regression raises both. So the smaller one is held against the limit. Where others take much of the gateway's core,
caches are theirs too, and the limit is higher.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.findings import Findings
from tests.benchmarks.gateways import BARE, NGINX, RECORDER
from tests.benchmarks.rounds import Series, percentile

EXCHANGE_WANTED, EXCHANGE_LIMIT = {BARE: 0.45, NGINX: 4.5}, {BARE: 1.8, NGINX: 28.0}
CHUNK_WANTED, CHUNK_LIMIT = {NGINX: 1.2}, {NGINX: 6.0}
BUSY, BUSY_FACTOR = 0.25, 1.5
"""From which share of the gateway's core that others take a machine is busy, and what limits are multiplied by then."""
ADDED_WANTED = 2.5
BURST_WANTED = 3.0
RESIDENT_WANTED_MB = 45.0


@dataclass(frozen=True, slots=True)
class Check:
    """One value beside what is wanted of it at most, and beside its ``limit`` where it has one."""

    name: str
    value: float
    wanted: float
    limit: float | None = None

    @property
    def is_regression(self) -> bool:
        return self.limit is not None and self.value > self.limit

    @property
    def line(self) -> str:
        word = "FAIL" if self.is_regression else "PASS" if self.value <= self.wanted else "MISS"
        limit = "" if self.limit is None else f"; a run fails above {self.limit:g}"
        return f"{word} {self.name}: {self.value:.2f}, at most {self.wanted:g} wanted{limit}"


def checks(findings: Findings) -> list[Check]:
    """What of it this run measured: without NGINX, or without the recorder, there is less."""
    return [*_costs(findings), *_waits(findings), *_memory(findings)]


def exit_code(findings: Findings) -> int:
    """1 when an answer was wrong, a record is missing or a limit exceeded; not when what is wanted was missed."""
    return 1 if findings.problems or any(check.is_regression for check in checks(findings)) else 0


def _costs(findings: Findings) -> Iterator[Check]:
    for title, series in findings.series.items():
        if RECORDER not in series.slots:
            continue
        is_exchange = series.unit == "exchange"
        wanted, limits = (EXCHANGE_WANTED, EXCHANGE_LIMIT) if is_exchange else (CHUNK_WANTED, CHUNK_LIMIT)
        for to, at_most in wanted.items():
            if to in series.slots:
                limit = limits[to] * _allowance(series) if findings.is_held_to_limits else None
                yield Check(f"{title}, CPU x {to}", _ratio(series, to), at_most, limit)


def _ratio(series: Series, to: str) -> float:
    """The smaller one of the median of the rounds and the ratio between the least of each."""
    least = [min(slot.cpu for slot in series.slots[name]) for name in (RECORDER, to)]
    return min(statistics.median(series.ratios(RECORDER, to)), least[0] / least[1])


def _allowance(series: Series) -> float:
    return BUSY_FACTOR if series.median(RECORDER, lambda slot: slot.disturbed) > BUSY else 1.0


def _waits(findings: Findings) -> Iterator[Check]:
    if {RECORDER, NGINX} <= findings.latency.keys():
        direct, nginx, ours = (percentile(findings.latency[name], 50) for name in ("direct", NGINX, RECORDER))
        # Where NGINX adds nothing that can be measured, there is no ratio.
        if nginx > direct:
            yield Check(f"one client alone, added p50 x {NGINX}'s", (ours - direct) / (nginx - direct), ADDED_WANTED)
    if ratios := findings.burst_ratios(RECORDER, NGINX):
        yield Check(f"burst, p99 of the first byte x {NGINX}", statistics.median(ratios), BURST_WANTED)


def _memory(findings: Findings) -> Iterator[Check]:
    if RECORDER in findings.memory:
        yield Check("resident, idle, MB", findings.memory[RECORDER][0] / 1e6, RESIDENT_WANTED_MB)
