"""What each rule finds now: numbers of the index, and how the recorder's parts are."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from service.alerting import alert_rules as rules
from service.alerting.alert_rules import AlertRule
from service.record.wording import duration
from service.search.recent_numbers import RecentNumbers

_LEAST_EXCHANGES: Final = 5
_COUNTED_SECONDS: Final = 900.0
_LONGEST_NAME: Final = 200


class AlertFinding(NamedTuple):
    """What a rule finds of something: ``about`` names which (empty where there is one), ``shown`` is for people."""

    rule: AlertRule
    about: str
    value: float
    shown: str

    @property
    def key(self) -> tuple[str, str]:
        """By which it is the same a minute later. What is wrong with a part may be told in other words by then."""
        return self.rule.uid, "" if self.rule in (rules.UNREACHABLE, rules.DISK) else self.about


@dataclass(frozen=True, slots=True)
class PartNumbers:
    """How the parts are.

    ``ollama`` and ``journal`` are what is wrong with them (None: nothing), ``away`` what is wrong with each Ollama, of
    several, that gets no calls; ``lost`` counts records and bodies since the start; ``behind`` and ``parked`` are
    seconds and counts of each receiver.
    """

    ollama: str | None
    journal: str | None
    lost: int
    behind: Mapping[str, float]
    parked: Mapping[str, int]
    away: Mapping[str, str]


@dataclass(slots=True)
class Looking:
    """Remembers counts for a quarter of an hour, so that their increase in it is known."""

    p95_seconds: float
    _counts: deque[tuple[float, dict[str, int]]] = field(default_factory=deque)

    def look(self, now: float, parts: PartNumbers, recent: RecentNumbers | None) -> list[AlertFinding]:
        """All that is above its limit. ``now`` is in monotonic seconds; ``recent`` None: the index does not answer."""
        found = [*self._of_parts(now, parts), *(self._of_exchanges(recent) if recent is not None else ())]
        return [one for one in found if one.value > self._limit(one.rule)]

    def _limit(self, rule: AlertRule) -> float:
        return self.p95_seconds if rule.limit is None else rule.limit

    def _of_exchanges(self, recent: RecentNumbers) -> Iterator[AlertFinding]:
        if recent.exchanges >= _LEAST_EXCHANGES:
            share = recent.failed / recent.exchanges
            yield AlertFinding(rules.FAILURES, "", share, f"{100 * share:.0f} %")
        if recent.p95 is not None:
            yield AlertFinding(rules.P95, "", recent.p95, duration(recent.p95))
        yield AlertFinding(rules.CLIENTS_LEFT, "", recent.clients_left, f"{recent.clients_left:,}")
        for model, count in recent.cut_prompts.items():
            yield AlertFinding(rules.PROMPTS_CUT, model[:_LONGEST_NAME] or "an unnamed model", count, f"{count:,}")

    def _of_parts(self, now: float, parts: PartNumbers) -> Iterator[AlertFinding]:
        increase = self._increase(now, {"": parts.lost} | {f"parked {name}": n for name, n in parts.parked.items()})
        if parts.ollama is not None:
            yield AlertFinding(rules.UNREACHABLE, parts.ollama[:_LONGEST_NAME], 1, "")
        else:
            for name, trouble in parts.away.items():
                yield AlertFinding(rules.ONE_GONE, name[:_LONGEST_NAME], 1, trouble[:_LONGEST_NAME])
        if parts.journal is not None:
            yield AlertFinding(rules.DISK, parts.journal[:_LONGEST_NAME], 1, "")
        yield AlertFinding(rules.LOSES, "", increase[""], f"{increase['']:,}")
        for name, seconds in parts.behind.items():
            yield AlertFinding(rules.LAGS, name, seconds, duration(seconds))
            yield AlertFinding(rules.LAGS_FAR, name, seconds, duration(seconds))
        for name in parts.parked:
            count = increase[f"parked {name}"]
            yield AlertFinding(rules.PARKS, name, count, f"{count:,}")

    def _increase(self, now: float, counts: dict[str, int]) -> dict[str, int]:
        """By how much each count grew in the last quarter of an hour, or since the start."""
        while self._counts and now - self._counts[0][0] > _COUNTED_SECONDS:
            self._counts.popleft()
        before = self._counts[0][1] if self._counts else {}
        self._counts.append((now, counts))
        return {name: max(0, count - before.get(name, 0)) for name, count in counts.items()}
