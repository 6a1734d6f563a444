"""Why an exchange failed, or was given up, and what to do about it."""

from collections.abc import Iterator
from dataclasses import replace

from service.record.answer_errors import OWN_WORDS
from service.record.error_advice import SOMETHING_ELSE_ANSWERED, advice_for
from service.record.exchange import Outcome
from service.record.findings import Case, Finding, others, unused
from service.record.hang_up import usual_limit
from service.record.n8n_marks import N8N, is_n8n, may_be_ai_node
from service.record.phases import sent_after
from service.record.record import Record
from service.record.wording import duration

_LONGEST_ERROR = 300
_N8N_LIMIT = 300

# What to do about a refusal, by its status; its message says what was wrong.
_ALLOW = "The message says what would allow it."
_REFUSALS = {
    401: "Send a key that is known here, as 'Authorization: Bearer …'.",
    403: _ALLOW,
    413: _ALLOW,
    429: "Send it again later, or raise the limit that the message names.",
    503: "Send it again later, or change what the message names.",
}
_EXPECTED = "Send it as the message says."

# outcome: (what happened, what to do)
_OUTCOMES = {
    "refused": ("The recorder refused it", _ALLOW),
    "upstream_unreachable": (
        "Ollama could not be reached",
        "Start Ollama ('ollama serve'), or correct OLLAMA_URL. From inside Docker an Ollama on the host is only"
        " reachable when it listens on more than loopback: OLLAMA_HOST=0.0.0.0:11434.",
    ),
    "upstream_timed_out": (
        "Ollama sent nothing for too long",
        "A model that loads, a long prompt or a queue can take minutes: raise OLLAMA_TIMEOUT, or stream the answer.",
    ),
    "upstream_broke_off": (
        "Ollama broke off in the middle",
        "Ollama's log says whether it crashed, ran out of memory or was restarted; then send it again.",
    ),
    "gateway_stopped": ("The recorder was stopped while this was going on", "Send it again."),
    "gateway_died": ("The recorder died or was killed while this was going on", "Send it again."),
}

# Whose error the gateway wrote, as a whole sentence.
_SAYS_IT_ITSELF = frozenset({"refused", "upstream_unreachable", "upstream_timed_out"})


def failures(case: Case) -> Iterator[Finding]:
    """At most one finding: that the client left or stopped it, or that it failed. A later try says so."""
    outcome = case.record.outcome or ""
    if outcome == "client_left":
        yield _of_this_try(case, _client_left(case))
    elif case.record.failed or outcome in _OUTCOMES:
        yield _of_this_try(case, _failed(case, outcome))


def _of_this_try(case: Case, finding: Finding) -> Finding:
    attempt = case.record.attempt or 1
    return replace(finding, text=f"{finding.text} This was try {attempt:,} of its node.") if attempt > 1 else finding


def _failed(case: Case, outcome: str) -> Finding:
    status, error = case.record.status, _error(case)
    total = case.spent.total or 0.0
    after = f" after {duration(total)}" if total >= 1 else ""
    if outcome in _OUTCOMES:
        what, advice = _OUTCOMES[outcome]
        if outcome == "refused" and status is not None:
            advice = _REFUSALS.get(status, _EXPECTED)
        is_before = outcome == "upstream_broke_off" and case.record.upstream_status is None
        if error and (is_before or outcome in _SAYS_IT_ITSELF):
            return Finding("failed", error + _end(error), advice)
        if is_before:
            what = "Ollama broke off before it answered"
    else:
        what, advice = "It failed", advice_for(status, error)
        if status is not None and 200 <= status < 300 and error:
            if error.startswith(OWN_WORDS):
                return Finding("failed", error + _end(error), advice)
            what = f"Ollama answered {status}, as if all was well, and then reported an error"
            if case.record.response_body and not case.record.response_text:
                what = f"What came with status {status} is no answer of a model"
                advice = advice or SOMETHING_ELSE_ANSWERED
        elif status is not None:
            what = f"It failed with status {status}"
    return Finding("failed", what + after + (f": {error}" if error else "") + _end(error), advice)


def _end(error: str) -> str:
    return "" if error.endswith((".", "!", "?", "…")) else "."


def _error(case: Case) -> str:
    error = case.record.error or case.record.response_body
    error = " ".join(error[: 4 * _LONGEST_ERROR].split()) if isinstance(error, str) else ""
    return error if len(error) <= _LONGEST_ERROR else error[: _LONGEST_ERROR - 1] + "…"


def _client_left(case: Case) -> Finding:
    who = _who(case)
    after = case.record.request_time
    if case.record.failed is False:
        return Finding("stopped", f"{who} stopped it" + _after(after) + _how_far(case), "")
    text = f"{who} hung up" + _after(after) + _how_far(case)
    limit = usual_limit(after, has_begun=_has_begun(case))
    if limit:
        text += f" A time limit of {limit} s is the likely reason."
    if not case.record.response_bytes and after is not None and after >= 5 and not _left_our_queue(case.record):
        text += _waited_for(case)
    if limit == _N8N_LIMIT and is_n8n(case.record) and not may_be_ai_node(case.record.user_agent or ""):
        advice = "In n8n raise Options → Timeout of the HTTP Request node; and OLLAMA_TIMEOUT of the recorder with it."
    elif limit:
        advice = "Raise the time limit of the program that asked, or of a proxy before it."
    else:
        advice = "Nothing, if somebody cancelled it; else raise the time limit of the program that asked."
    return Finding("client_left", text, advice)


def _who(case: Case) -> str:
    if is_n8n(case.record):
        return N8N
    caller = case.record.caller
    return caller[:80] if isinstance(caller, str) and caller else "The client"


def _after(seconds: float | None) -> str:
    return "" if seconds is None else f" after {_span(seconds)}"


def _has_begun(case: Case) -> bool:
    return bool(case.record.response_text or case.record.thinking or case.record.tool_calls)


def _span(seconds: float) -> str:
    """Limits are set in seconds, so long times are told in seconds too."""
    return duration(seconds) if seconds < 119.5 else f"{seconds:,.0f} s ({duration(seconds)})"


def _how_far(case: Case) -> str:
    text = case.record.response_text
    if _left_our_queue(case.record):
        return ", while it waited in the recorder for a place at Ollama."
    if isinstance(text, str) and text:
        return f", when {len(text):,} characters of the answer had come."
    if case.record.thinking:
        return ", while the model was thinking."
    if case.record.response_bytes:
        return ", in the middle of the answer."
    if case.record.stream is False:
        return ". The answer was not finished, and without streaming nothing of it is sent before."
    return ", before any of the answer had come."


def _left_our_queue(record: Record) -> bool:
    """Whether it was still waiting in the recorder: Ollama never got it."""
    return sent_after(record, Outcome.CLIENT_LEFT) is None


def _waited_for(case: Case) -> str:
    reason, busy = unused(case), others(case)
    if reason and busy:
        return f" Perhaps {case.model} was still loading ({reason}), or waited for its turn: {busy}."
    if reason:
        return f" Perhaps {case.model} was still loading: {reason}."
    return f" Perhaps it still waited for its turn: {busy}." if busy else ""
