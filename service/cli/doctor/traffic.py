"""What the exchanges of the last hours tell: all that happened to somebody, and is likely to happen again."""

from collections.abc import Callable, Iterator

from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.failed_answers import broken_answers, errors_in_answers, no_answers
from service.cli.doctor.failing import (
    client_limits,
    crashes,
    cut_by_the_recorder,
    no_models,
    refusals,
    silences,
    too_busy,
    unreachable,
)
from service.cli.doctor.of_n8n import many_objects, nameless
from service.cli.doctor.slowness import cut_prompts, loads_after_idle, loads_again, slow_answers, waits
from service.cli.doctor.unusable_answers import empty_answers, uncounted, unfinished_answers
from service.cli.doctor.window import Window, read_window
from service.journal import JournalError
from service.record.wording import counted
from service.settings import Settings

_SIGNS: tuple[Callable[[Window], Iterator[CheckResult]], ...] = (
    *(cut_prompts, silences, client_limits, crashes, cut_by_the_recorder, unreachable, no_models, too_busy, refusals),
    *(broken_answers, no_answers, errors_in_answers),
    *(empty_answers, unfinished_answers, many_objects),
    *(loads_again, loads_after_idle, waits, slow_answers, nameless, uncounted),
)


def look_at_traffic(settings: Settings, seconds: float) -> list[CheckResult]:
    """Findings about the exchanges that ended in the last ``seconds``."""
    try:
        window = read_window(settings.data_dir, seconds)
    except JournalError:
        # Said by those who look at the journal.
        return []
    results = [finding for sign in _SIGNS for finding in sign(window)]
    if any(finding.state in (Severity.ADVICE, Severity.PROBLEM) for finding in results) or not window.calls:
        return results
    return [CheckResult("traffic", Severity.GOOD, f"Nothing wrong with {_all(window)} {window.span}."), *results]


def _all(window: Window) -> str:
    count = len(window.calls)
    return counted(count, "exchange") if window.is_whole else "those"
