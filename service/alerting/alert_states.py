"""Since when each alert fires, and which of it is worth telling: that it began, that it goes on, that it is over."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.alerting.looking import AlertFinding

# As Grafana does: whoever did not react is told again.
REPEATED_SECONDS: Final = 4 * 3600.0
MOST_STATES: Final = 500
"""Alerts at once: models and receivers are few. More are not told."""


@dataclass(frozen=True, slots=True)
class AlertState:
    """``since`` and ``told_at`` are monotonic seconds, ``began_ns`` is Unix time. ``told_at`` None: nobody was told."""

    finding: AlertFinding
    since: float
    began_ns: int
    told_at: float | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told of an alert; ``ended_ns`` (Unix time) where it is over."""

    finding: AlertFinding
    began_ns: int
    ended_ns: int | None = None


class AlertStates:
    """All alerts that are on, told or not yet."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], AlertState] = {}

    def update(self, findings: Sequence[AlertFinding], now: float, now_ns: int) -> list[Notice]:
        """Take what was found now (monotonic seconds, Unix nanoseconds), and return what is to be told."""
        notices: list[Notice] = []
        found = {one.key: one for one in findings}
        for key in [key for key in self._states if key not in found]:
            state = self._states.pop(key)
            if state.told_at is not None:
                notices.append(Notice(state.finding, state.began_ns, now_ns))
        for key, finding in found.items():
            if key not in self._states and len(self._states) >= MOST_STATES:
                continue
            state = self._states.get(key) or AlertState(finding, now, now_ns)
            state = replace(state, finding=finding)
            if _is_to_be_told(state, now):
                notices.append(Notice(finding, state.began_ns))
                state = replace(state, told_at=now)
            self._states[key] = state
        return notices


def _is_to_be_told(state: AlertState, now: float) -> bool:
    if state.told_at is not None:
        return now - state.told_at >= REPEATED_SECONDS
    return now - state.since >= 60 * state.finding.rule.minutes
