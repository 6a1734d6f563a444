"""What of a prompt or an answer was silently cut, with the numbers."""

import re
from collections.abc import Iterator
from typing import Any

from service.record.answer_errors import NO_END
from service.record.error_advice import advice_for
from service.record.findings import Case, Finding
from service.record.generation import UNFINISHED
from service.record.operations import ANSWERED_IN_VECTORS
from service.record.repetition import repeats_itself
from service.record.request_fields import parameters_in_force
from service.record.wording import counted

_TOO_LONG = re.compile(r"exceeds? (?:the )?(?:maximum |available )?context", re.IGNORECASE)
_BYTES_OF_A_TOKEN = 4
_UNLIMITED = 1 << 53
_FIRST_SIZE, _LARGEST_SIZE = 2048, 262_144
_CUT_REASONS = frozenset({"length", "max_tokens", "max_output_tokens"})
# What models behind a gateway say where a filter stopped them.
_HELD_BACK = frozenset({"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "refusal"})
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict")


def cuts(case: Case) -> Iterator[Finding]:
    """The prompt that did not fit, and the answer that was not finished."""
    if case.record.prompt_truncated is True:
        yield _cut_prompt(case)
    elif case.record.changed and _TOO_LONG.search(case.record.error or ""):
        yield _refused_prompt(case)
    if case.record.done_reason in _CUT_REASONS:
        yield _cut_answer(case)
    elif case.record.done_reason in _HELD_BACK:
        yield _held_back_answer(case)
    elif case.record.done_reason == UNFINISHED and not case.record.failed:
        yield _unfinished_answer(case)


def _cut_prompt(case: Case) -> Finding:
    """Numbers first, then what follows. ``at least``: what Ollama left out it does not tell."""
    record = case.record
    size, read, written = record.context_length, record.prompt_tokens or 0, record.completion_tokens or 0
    room = f"there was room for {size:,}" if size else "there was no room for more"
    whole = read + (record.prompt_lost_tokens or 0)
    if record.prompt_truncated_by == "shift":
        text = (
            f"The context ran full in mid-answer: {counted(read, 'token')} were read, {written:,} were written, and"
            f" {room}. Ollama threw half of it away without saying so. What was written later knows nothing of it."
        )
        return Finding("cut_prompt", text, _more_context(case, read + written))
    if record.prompt_truncated_by == "messages":
        lost, sent = record.prompt_lost_messages, _messages(case)
        text = f"{counted(sent, 'message')} were sent, " if sent > (lost or 1) else ""
        text += f"{counted(read, 'token')} were read, and {room}: Ollama left out "
        # Of a message in several parts it may leave out some.
        text += f"at least the oldest {counted(lost, 'message')}" if lost else "the oldest parts of what was sent"
        text = f"{text[0].upper()}{text[1:]} without saying so."
        them = "it" if lost == 1 else "them"
        return Finding("cut_prompt", f"{text} The answer knows nothing of {them}.", _more_context(case, whole))
    of = f" of at least {whole:,}" if whole > read else ""
    text = f"{case.model} read {counted(read, 'token') if not of else f'{read:,}{of} tokens'}, as {room}:"
    text += " Ollama silently cut the prompt. The answer knows nothing of the rest."
    if record.operation in ANSWERED_IN_VECTORS:
        text = text.replace("The answer knows", "The vector knows")
        return Finding("cut_prompt", text, "Divide the text into pieces that fit, and embed each of them.")
    return Finding("cut_prompt", text, _more_context(case, max(whole, 2 * (size or read), _tokens_of_bytes(case))))


def _refused_prompt(case: Case) -> Finding:
    """Ollama was asked not to cut, and says that it is too long; newer ones also tell by how much."""
    counts = [int(number) for number in re.findall(r"\((\d{1,9}) tokens\)", case.record.error or "")]
    options = case.asked.get("options")
    size = counts[1] if len(counts) > 1 else options.get("num_ctx") if isinstance(options, dict) else None
    sent = counted(counts[0], "token") if counts else f"{case.record.request_bytes or 0:,} bytes"
    room = f"{size:,} tokens" if type(size) is int else "less"
    text = f"{sent} were sent, and there was room for {room}. A rule (context) has Ollama refuse what it would cut."
    known = size if type(size) is int else 0
    tokens = max(counts[0] if counts else 0, 2 * known, _tokens_of_bytes(case))
    advice = _more_context(case, tokens)
    if case.record.api == "ollama" and "num_ctx" in advice:
        advice += " OLLAMA_CONTEXT_LENGTH, where Ollama runs, sets it for all calls that do not say."
    return Finding("refused_prompt", text, advice)


def _tokens_of_bytes(case: Case) -> float:
    """What advice is made with, and nothing else: how many tokens a byte is differs by model and language."""
    return 0.0 if case.record.images else (case.record.request_bytes or 0) / _BYTES_OF_A_TOKEN


def maybe_cut(case: Case) -> Iterator[Finding]:
    """The prompt of which nobody knows whether it fitted, though what was read and what had room is known."""
    record, sent = case.record, _messages(case)
    is_known = record.prompt_truncated is not None or record.operation != "chat"
    if is_known or not record.prompt_tokens or not record.context_length or sent < 2:
        return
    text = (
        f"Whether all of the prompt was read is not known: {counted(sent, 'message')} were sent,"
        f" {counted(record.prompt_tokens, 'token')} were read, and there was room for {record.context_length:,}."
        " Ollama does not say whether it left messages out."
    )
    yield Finding("maybe_cut_prompt", text, "")


def _messages(case: Case) -> int:
    messages = case.asked.get("messages")
    messages = case.asked.get("input") if messages is None else messages
    return len(messages) if isinstance(messages, list) else 0


def _more_context(case: Case, tokens: float) -> str:
    """The next size, a power of two, with room for an answer too."""
    size = _FIRST_SIZE
    while size < 1.25 * tokens:
        size *= 2
    if size > _LARGEST_SIZE:
        return "It is too long for most models: ask about its parts, one call each."
    if case.record.api == "ollama":
        ask = f'Ask for room: "options": {{"num_ctx": {size}}} in the request ("Context Length" in n8n\'s Ollama nodes)'
    else:
        ask = f"This API cannot ask for room: set OLLAMA_CONTEXT_LENGTH={size} where Ollama runs"
    return f"{ask}, as far as the model and the memory allow; or send less."


def _cut_answer(case: Case) -> Finding:
    read, wrote = case.record.prompt_tokens, case.record.completion_tokens
    size = case.record.context_length
    text = "The answer is not finished: it was cut off" + (f" after {counted(wrote, 'token')}" if wrote else "")
    for name, limit in _limits(parameters_in_force(case.asked, case.record.api)):
        if wrote is None or wrote >= limit:
            text += f", the limit that the request set ({name})."
            return Finding("cut_answer", text, f"Raise {name}, or ask for a shorter answer.")
    if size and read and wrote and read + wrote >= size - 1:
        text += f", when the context of {counted(size, 'token')} was full."
        return Finding("cut_answer", text, _more_context(case, 2 * size))
    return Finding("cut_answer", f"{text}, at a limit of the model.", "Raise its num_predict, or ask for less.")


def _held_back_answer(case: Case) -> Finding:
    text = f"The answer is not finished: the server held the rest of it back ({case.record.done_reason})."
    return Finding("cut_answer", text, "Ask in other words; who runs the server behind Ollama knows its rules.")


def _unfinished_answer(case: Case) -> Finding:
    if not repeats_itself(case.record.response_text or case.record.thinking or ""):
        return Finding("cut_answer", NO_END, advice_for(None, NO_END))
    text = (
        "Ollama ended the answer without its end marker, as it does when a model repeats one token more than 30 times."
    )
    if case.record.api == "ollama":
        advice = 'Make it repeat itself less: "options": {"repeat_penalty": 1.3} in the request, or another model.'
    else:
        advice = (
            "Make it repeat itself less: another model, or one made with PARAMETER repeat_penalty 1.3 (ollama create)."
        )
    return Finding("cut_answer", text, advice)


def _limits(asked: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for name in _LIMITS:
        limit = asked.get(name)
        if type(limit) is int and 0 < limit < _UNLIMITED:
            yield name, limit
