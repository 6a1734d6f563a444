"""Calls that failed, were refused or given up: one finding for each reason."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from service.cli.doctor.chapters import Chapter
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.window import Observation, Window, models, newest
from service.record.error_advice import is_crash
from service.record.exchange import Outcome
from service.record.wording import counted, duration

# Of proxies (60), Cloudflare (100), SDKs and n8n (300, 600, 3600): who waits exactly so long did not change their mind.
_LIMITS = (60, 100, 120, 180, 300, 600, 900, 1800, 3600)
_LIMIT_SLACK_SECONDS = 1.5
# Up to here a person may hang up just then.
_SHORT_LIMIT = 120

_ERROR_READ = 800
_NO_MODEL = re.compile(r"model .{0,300} not found", re.IGNORECASE | re.DOTALL)
_BUSY = re.compile(r"maximum pending requests|server busy", re.IGNORECASE)

# What the recorder's refusals say (service/gateway/admission.py): (words, entry, what it is, what to do)
_REFUSALS = (
    (
        "ALLOW_MANAGEMENT",
        Chapter.MANAGEMENT,
        "for fetching or changing models",
        "To allow it, set ALLOW_MANAGEMENT=true; or do it on the machine of Ollama.",
    ),
    (
        "ALLOWED_HOSTS",
        Chapter.HOST_NAME,
        "for a host name that is not known",
        "Add the name to ALLOWED_HOSTS if it is one of this recorder.",
    ),
    (
        "CORS_ORIGINS",
        Chapter.ORIGIN,
        "for a web page of another origin",
        "Add the page's origin (scheme, name and port) to CORS_ORIGINS.",
    ),
    (
        "asks for an API key",
        Chapter.KEY,
        "for a key that is missing or not known",
        "Send Authorization: Bearer KEY; API_KEYS_FILE holds the SHA-256 of each key.",
    ),
    (
        "takes prompts up to",
        Chapter.TOO_LARGE,
        "for its size",
        "POST /generate takes 1 MiB; /api/ollama/api/generate has no limit.",
    ),
    (
        "no address of Ollama",
        Chapter.WRONG_ADDRESS,
        "for an address that Ollama does not have",
        "The base address is http://HOST:8080/api/ollama, or …/api/ollama/v1 for OpenAI's SDKs.",
    ),
    (" is asked with ", Chapter.WRONG_ADDRESS, "for its method", "Most of Ollama's addresses are asked with POST."),
)


def _clock(call: Observation) -> str:
    """When it ended, by the clock of this machine."""
    try:
        return f"{datetime.fromisoformat(call.record.time or '').astimezone():%d %b %H:%M}"
    except (ValueError, OverflowError):
        return "an unknown time"


def words_of(call: Observation) -> str:
    """What went wrong, on one line of at most 200 characters."""
    error = " ".join(call.error[:_ERROR_READ].split())
    return error if len(error) <= 200 else error[:199] + "…"


def silences(window: Window) -> Iterator[CheckResult]:
    calls = [call for call in window.calls if call.record.outcome == Outcome.UPSTREAM_TIMED_OUT]
    if not calls:
        return
    took = duration(max(call.seconds for call in calls))
    text = f"Ollama sent nothing for too long to {counted(len(calls), 'call')} {window.span} ({models(calls)}; {took})."
    advice = f"Raise OLLAMA_TIMEOUT (seconds), or let callers stream. {newest(calls)}"
    yield CheckResult("timeouts", Severity.PROBLEM, text, advice, Chapter.SILENT)


def client_limits(window: Window) -> Iterator[CheckResult]:
    gone = (call for call in window.calls if call.record.outcome == Outcome.CLIENT_LEFT and call.is_model_call)
    left = [call for call in gone if call.record.failed is not False]
    for limit in _LIMITS:
        calls = [call for call in left if limit - 0.1 <= call.seconds <= limit + _LIMIT_SLACK_SECONDS]
        if not calls or (limit <= _SHORT_LIMIT and len(calls) < 2):
            continue
        who = sorted({call.record.caller or "a client" for call in calls})
        text = f"{counted(len(calls), 'call')} {window.span} met a time limit of {limit} s of {', '.join(who[:3])}."
        advice = (
            "Raise it there (n8n's HTTP Request node: Options → Timeout), and in each proxy between; or stream."
            f" {newest(calls)}"
        )
        yield CheckResult("timeouts", Severity.PROBLEM, text, advice, Chapter.CLIENT_LIMIT)


def crashes(window: Window) -> Iterator[CheckResult]:
    calls = [call for call in window.calls if is_of_crash(call)]
    if not calls:
        return
    text = (
        f"{counted(len(calls), 'call')} {window.span} ended as Ollama failed ({models(calls)}): {words_of(calls[-1])}"
    )
    advice = (
        "Most often too little memory: a smaller model, quantization or num_ctx; Ollama's log has the reason."
        f" {newest(calls)}"
    )
    yield CheckResult("Ollama", Severity.PROBLEM, text, advice, Chapter.CRASHED)


def is_of_crash(call: Observation) -> bool:
    """Whether it failed as Ollama, or the program that runs the model, did."""
    outcome = call.record.outcome
    if outcome == Outcome.UPSTREAM_BROKE_OFF:
        return True
    is_of_ollama = outcome in (Outcome.COMPLETED, Outcome.CLIENT_LEFT) and call.is_model_call
    return is_of_ollama and bool(call.record.failed) and is_crash(call.record.status, call.error[:_ERROR_READ])


def unreachable(window: Window) -> Iterator[CheckResult]:
    """What was: those who ask Ollama tell what is now."""
    calls = [call for call in window.calls if call.record.outcome == Outcome.UPSTREAM_UNREACHABLE]
    if not calls:
        return
    text = f"Ollama could not be reached for {counted(len(calls), 'call')} {window.span}, last at {_clock(calls[-1])}."
    advice = f"Its own log says when and why it ended (Linux: journalctl -u ollama). {newest(calls)}"
    yield CheckResult("Ollama", Severity.ADVICE, text, advice, Chapter.UNREACHABLE)


def cut_by_the_recorder(window: Window) -> Iterator[CheckResult]:
    """Calls that were running when the recorder ended: nobody else can tell their callers why."""
    if died := [call for call in window.calls if call.record.outcome == Outcome.GATEWAY_DIED]:
        text = (
            f"The recorder was killed, or its machine, in the middle of {counted(len(died), 'call')} {window.span},"
            f" last at {_clock(died[-1])}."
        )
        advice = (
            "The system's log says by whom: for its memory (dmesg; docker inspect: OOMKilled), by a power cut, by hand."
            f" {newest(died)}"
        )
        yield CheckResult("recorder", Severity.PROBLEM, text, advice, Chapter.ENDED)
    if stopped := [call for call in window.calls if call.record.outcome == Outcome.GATEWAY_STOPPED]:
        text = (
            f"A stop of the recorder cut off {counted(len(stopped), 'call')} {window.span},"
            f" last at {_clock(stopped[-1])}."
        )
        advice = f"A stop waits 20 s for running answers: stop it when nothing runs (`queue`). {newest(stopped)}"
        yield CheckResult("recorder", Severity.ADVICE, text, advice, Chapter.ENDED)


def no_models(window: Window) -> Iterator[CheckResult]:
    calls = [call for call in window.calls if call.record.status == 404 and _NO_MODEL.search(words_of(call))]
    if not calls:
        return
    names = models(calls) or words_of(calls[-1])
    text = f"{counted(len(calls), 'call')} {window.span} named a model that is not there: {names}."
    advice = (
        f"`ollama list` shows those that are; fetch it with `ollama pull NAME`, or correct the name. {newest(calls)}"
    )
    yield CheckResult("models", Severity.ADVICE, text, advice, Chapter.NO_MODEL)


def is_busy(call: Observation) -> bool:
    """Whether Ollama's queue was full."""
    return call.record.status in (429, 503) and _BUSY.search(words_of(call)) is not None


