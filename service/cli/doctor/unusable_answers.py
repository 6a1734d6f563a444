"""Answers that were not what their callers needed, though nothing failed."""

from collections.abc import Iterator

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.window import Observation, Window, models, newest
from service.record.generation import UNFINISHED
from service.record.operations import CONVERSATIONS
from service.record.wording import counted

_CUT = frozenset({"length", "max_tokens", "max_output_tokens"})
# One call may be somebody's attempt by hand.
_HABIT = 3


def empty_answers(window: Window) -> Iterator[CheckResult]:
    empty = [
        call for call in window.calls if call.is_answered and _has_only_thoughts(call) and not call.record.tool_calls
    ]
    if not empty:
        return
    cut = sum(call.record.done_reason in _CUT for call in empty)
    why = f", {cut:,} of them at a limit of tokens" if cut else ""
    text = (
        f"{counted(len(empty), 'answer')} {window.span} held thinking and not a word of answer{why} ({models(empty)})."
    )
    advice = f'Raise num_predict and num_ctx, or turn thinking off: "think": false. {newest(empty)}'
    yield CheckResult("answers", Severity.ADVICE, text, advice, Chapter.EMPTY_ANSWER)


def _has_only_thoughts(call: Observation) -> bool:
    return bool(call.record.thinking) and not (call.record.response_text or "").strip()


def unfinished_answers(window: Window) -> Iterator[CheckResult]:
    """JSON that is cut is of no use to anybody; other answers were cut on purpose where the request set a limit."""
    cut = [
        call
        for call in window.calls
        if call.is_answered and call.record.done_reason in _CUT and not _has_only_thoughts(call)
    ]
    json = [call for call in cut if call.request.get("format") or _wants_json(call)]
    full = [call for call in cut if call not in json and not _has_limit(call)]
    for calls, what in ((json, "JSON answer"), (full, "answer")):
        if calls:
            text = f"{counted(len(calls), what)} {window.span} stopped in the middle: the tokens were used up"
            advice = f"Raise num_predict (max_tokens), or num_ctx where prompt and answer fill it. {newest(calls)}"
            yield CheckResult("answers", Severity.ADVICE, f"{text} ({models(calls)}).", advice, Chapter.CUT_ANSWER)
    if aborted := [call for call in window.calls if call.is_answered and call.record.done_reason == UNFINISHED]:
        text = f"{counted(len(aborted), 'answer')} {window.span} ended without Ollama's end marker ({models(aborted)})."
        advice = f"Ollama aborts a model that repeats one token: raise repeat_penalty. {newest(aborted)}"
        yield CheckResult("answers", Severity.ADVICE, text, advice, Chapter.CUT_ANSWER)


def _wants_json(call: Observation) -> bool:
    form = call.request.get("response_format")
    return isinstance(form, dict) and form.get("type") in ("json_object", "json_schema")


def _has_limit(call: Observation) -> bool:
    options = call.request.get("options")
    holders = (call.request, options if isinstance(options, dict) else {})
    names = ("num_predict", "max_tokens", "max_completion_tokens", "max_output_tokens")
    return any(name in holder for holder in holders for name in names)


def uncounted(window: Window) -> Iterator[CheckResult]:
    calls = [
        call
        for call in window.calls
        if call.is_answered
        and call.record.api == "openai"
        and call.record.stream
        and call.record.operation in CONVERSATIONS
        and not call.record.completion_tokens
    ]
    if len(calls) < _HABIT:
        return
    text = f"{counted(len(calls), 'stream')} in OpenAI's form {window.span} came without token counts."
    advice = 'Ask with "stream_options": {"include_usage": true}.'
    yield CheckResult("tokens", Severity.NOTE, text, advice, Chapter.UNCOUNTED)
