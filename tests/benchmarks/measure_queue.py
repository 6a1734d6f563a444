"""What a queue costs: ``make bench BENCH=--queue`` (``--queue --short``: a minute).

Two recorders without a queue and one with ``MAX_ACTIVE=64`` relay small exchanges in turn, round by round, each alone
on one core, with more free places than connections. The second one without a queue is the null measurement: how far
its ratio is from 1 is what the machine's noise is worth. The queue is compared with both of its round. Then ten
thousand calls wait for a place, in this process.

The exit code is 1 when an answer was wrong or a record is missing; a missed target is marked and does not fail.
"""

import gc
import os
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path
from typing import Final, NamedTuple

from service.sharing.fair_queue import FairQueue
from service.sharing.places import Places
from tests.benchmarks.gateways import Cores, Gateway, recorder, upstream
from tests.benchmarks.rounds import CONNECTIONS, Measurement, Series

# Short slots, and many: what else the machine does changes from second to second.
ROUNDS, SHORT_ROUNDS = 120, 30
SECONDS: Final = 0.3
PLAIN, AGAIN, QUEUE = "without", "without, again", "with a queue"
MOST_MORE: Final = 1.05
WAITING: Final = 10_000
MOST_SECONDS: Final = 5e-6
MOST_BYTES: Final = 4000
_CALLERS: Final = 50
_TIMES: Final = 5


class Waiting(NamedTuple):
    """What one of ten thousand waiting calls costs: seconds of CPU at its arrival, and bytes."""

    seconds: float
    size: float


def cost_of_waiting() -> Waiting:
    """Let ten thousand calls of fifty callers wait for one place, several times; the least of each is what counts."""
    places = Places(FairQueue(1))
    running = places.take(places.queue.flow("running"), "")
    flows = [places.queue.flow(f"caller {number}") for number in range(_CALLERS)]

    def arrive(names: Iterator[str]) -> None:
        held = [places.take(flows[number % _CALLERS], name) for number, name in enumerate(names)]
        assert places.queue.waiting == WAITING
        after.append(measure())
        for place in held:
            place.give_back()

    after: list[float] = []
    names = [f"{number:032x}" for number in range(WAITING)]
    tracemalloc.start()
    measure = _traced
    before = measure()
    # The name is the exchange's id, which there is anyway; a new one is made here so that it counts as well.
    arrive(f"{number:032x}" for number in range(WAITING))
    size = (after[-1] - before) / WAITING
    tracemalloc.stop()
    measure, rounds = time.process_time, []
    for _ in range(_TIMES):
        gc.collect()
        before = measure()
        arrive(iter(names))
        rounds.append((after[-1] - before) / WAITING)
    running.give_back()
    return Waiting(min(rounds), size)


def _traced() -> float:
    return float(tracemalloc.get_traced_memory()[0])


def main(is_short: bool) -> int:
    cores = Cores.of_this_machine()
    os.sched_setaffinity(0, {cores.load})
    with tempfile.TemporaryDirectory(prefix="bench-queue-") as place, ExitStack() as running:
        behind = running.enter_context(upstream(cores.load))
        gateways: list[Gateway] = []
        for number, (name, settings) in enumerate(((PLAIN, {}), (QUEUE, {"MAX_ACTIVE": "64"}), (AGAIN, {}))):
            folder = Path(place) / str(number)
            gateways.append(running.enter_context(recorder(cores.gateway, behind, folder, settings, name)))
        measurement = Measurement([behind, *gateways])
        measurement.warm_up(1.0)
        series, orders = Series("exchange"), list(permutations(gateways))
        for number in range(SHORT_ROUNDS if is_short else ROUNDS):
            # Each follows each of the others alike often.
            measurement.gateways = [behind, *orders[number % len(orders)]]
            for name, slots in measurement.small_exchanges(1, SECONDS).slots.items():
                series.slots.setdefault(name, []).extend(slots)
        problems = measurement.tally.problems
        for gateway in gateways:
            asked, kept = measurement.tally.requests[gateway.name], gateway.records()
            if asked != kept:
                problems.append(f"{gateway.name}: {asked} requests, but {kept} records")
    for line in (*_table(series), _waiting(), *(f"PROBLEM {problem}" for problem in problems)):
        sys.stdout.write(line + "\n")
    return 1 if problems else 0


def _table(series: Series) -> Iterator[str]:
    rounds = len(series.slots[PLAIN])
    yield f"Small exchanges, {CONNECTIONS} connections, 64 free places, {rounds} rounds in turn: CPU of the process"
    for name in (PLAIN, QUEUE, AGAIN):
        whole, loop = (series.median(name, of) for of in (lambda slot: slot.cpu, lambda slot: slot.main_thread))
        yield (
            f"  {name:15} {1e6 * whole:6.1f} µs ({1e6 * _quiet(series, name):.1f} in the quietest tenth,"
            f" event loop {1e6 * loop:.1f}): {statistics.median(_ratios(series, name)):.3f} times"
        )
    ratio = statistics.median(_ratios(series, QUEUE))
    # Whatever else runs here only adds, so that tenth is what a quiet machine would show.
    quiet = _quiet(series, QUEUE) / statistics.fmean((_quiet(series, PLAIN), _quiet(series, AGAIN)))
    told = f"{ratio:.3f} times ({quiet:.3f} between the quietest tenths), at most {MOST_MORE} wanted"
    yield f"{'PASS' if ratio <= MOST_MORE else 'MISS'} {told}"


def _quiet(series: Series, name: str) -> float:
    return statistics.quantiles((slot.cpu for slot in series.slots[name]), n=10)[0]


def _ratios(series: Series, name: str) -> list[float]:
    """CPU of ``name`` over that without a queue, round by round."""
    plain, again = series.slots[PLAIN], series.slots[AGAIN]
    if name != QUEUE:
        return series.ratios(name, PLAIN)
    pairs = zip(series.slots[name], plain, again, strict=True)
    return [ours.cpu / statistics.fmean((one.cpu, other.cpu)) for ours, one, other in pairs]


def _waiting() -> str:
    cost = cost_of_waiting()
    is_met = cost.seconds < MOST_SECONDS and cost.size < MOST_BYTES
    return (
        f"{'PASS' if is_met else 'MISS'} of {WAITING:,} that wait: {1e6 * cost.seconds:.2f} µs of CPU at an arrival,"
        f" {cost.size:.0f} bytes; under {1e6 * MOST_SECONDS:g} µs and {MOST_BYTES} bytes wanted"
    )
