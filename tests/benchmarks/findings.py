"""All that one run of ``make bench`` found."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.benchmarks.rounds import Series, percentile


@dataclass(slots=True)
class Findings:
    """Latencies are seconds, memory bytes (idle, at most), series by what the load was.

    ``bursts`` are the seconds until the first byte of each stream, round by round. ``entries`` are, for another
    gateway's log: requests, entries that came, and those with prompt and answer in them. ``is_held_to_limits`` is
    false where the load is another one than the limits of ``checks`` were found with.
    """

    machine: str
    series: dict[str, Series] = field(default_factory=dict)
    latency: dict[str, list[float]] = field(default_factory=dict)
    bursts: dict[str, list[Sequence[float]]] = field(default_factory=dict)
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)
    records: dict[str, tuple[int, int]] = field(default_factory=dict)
    entries: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    is_held_to_limits: bool = True

    def burst_ratios(self, name: str, to: str) -> list[float]:
        """The p99 of ``name`` over that of ``to``, round by round, as far as both have answers."""
        pairs = zip(self.bursts.get(name, ()), self.bursts.get(to, ()), strict=False)
        return [
            percentile(ours, 99) / percentile(theirs, 99) for ours, theirs in pairs if len(ours) > 1 and len(theirs) > 1
        ]