def too_busy(window: Window) -> Iterator[CheckResult]:
    calls = [call for call in window.calls if is_busy(call)]
    if not calls:
        return
    text = f"Ollama's queue was full for {counted(len(calls), 'call')} {window.span}."
    advice = f"Let fewer calls run at once, or raise OLLAMA_MAX_QUEUE (512) where Ollama runs. {newest(calls)}"
    yield CheckResult("waiting", Severity.PROBLEM, text, advice, Chapter.BUSY)


def refusals(window: Window) -> Iterator[CheckResult]:
    refused: Sequence[Observation] = [call for call in window.calls if call.refused_for]
    for words, entry, reason, advice in _REFUSALS:
        if calls := [call for call in refused if words in call.refused_for]:
            text = (
                f"The recorder refused {counted(len(calls), 'request')} {window.span} {reason}: {words_of(calls[-1])}"
            )
            yield CheckResult("refused", Severity.ADVICE, text, f"{advice} {newest(calls)}", entry)
    if large := [
        call for call in window.calls if call.record.outcome == Outcome.COMPLETED and call.record.status == 413
    ]:
        text = f"What answers at OLLAMA_URL refused {counted(len(large), 'request')} {window.span} as too large (413)."
        advice = f"Something stands in front of Ollama, which has no such limit itself: raise it there. {newest(large)}"
        yield CheckResult("refused", Severity.ADVICE, text, advice, Chapter.TOO_LARGE)
