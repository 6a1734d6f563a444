"""The parts of an exchange that hold words, as people call them: question, system prompt, answer and so on."""

from collections.abc import Iterator
from typing import Final

from service.record.chat_messages import ChatMessage
from service.record.conversation import words_in_line
from service.record.record import Record

_PARTS: Final = {
    "system": "system prompt",
    "developer": "system prompt",
    "assistant": "earlier answer",
    "model": "earlier answer",
    "tool": "result of a tool",
    "function": "result of a tool",
}


def parts_of(record: Record) -> Iterator[tuple[str, str]]:
    """What each part is called, and its text: the question first, then the answer, then the newest turn before."""
    _, turns, answer = words_in_line(record)
    question = next((place for place in range(len(turns) - 1, -1, -1) if turns[place].role == "user"), -1)
    if question >= 0:
        yield "question", _words_of(turns[question])
    if answer is not None:
        yield "answer", answer.text
        yield "thinking", answer.thinking
        yield "call of a tool", _calls_of(answer)
    for place in range(len(turns) - 1, -1, -1):
        if place != question:
            yield _PARTS.get(turns[place].role, "earlier question"), _words_of(turns[place])
    yield "error", record.error or ""


def as_it_came(record: Record) -> Iterator[tuple[str, str]]:
    """The same of request and answer as a whole, with what no part has."""
    yield "tools or parameters", record.request_body or ""
    yield "answer", record.response_body or ""


def _words_of(turn: ChatMessage) -> str:
    return "\n".join(filter(None, (turn.text, turn.thinking, _calls_of(turn))))


def _calls_of(turn: ChatMessage) -> str:
    return ", ".join(f"{call.name}({call.arguments})" for call in turn.tool_calls)
