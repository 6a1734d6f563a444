"""An answer is read as it comes, in each form that Ollama speaks, in pieces of any size."""

import json
from typing import Any

import pytest

from service.cli.streamed_answer import AnswerReader, Piece


def ndjson(*said: Any) -> bytes:
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in said)


def events(*said: Any) -> bytes:
    return (
        b"".join(b"data: " + json.dumps(one, ensure_ascii=False).encode() + b"\n\n" for one in said)
        + b"data: [DONE]\n\n"
    )


OPENAI = [{"choices": [{"delta": {"role": "assistant", "content": ""}}]}, {"choices": [{"delta": {"content": "Ça "}}]}]
ANTHROPIC = [
    {"type": "message_start", "message": {"role": "assistant", "content": []}},
    {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Ça va."}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
]
RESPONSES = [
    {"type": "response.created", "response": {"output": []}},
    {"type": "response.reasoning_summary_text.delta", "delta": "Hm."},
    {"type": "response.output_text.delta", "delta": "Ça "},
    {"type": "response.output_text.delta", "delta": "va."},
    {"type": "response.output_text.done", "text": "Ça va."},
    {"type": "response.completed", "response": {"output": [{"content": [{"text": "Ça va."}]}]}},
]
FORMS = {
    "chat": (
        "application/x-ndjson",
        ndjson({"message": {"thinking": "Hm."}}, {"message": {"content": "Ça va."}}, {"done": True}),
    ),
    "generate": (
        "application/x-ndjson",
        ndjson({"thinking": "Hm."}, {"response": "Ça "}, {"response": "va.", "done": True}),
    ),
    "generate at once": ("application/json; charset=utf-8", b'{"response": "\\u00c7a va.", "thinking": "Hm."}'),
    "openai": ("text/event-stream", events(*OPENAI, {"choices": [{"delta": {"content": "va.", "reasoning": "Hm."}}]})),
    "openai at once": (
        "application/json",
        b'{"choices": [{"message": {"content": "\\u00c7a va.", "reasoning": "Hm."}}]}',
    ),
    "completions": ("text/event-stream", events({"choices": [{"text": "Ça va."}], "thinking": "Hm."})),
    "responses": ("text/event-stream", events(*RESPONSES)),
    "anthropic": ("text/event-stream", events(*ANTHROPIC)),
    "anthropic at once": ("application/json", b'{"content": [{"thinking": "Hm."}, {"text": "\\u00c7a va."}]}'),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_text_and_thoughts_are_read_from_pieces_of_any_size(form: str, size: int) -> None:
    content_type, body = FORMS[form]
    reader = AnswerReader(content_type)
    pieces = [reader.read(body[start : start + size]) for start in range(0, len(body), size)] + [reader.end()]
    assert "".join(piece.text for piece in pieces) == "Ça va."
    assert "".join(piece.thinking for piece in pieces) == "Hm."
    assert not any(piece.error for piece in pieces)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"error": "model not found"}'),
        ("application/json", b'{"error": {"message": "model not found", "type": "not_found_error"}}'),
        ("application/x-ndjson", b'{"message": {"content": "a"}}\n{"error": "model not found"}\n'),
    ],
)
def test_errors_are_read_wherever_they_stand(content_type: str, body: bytes) -> None:
    reader = AnswerReader(content_type)
    assert (reader.read(body).error or reader.end().error) == "model not found"


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"[DONE]", b"event: x", b"5", b'["a"]', b"[" * 100_000, b"\xff\xfe"),
        b'{"message": 1, "choices": {}, "delta": []}',
        b'{"choices": [1], "content": "x", "output": [[]], "type": 3, "response": {}}',
        b'{"message": {"content": ["a"]}}',
    ],
)
def test_what_makes_no_sense_says_nothing(line: bytes) -> None:
    reader = AnswerReader("application/x-ndjson")
    assert reader.read(line + b"\n") == reader.end() == Piece()
