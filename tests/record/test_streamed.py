"""An answer is read as it comes, in each form that Ollama speaks, in pieces of any size."""

import json
from typing import Any

import pytest

from service.record.streamed import AnswerDelta, StreamedAnswer
from tests.record.wire import NAMES, line_of, recorded

NDJSON, EVENTS, JSON = "application/x-ndjson", "text/event-stream", "application/json; charset=utf-8"


def ndjson(*values: Any) -> bytes:
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)


def events(*values: Any) -> bytes:
    lines = [b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n" for value in values]
    return b"".join([*lines, b"data: [DONE]\n\n"])


OPENAI = [
    {"choices": [{"delta": {"role": "assistant", "content": "", "reasoning": "Hm."}}]},
    {"choices": [{"delta": {"content": "Ça "}}]},
    {"choices": [{"delta": {"content": "va."}}]},
]
ANTHROPIC = [
    {"type": "message_start", "message": {"role": "assistant", "content": []}},
    {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Ça va."}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
]
WHOLE_RESPONSE = {"output": [{"type": "reasoning", "summary": [{"text": "Hm."}]}, {"content": [{"text": "Ça va."}]}]}
RESPONSES = [
    {"type": "response.created", "response": {"output": []}},
    {"type": "response.reasoning_summary_text.delta", "delta": "Hm."},
    {"type": "response.output_text.delta", "delta": "Ça "},
    {"type": "response.output_text.delta", "delta": "va."},
    {"type": "response.output_text.done", "text": "Ça va."},
    {"type": "response.completed", "response": WHOLE_RESPONSE},
]
FORMS = {
    "chat": (
        *("ollama", "chat", NDJSON),
        ndjson({"message": {"thinking": "Hm."}}, {"message": {"content": "Ça va."}}, {"done": True}),
    ),
    "generate": (
        *("ollama", "generate", NDJSON),
        ndjson({"thinking": "Hm."}, {"response": "Ça "}, {"response": "va.", "done": True}),
    ),
    "generate at once": ("ollama", "generate", JSON, b'{"response": "\\u00c7a va.", "thinking": "Hm."}'),
    "openai": ("openai", "chat", EVENTS, events(*OPENAI)),
    "openai at once": (
        *("openai", "chat", JSON),
        b'{"choices": [{"message": {"content": "\\u00c7a va.", "reasoning": "Hm."}}]}',
    ),
    "completions": ("openai", "generate", EVENTS, events({"choices": [{"text": "Ça va.", "thinking": "Hm."}]})),
    "responses": ("openai", "chat", EVENTS, events(*RESPONSES)),
    "responses at once": ("openai", "chat", JSON, json.dumps(WHOLE_RESPONSE).encode()),
    "responses of which only the end came": ("openai", "chat", EVENTS, events(RESPONSES[-1])),
    "anthropic": ("anthropic", "chat", EVENTS, events(*ANTHROPIC)),
    "anthropic at once": ("anthropic", "chat", JSON, b'{"content": [{"thinking": "Hm."}, {"text": "\\u00c7a va."}]}'),
}


def read(api: str, operation: str, content_type: str, body: bytes, size: int) -> list[AnswerDelta]:
    """What is told of ``body`` when it comes in pieces of ``size`` bytes."""
    answer = StreamedAnswer(api, operation, content_type)
    deltas = [answer.add(body[start : start + size]) for start in range(0, len(body), size)]
    return [*deltas, answer.end()]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_text_and_thoughts_are_read_from_pieces_of_any_size(form: str, size: int) -> None:
    deltas = read(*FORMS[form], size)
    assert "".join(delta.text for delta in deltas) == "Ça va."
    assert "".join(delta.thinking for delta in deltas) == "Hm."
    assert not any(delta.error for delta in deltas)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_real_ollama_streams_is_told_as_its_record_tells_it(name: str) -> None:
    exchange = recorded(name)
    opened, response = exchange.opened, exchange.response
    deltas = read(opened.api, opened.operation, response.content_type, response.head, 100)
    line = line_of(exchange, mask=False)
    assert "".join(delta.text for delta in deltas) == line.get("response_text", "")
    if "error" in line:
        assert [delta.error for delta in deltas if delta.error] == [line["error"]]


def test_words_are_told_as_soon_as_their_line_is_there() -> None:
    answer = StreamedAnswer("ollama", "chat", NDJSON)
    assert answer.add(b'{"message": {"content": "Yes') == AnswerDelta()
    assert answer.add(b', "}}\n{"message"') == AnswerDelta("Yes, ")
    assert answer.add(b': {"content": "it is."}}\n') == AnswerDelta("it is.")


@pytest.mark.parametrize("operation", ["pull", "embed", ""])
def test_what_is_not_told_in_words_is_read_at_its_end(operation: str) -> None:
    deltas = read("ollama", operation, NDJSON, ndjson({"status": "pulling"}, {"error": "no such model"}), 9)
    assert [delta.error for delta in deltas if delta.error] == (["no such model"] if operation != "embed" else [])
    assert not any(deltas[place] != AnswerDelta() for place in range(len(deltas) - 1))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b'{"error": "model not found"}'),
        (JSON, b'{"error": {"message": "model not found", "type": "not_found_error"}}'),
        (NDJSON, b'{"message": {"content": "a"}}\n{"error": "model not found"}\n'),
    ],
)
def test_an_error_is_told_once_wherever_it_stands(content_type: str, body: bytes) -> None:
    for api in ("ollama", "openai", "anthropic"):
        if content_type == JSON or api == "ollama":
            errors = [delta.error for delta in read(api, "chat", content_type, body + b"\n", 3)]
            assert [error for error in errors if error] == ["model not found"]


@pytest.mark.parametrize("api", ["ollama", "openai", "anthropic", "of a later version"])
@pytest.mark.parametrize("content_type", [NDJSON, EVENTS, JSON])
@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"[DONE]", b"event: x", b"5", b'["a"]', b"[" * 100_000, b"\xff\xfe"),
        b'{"message": 1, "choices": {}, "delta": []}',
        b'{"choices": [1], "output": [[]], "type": 3, "response": {}}',
    ],
)
def test_what_makes_no_sense_says_nothing(api: str, content_type: str, line: bytes) -> None:
    for start in (b"", b"data: "):
        answer = StreamedAnswer(api, "chat", content_type)
        assert answer.add(start + line + b"\n") == answer.end() == AnswerDelta()
