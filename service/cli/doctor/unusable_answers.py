"""Answers that were not what their callers needed, though nothing failed."""

from collections.abc import Iterator

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.window import Observation, Window, models, newest
from service.record.generation import UNFINISHED
from service.record.wording import counted

_CUT = frozenset({"length", "max_tokens", "max_output_tokens"})
_N8N = "n8n"
# One call may be somebody's attempt by hand.
_HABIT = 3


def empty_answers(window: Window) -> Iterator[CheckResult]:
    empty = [
        call
        for call in window.calls
        if call.is_answered and call.text("thinking") and not call.text("response_text").strip() and not _tools(call)
    ]
    if not empty:
        return
    cut = sum(call.text("done_reason") in _CUT for call in empty)
    why = f", {cut:,} of them at a limit of tokens" if cut else ""
    said = (
        f"{counted(len(empty), 'answer')} {window.span} held thinking and not a word of answer{why} ({models(empty)})."
    )
    advice = f'Raise num_predict and num_ctx, or turn thinking off: "think": false. {newest(empty)}'
    yield CheckResult("answers", Severity.ADVICE, said, advice, Chapter.EMPTY_ANSWER)


def _tools(call: Observation) -> bool:
    return bool(call.said.get("tool_calls"))


def unfinished_answers(window: Window) -> Iterator[CheckResult]:
    """JSON that is cut is of no use to anybody; other answers were cut on purpose where the request set a limit."""
    cut = [
        call
        for call in window.calls
        if call.is_answered
        and call.text("done_reason") in _CUT
        and not (call.text("thinking") and not call.text("response_text").strip())
    ]
    json = [call for call in cut if call.asked.get("format") or _wants_json(call)]
    full = [call for call in cut if call not in json and not _has_limit(call)]
    for calls, what in ((json, "JSON answer"), (full, "answer")):
        if calls:
            said = f"{counted(len(calls), what)} {window.span} stopped in the middle: the tokens were used up"
            advice = f"Raise num_predict (max_tokens), or num_ctx where prompt and answer fill it. {newest(calls)}"
            yield CheckResult("answers", Severity.ADVICE, f"{said} ({models(calls)}).", advice, Chapter.CUT_ANSWER)
    if aborted := [call for call in window.calls if call.is_answered and call.text("done_reason") == UNFINISHED]:
        said = f"{counted(len(aborted), 'answer')} {window.span} ended without Ollama's end marker ({models(aborted)})."
        advice = f"Ollama aborts a model that repeats one token: raise repeat_penalty. {newest(aborted)}"
        yield CheckResult("answers", Severity.ADVICE, said, advice, Chapter.CUT_ANSWER)


def _wants_json(call: Observation) -> bool:
    wanted = call.asked.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def _has_limit(call: Observation) -> bool:
    options = call.asked.get("options")
    holders = (call.asked, options if isinstance(options, dict) else {})
    names = ("num_predict", "max_tokens", "max_completion_tokens", "max_output_tokens")
    return any(name in holder for holder in holders for name in names)


def many_objects(window: Window) -> Iterator[CheckResult]:
    """n8n's HTTP Request node reads whole answers; its AI nodes, which stream, name another program."""
    streamed = [
        call
        for call in window.calls
        if call.is_answered
        and call.text("caller") == _N8N
        and call.text("api") == "ollama"
        and call.said.get("stream") is True
    ]
    if not streamed:
        return
    said = (
        f"n8n's HTTP Request node got {counted(len(streamed), 'answer')} {window.span} as a stream: one object a word."
    )
    advice = f'Write "stream": false into the node\'s body. {newest(streamed)}'
    yield CheckResult("n8n", Severity.ADVICE, said, advice, Chapter.MANY_OBJECTS)


def nameless(window: Window) -> Iterator[CheckResult]:
    calls = [
        call
        for call in window.calls
        if call.is_model_call
        and call.text("caller") == _N8N
        and not (call.text("workflow") or call.text("workflow_id"))
    ]
    if len(calls) < _HABIT:
        return
    said = f"{counted(len(calls), 'call')} of n8n {window.span} do not say which workflow asked."
    yield CheckResult(
        "n8n", Severity.NOTE, said, "Add the headers of the README's chapter n8n to the node.", Chapter.NAMELESS
    )


def uncounted(window: Window) -> Iterator[CheckResult]:
    calls = [
        call
        for call in window.calls
        if call.is_answered
        and call.text("api") == "openai"
        and call.said.get("stream") is True
        and call.text("operation") in ("chat", "generate")
        and not call.number("completion_tokens")
    ]
    if len(calls) < _HABIT:
        return
    said = f"{counted(len(calls), 'stream')} in OpenAI's form {window.span} came without token counts."
    advice = 'Ask with "stream_options": {"include_usage": true}.'
    yield CheckResult("tokens", Severity.NOTE, said, advice, Chapter.UNCOUNTED)
