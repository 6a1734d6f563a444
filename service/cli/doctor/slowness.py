"""Prompts that were cut, and what held calls up: one finding for all calls that met the same."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.window import Observation, Window, models, newest
from service.record.model_facts import short_name
from service.record.model_time import LEAST_LOAD
from service.record.request_facts import whole_number
from service.record.request_fields import parameters_in_force
from service.record.wording import counted, duration, speed

# A model is loaded now and then wherever nobody asks at night: once is no habit.
_HABIT = 3
_LONG_LOAD_SECONDS = 5.0
_LONG_WAIT_SECONDS = 5.0
# Below it, a busy minute; above, what callers live with.
_LARGE_SHARE = 0.1
# Ollama unloads a model after five minutes without use, unless its settings say otherwise.
_KEPT_LOADED_SECONDS = 300.0
# Slower than people read, and slower than a usual processor is with a model of 8 billion weights.
_SLOW_TOKENS_PER_SECOND = 5.0
_ENOUGH_TOKENS = 16
_MOST_CULPRITS = 3


def cut_prompts(window: Window) -> Iterator[CheckResult]:
    cut = [call for call in window.calls if call.record.prompt_truncated]
    if not cut:
        return
    sizes = sorted({call.record.context_length or 0 for call in cut} - {0})
    to = f" to {sizes[0]:,}{f' to {sizes[-1]:,}' if len(sizes) > 1 else ''} tokens" if sizes else ""
    text = f"Ollama cut {counted(len(cut), 'prompt')} {window.span}{to}, and did not say so ({models(cut)})."
    advice = (
        'More room: "options": {"num_ctx": 8192} in the request, or OLLAMA_CONTEXT_LENGTH=8192 where Ollama runs.'
        f" {newest(cut)}"
    )
    yield CheckResult("context", Severity.PROBLEM, text, advice, Chapter.CUT_PROMPT)


def _load_time(call: Observation) -> float:
    return call.record.load_time or 0.0


def _queued(call: Observation) -> float:
    """The seconds of its wait that were no loading."""
    return (call.record.wait_time or 0.0) - _load_time(call)


def loads_again(window: Window) -> Iterator[CheckResult]:
    of_models = [call for call in window.calls if call.is_model_call]
    again = [
        call
        for call in of_models
        if _load_time(call) >= LEAST_LOAD
        and (last := call.around.model_last_used) is not None
        and last <= _KEPT_LOADED_SECONDS
    ]
    if len(again) < _HABIT or len(again) < _LARGE_SHARE * len(of_models):
        return
    took = median(_load_time(call) for call in again)
    text = (
        f"{counted(len(again), 'call')} {window.span} waited for a model to load that had been used within"
        f" {_KEPT_LOADED_SECONDS / 60:.0f} min ({models(again)}; {duration(took)} each).{_causes(again)}"
    )
    names = {short_name(call.record.model or "") for call in again}
    sizes = sorted({_context_of(call) for call in of_models if short_name(call.record.model or "") in names})
    if len(sizes) > 1:
        different = ", ".join(str(size or "none") for size in sizes)
        advice = f"The calls ask for different num_ctx ({different}), and each change loads it anew: use one for all."
    else:
        usual = "Keep no more models in turn than fit into memory together, and keep_alive longer than the pauses."
        advice = _advice(again) or usual
    yield CheckResult("loading", Severity.ADVICE, text, f"{advice} {newest(again)}", Chapter.LOADS_AGAIN)


def _context_of(call: Observation) -> int:
    """The num_ctx that the request sets; 0 where it sets none."""
    return whole_number(parameters_in_force(call.request, call.record.api).get("num_ctx")) or 0


def loads_after_idle(window: Window) -> Iterator[CheckResult]:
    slow = [
        call
        for call in window.calls
        if call.is_model_call
        and "load" in call.kinds
        and _load_time(call) >= _LONG_LOAD_SECONDS
        and ((last := call.around.model_last_used) is None or last > _KEPT_LOADED_SECONDS)
    ]
    if len(slow) < _HABIT:
        return
    took = median(_load_time(call) for call in slow)
    text = f"{counted(len(slow), 'call')} {window.span} waited {duration(took)} for a model that had been unloaded"
    advice = f'Keep it loaded for longer: OLLAMA_KEEP_ALIVE=1h where Ollama runs, or "keep_alive": "1h". {newest(slow)}'
    text = f"{text} ({models(slow)}).{_causes(slow)}"
    yield CheckResult("loading", Severity.ADVICE, text, advice, Chapter.FIRST_ANSWER)


def _causes(calls: Sequence[Observation]) -> str:
    """What took the model away and whose call that was, most frequent first, with a blank before it; or nothing."""
    causes = [call.load_cause for call in calls if call.load_cause is not None]
    told = []
    for reason, count in Counter(cause.reason for cause in causes).most_common():
        whose = Counter(cause.whose for cause in causes if cause.reason is reason and cause.whose)
        names = ", ".join(f"{name} {number:,}" for name, number in whose.most_common(_MOST_CULPRITS))
        told.append(f"{count:,} × {reason}{f' ({names})' if names else ''}")
    rest = len(calls) - len(causes)
    if told and rest:
        told.append(f"{rest:,} × nothing on record tells why")
    text = "; ".join(told)
    return f" {text[0].upper()}{text[1:]}." if text else ""


def _advice(calls: Sequence[Observation]) -> str:
    """Against the most frequent cause; empty where none is known."""
    advice = Counter(call.load_cause.advice for call in calls if call.load_cause is not None)
    return advice.most_common(1)[0][0] if advice else ""


def waits(window: Window) -> Iterator[CheckResult]:
    of_models = [call for call in window.calls if call.is_model_call]
    waited = [call for call in of_models if "queue" in call.kinds and _queued(call) >= _LONG_WAIT_SECONDS]
    if len(waited) < _HABIT or len(waited) < _LARGE_SHARE * len(of_models):
        return
    took = median(_queued(call) for call in waited)
    text = f"{len(waited):,} of {counted(len(of_models), 'call')} {window.span} waited {duration(took)} behind others"
    advice = (
        "Ollama runs one call of a model at a time: OLLAMA_NUM_PARALLEL=4 where Ollama runs lets it run four, each"
        f" with its own num_ctx of memory. {newest(waited)}"
    )
    yield CheckResult("waiting", Severity.ADVICE, f"{text} ({models(waited)}).", advice, Chapter.WAITING)


def slow_answers(window: Window) -> Iterator[CheckResult]:
    measured = [
        (call, rate)
        for call in window.calls
        if call.is_answered
        and (call.record.completion_tokens or 0) >= _ENOUGH_TOKENS
        and (rate := call.record.tokens_per_second)
    ]
    slow = [call for call, rate in measured if rate < _SLOW_TOKENS_PER_SECOND]
    if len(slow) < _HABIT or len(slow) < _LARGE_SHARE * len(measured):
        return
    rate = median(rate for _, rate in measured if rate < _SLOW_TOKENS_PER_SECOND)
    text = f"{counted(len(slow), 'answer')} {window.span} came at {speed(rate)} ({models(slow)})."
    on_gpu = (
        "On a machine with a GPU, `ollama ps` shows whether all of the model is on it; if not, take a smaller model"
    )
    advice = f"{on_gpu} or num_ctx. Without one, only a smaller model is faster. {newest(slow)}"
    yield CheckResult("speed", Severity.ADVICE, text, advice, Chapter.SLOW)
