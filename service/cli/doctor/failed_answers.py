"""Answers that failed although their status is that of a success, and errors of Ollama that nothing else tells."""

from collections.abc import Iterator

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.failing import is_busy, is_of_crash, words_of
from service.cli.doctor.window import Observation, Window, models, newest
from service.record.answer_errors import BROKEN_OFF, NO_ANSWER, NO_END, RUNNER_GONE
from service.record.error_advice import advice_for
from service.record.exchange import Outcome
from service.record.wording import counted

_BROKEN_OFF = (NO_END, RUNNER_GONE, BROKEN_OFF)
_OWN_WORDS = (*_BROKEN_OFF, NO_ANSWER)


def broken_answers(window: Window) -> Iterator[CheckResult]:
    """Those that a server ended in their middle: one finding for each way."""
    for beginning in _BROKEN_OFF:
        if calls := [call for call in window.calls if _is_failed(call) and call.error.startswith(beginning)]:
            yield _result(calls, f"{_answers(calls, window)} broke off", Chapter.CRASHED)


def no_answers(window: Window) -> Iterator[CheckResult]:
    """What came from something else than Ollama, or was nothing at all."""
    if calls := [call for call in window.calls if _is_failed(call) and call.error.startswith(NO_ANSWER)]:
        yield _result(calls, f"{_answers(calls, window)} came from no model", Chapter.NOT_OLLAMA)


def errors_in_answers(window: Window) -> Iterator[CheckResult]:
    """All other errors inside a success or with a status of Ollama's own: one finding for each advice."""
    for_advice: dict[str, list[Observation]] = {}
    for call in window.calls:
        if _is_failed(call) and _is_elsewhere_untold(call):
            for_advice.setdefault(_advice(call), []).append(call)
    for calls in for_advice.values():
        yield _result(calls, f"{_answers(calls, window)} held an error", Chapter.ERROR_INSIDE)


def _is_failed(call: Observation) -> bool:
    """Whether it was carried out, but went wrong, for no fault of the request that its status tells."""
    is_refused = 400 <= (call.record.status or 200) < 500
    return bool(call.record.failed) and call.record.outcome == Outcome.COMPLETED and not is_refused


def _is_elsewhere_untold(call: Observation) -> bool:
    return not (call.error.startswith(_OWN_WORDS) or is_of_crash(call) or is_busy(call))


def _answers(calls: list[Observation], window: Window) -> str:
    return f"{counted(len(calls), 'answer')} {window.span}"


def _advice(call: Observation) -> str:
    return advice_for(call.record.status, call.error) or "Ollama's log says more."


def _result(calls: list[Observation], text: str, chapter: Chapter) -> CheckResult:
    names = models(calls)
    text = f"{text}{f' ({names})' if names else ''}: {words_of(calls[-1]) or 'without a word'}"
    return CheckResult("answers", Severity.PROBLEM, text, f"{_advice(calls[-1])} {newest(calls)}", chapter)
