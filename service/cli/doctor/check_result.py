"""The result of a look at something."""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from time import time

from service.cli.doctor.chapters import Chapter


class Severity(StrEnum):
    """``NOTE``: worth knowing. ``ADVICE``: works, and could work better. ``PROBLEM``: something has to be done."""

    GOOD = "good"
    NOTE = "note"
    ADVICE = "advice"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """``about`` names what was looked at in a word or two; ``advice`` says what to do, empty where nothing is.

    ``entry`` is the chapter that says more; None for what needs no explanation.
    """

    about: str
    state: Severity
    text: str
    advice: str = ""
    entry: Chapter | None = None


# A second is lost by rounding in the Date header, another on the way.
_SMALL_SECONDS = 5.0
_LARGE_SECONDS = 60.0


def clock_finding(name: str, headers: Mapping[str, str], now: float | None = None) -> CheckResult | None:
    """How far the clock of what answered ``headers`` (by lower-case name) just ``now`` (Unix seconds) is from ours.

    None when it does not tell.
    """
    try:
        theirs = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    apart = (time() if now is None else now) - theirs
    if abs(apart) <= _SMALL_SECONDS:
        return CheckResult("clock", Severity.GOOD, f"The same as {name}'s, within {_SMALL_SECONDS:.0f} s.")
    text = f"This machine's clock is {abs(apart):,.0f} s {'ahead of' if apart > 0 else 'behind'} {name}'s."
    state = Severity.PROBLEM if abs(apart) > _LARGE_SECONDS else Severity.ADVICE
    return CheckResult("clock", state, text, "Let both machines take their time from the network (NTP).", Chapter.CLOCK)
