"""What of a prompt or an answer was silently cut, with the numbers."""

from collections.abc import Iterator
from typing import Any

from service.record.answer_errors import NO_END
from service.record.error_advice import advice_for
from service.record.findings import Case, Finding
from service.record.generation import UNFINISHED
from service.record.json_text import compact
from service.record.repetition import repeats_itself
from service.record.request_facts import prompt_characters
from service.record.wording import about, counted

# Of English text; other languages and code have less, so what is estimated with it is rather too little.
_CHARACTERS_OF_A_TOKEN = 4
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
    if case.record.done_reason in _CUT_REASONS:
        yield _cut_answer(case)
    elif case.record.done_reason in _HELD_BACK:
        yield _held_back_answer(case)
    elif case.record.done_reason == UNFINISHED and not case.record.failed:
        yield _unfinished_answer(case)


def _cut_prompt(case: Case) -> Finding:
    size, read = case.record.context_length, case.record.prompt_tokens
    whole = _estimated_tokens(case)
    if read and whole > 1.1 * read:
        text = f"Ollama silently cut the prompt: {case.model} read {read:,} of about {about(whole)} tokens"
    else:
        text = "Ollama silently cut the prompt" + (f" to {counted(read, 'token')}" if read else "")
        whole = 2 * (size or read or _FIRST_SIZE)
    if size and size != read:
        text += f", as its context is set to {counted(size, 'token')}"
    return Finding("cut_prompt", text + ". The answer knows nothing of the rest.", _more_context(case, whole))


def _estimated_tokens(case: Case) -> float:
    characters = prompt_characters(case.asked)
    tools = case.asked.get("tools")
    if isinstance(tools, list) and tools:
        characters += len(compact(tools))
    if case.record.request_truncated and not case.record.images:
        characters = max(characters, case.record.request_bytes or 0)
    return characters / _CHARACTERS_OF_A_TOKEN


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
    for name, limit in _limits(case.asked):
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
    options = asked.get("options")
    for holder in (options if isinstance(options, dict) else {}, asked):
        for name in _LIMITS:
            limit = holder.get(name)
            if type(limit) is int and 0 < limit < _UNLIMITED:
                yield name, limit
