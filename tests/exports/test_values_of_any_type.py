"""Whatever value stands in whichever place of a request or an answer, its record is made and everybody can read it."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from service.exports import chats, csv_table, har
from service.journal.reader import KeptRecord
from service.record.content_findings import JudgedCall, content_findings
from service.record.conversation import opening, read_conversation, searchable
from service.record.explanation import Surroundings, explain
from service.record.record import Record
from service.shipping.span_content import SpanContent
from service.shipping.spans import make_spans
from tests.exports.kept import recorded
from tests.record.wire import body, exchange

ODD: tuple[Any, ...] = (None, True, 1.5, "", {}, [["x"]], [{"type": {}, "text": "x"}])
FEW_ODD: tuple[Any, ...] = (None, {}, [{"type": {}, "text": "x"}])
CALL: dict[str, Any] = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
NATIVE_CALL: dict[str, Any] = {"function": {"name": "f", "arguments": {"a": 1}}}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
]
EVENTS: Final = "text/event-stream"

CHAT: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "format": {"type": "object"},
    "think": True,
    "keep_alive": "5m",
    "tools": TOOLS,
    "options": {"num_ctx": 4096, "num_keep": 4, "num_predict": 9, "stop": ["x"], "temperature": 0.1, "seed": 1},
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "q", "images": ["aGVsbG8="]},
        {"role": "assistant", "content": "", "thinking": "t", "tool_calls": [NATIVE_CALL]},
        {"role": "tool", "content": "r", "tool_name": "f"},
    ],
}
OPENAI_CHAT: dict[str, Any] = {
    "model": "m",
    "stream_options": {"include_usage": True},
    "n": 1,
    "max_tokens": 5,
    "stop": "x",
    "tools": TOOLS,
    "response_format": {"type": "json_schema"},
    "reasoning": {"effort": "low"},
    "user": "u",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "q"}, {"type": "image_url", "image_url": {"url": "u"}}]},
        {"role": "assistant", "content": None, "tool_calls": [CALL], "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "tool", "content": "r", "tool_call_id": "c"},
    ],
}
ITEMS: list[dict[str, Any]] = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "q"}]},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}], "encrypted_content": "e"},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "r"}]},
]
RESPONSES: dict[str, Any] = {
    "model": "m",
    "instructions": "s",
    "input": ITEMS,
    "max_output_tokens": 5,
    "conversation": {"id": "c"},
    "text": {"format": {"type": "json_schema"}},
    "tools": [{"type": "function", "name": "f", "parameters": {}}],
}
MESSAGES: dict[str, Any] = {
    "model": "m",
    "max_tokens": 5,
    "system": [{"type": "text", "text": "s"}],
    "metadata": {"user_id": "u"},
    "tools": [{"name": "f", "input_schema": {}}],
    "output_config": {"format": {"type": "json_schema"}},
    "messages": [
        {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "aGVsbG8="}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text"}]}]},
    ],
}
NATIVE_ANSWER: dict[str, Any] = {
    "model": "m",
    "created_at": "t",
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 5,
    "eval_count": 3,
    "total_duration": 10**9,
    "load_duration": 1,
    "prompt_eval_duration": 10**8,
    "eval_duration": 10**8,
    "message": {"role": "assistant", "content": "a", "thinking": "t", "tool_calls": [NATIVE_CALL], "images": ["x"]},
}
USAGE: dict[str, Any] = {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}
CHOICE: dict[str, Any] = {
    "index": 0,
    "finish_reason": "stop",
    "message": {"role": "assistant", "content": "a", "tool_calls": [CALL]},
}
DELTA: dict[str, Any] = {"index": 0, "delta": {"content": "a", "reasoning": "t", "tool_calls": [{"index": 0, **CALL}]}}
RESPONSE: dict[str, Any] = {
    "id": "r",
    "model": "m",
    "status": "completed",
    "error": None,
    "incomplete_details": {"reason": "x"},
    "output": [ITEMS[1], ITEMS[2], {"type": "message", "content": [{"type": "output_text", "text": "a"}]}],
    "usage": {"input_tokens": 5, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 1}},
}
ANTHROPIC_USAGE: dict[str, Any] = {"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 1}
ANTHROPIC_ANSWER: dict[str, Any] = {
    "id": "m",
    "type": "message",
    "model": "m",
    "stop_reason": "end_turn",
    "usage": ANTHROPIC_USAGE,
    "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "a"}, MESSAGES["messages"][1]],
}
ANTHROPIC_EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": ANTHROPIC_ANSWER},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "c", "name": "f"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "a"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": ANTHROPIC_USAGE},
]
RESPONSE_EVENTS: list[dict[str, Any]] = [
    {"type": "response.created", "response": RESPONSE},
    {"type": "response.output_item.added", "output_index": 0, "item": ITEMS[2]},
    {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"},
    {"type": "response.output_text.delta", "output_index": 1, "delta": "a"},
    {"type": "response.output_item.done", "output_index": 0, "item": ITEMS[2]},
    {"type": "response.completed", "response": RESPONSE},
]
VECTORS: dict[str, Any] = {"model": "m", "embeddings": [[0.1, 0.2]], "prompt_eval_count": 5}
CASES: dict[str, tuple[str, dict[str, Any], list[Any], str]] = {
    "native": ("/api/chat", CHAT, [NATIVE_ANSWER], "application/x-ndjson"),
    "generate": (
        "/api/generate",
        {"model": "m", "prompt": "q", "suffix": "s", "system": "y", "context": [1], "images": ["x"], "raw": True},
        [{**NATIVE_ANSWER, "response": "a"}],
        "application/json",
    ),
    "embed": ("/api/embed", {"model": "m", "input": ["q", "r"], "options": {"num_ctx": 5}}, [VECTORS], ""),
    "openai": ("/v1/chat/completions", OPENAI_CHAT, [{"model": "m", "choices": [CHOICE], "usage": USAGE}], ""),
    "chunks": ("/v1/chat/completions", OPENAI_CHAT, [{"choices": [DELTA]}, {"choices": [], "usage": USAGE}], EVENTS),
    "responses": ("/v1/responses", RESPONSES, [RESPONSE], ""),
    "events": ("/v1/responses", RESPONSES, RESPONSE_EVENTS, EVENTS),
    "anthropic": ("/v1/messages", MESSAGES, [ANTHROPIC_ANSWER], ""),
    "blocks": ("/v1/messages", MESSAGES, ANTHROPIC_EVENTS, EVENTS),
    "images": ("/v1/images/generations", {"model": "m", "prompt": "q", "n": 1}, [{"data": [{"b64_json": "x"}]}], ""),
}


def changed(value: Any, odd: tuple[Any, ...]) -> Iterator[Any]:
    """``value`` with one value in it replaced, in every place and by everything ``odd``."""
    yield from odd
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: other} for other in changed(inner, odd))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], other, *value[number + 1 :]] for other in changed(inner, odd))


def sent(path: str, question: Any, answer: list[Any], kind: str) -> KeptRecord:
    texts = [json.dumps(one).encode() for one in answer]
    data = b"".join(b"data: " + text + b"\n\n" for text in texts) if kind == EVENTS else b"\n".join(texts)
    return recorded(exchange(body(json.dumps(question).encode()), body(data, kind or "application/json"), path))


def read_by_everybody(kept: KeptRecord) -> None:
    record = Record(kept.row.line)
    conversation = read_conversation(record, kept.request)
    json.dumps(record.values)
    make_spans(kept.row, record, SpanContent(messages=True, list_views=True))
    call = JudgedCall(record, conversation)
    content_findings(call, call, "chat")
    explain(record, Surroundings(None, 0, None, 0))
    searchable(record)
    opening(record)
    for written in (chats.write([kept]), csv_table.write([kept]), har.write([kept])):
        list(written)


@pytest.mark.parametrize("odd", [FEW_ODD, pytest.param(ODD, marks=pytest.mark.long)], ids=["few", "all"])
@pytest.mark.parametrize("name", CASES)
def test_any_value_in_any_place_is_read(name: str, odd: tuple[Any, ...]) -> None:
    path, question, answer, kind = CASES[name]
    read_by_everybody(sent(path, question, answer, kind))
    for other in changed(question, odd):
        read_by_everybody(sent(path, other, answer, kind))
    for others in changed(answer, odd):
        read_by_everybody(sent(path, question, others if isinstance(others, list) else [others], kind))
