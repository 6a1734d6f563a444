import json
from typing import Any

import pytest

from service.record.answer_parts import HIDDEN_THINKING
from service.record.openai_replies import read
from service.record.replies import Reply
from tests.record.wire import body, exchange, line_of

EVENTS = "text/event-stream"


def once(*output: Any, **more: Any) -> Reply:
    return read("chat", body(json.dumps({"status": "completed", "output": output} | more).encode()))


def streamed(*events: dict[str, Any]) -> Reply:
    data = b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)
    return read("chat", body(data, EVENTS))


def calls_of(reply: Reply) -> list[tuple[str, Any]]:
    return [(each["function"]["name"], each["function"]["arguments"]) for each in reply.tool_calls]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"type": "function_call", "name": "look", "arguments": '{"a":1}'}, ("look", {"a": 1})),
        ({"type": "custom_tool_call", "name": "apply_patch", "input": "*** Begin"}, ("apply_patch", "*** Begin")),
        ({"type": "web_search_call", "action": {"query": "x"}}, ("web_search", {"query": "x"})),
        ({"type": "local_shell_call", "action": {"command": ["ls"]}}, ("local_shell", {"command": ["ls"]})),
        ({"type": "code_interpreter_call", "code": "1+1"}, ("code_interpreter", "1+1")),
        ({"type": "mcp_call", "name": "ask", "arguments": '{"q":1}'}, ("ask", {"q": 1})),
    ],
)
def test_every_kind_of_call_is_a_call(item: dict[str, Any], expected: tuple[str, Any]) -> None:
    assert calls_of(once(item)) == [expected]
    added = {key: value for key, value in item.items() if key in ("type", "name")}
    events = (
        {"type": "response.output_item.added", "output_index": 0, "item": added},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"status": "completed", "output": [item]}},
    )
    for reply in (streamed(*events), streamed(*events[2:])):
        assert calls_of(reply) == [expected]
        assert reply.problem is None


def test_a_custom_call_that_broke_off_is_told_as_far_as_it_came() -> None:
    reply = streamed(
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"type": "custom_tool_call", "name": "patch"},
        },
        {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "*** Beg"},
    )
    assert calls_of(reply) == [("patch", "*** Beg")]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "mcp_list_tools", "tools": [{"name": "ask"}]},
        {"type": "mcp_call", "name": "ask", "arguments": "{}", "output": "42"},
        {"type": "function_call_output", "output": "42"},
        {"type": "message", "content": [{"type": "output_video", "data": "x"}]},
        {"type": "compaction", "encrypted_content": "RW5j"},
        "no object",
    ],
)
def test_items_that_no_field_tells_of_are_not_passed_over_without_a_word(item: Any) -> None:
    assert once(item).problem
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    completed = {"type": "response.completed", "response": {"status": "completed", "output": [item]}}
    assert streamed(completed).problem
    assert not isinstance(item, dict) or streamed(done).problem


def test_an_event_that_nobody_knows_is_not_passed_over_without_a_word() -> None:
    assert streamed({"type": "response.hologram.delta", "delta": "x"}).problem
    assert streamed({"type": "something.else"}).problem
    known = (
        "response.created",
        "response.output_text.done",
        "response.content_part.added",
        "response.web_search_call.searching",
    )
    assert streamed(*({"type": kind} for kind in known)).problem is None


def test_thinking_that_is_encrypted_is_told_to_be_hidden() -> None:
    hidden = {"type": "reasoning", "summary": [], "encrypted_content": "RW5j"}
    assert once(hidden).thoughts == [HIDDEN_THINKING]
    assert streamed({"type": "response.output_item.done", "output_index": 0, "item": hidden}).thoughts == [
        HIDDEN_THINKING
    ]
    told = hidden | {"summary": [{"type": "summary_text", "text": "Hm"}]}
    assert once(told).thoughts == ["Hm"]


def test_an_image_that_was_made_is_a_word() -> None:
    item = {"type": "image_generation_call", "result": "iVBORw0KGgoAAQIDBAUGBwgJ"}
    assert once(item).texts[0].startswith("<image 18 bytes sha256:")
    assert streamed({"type": "response.output_item.done", "output_index": 0, "item": item}).texts == once(item).texts


def test_the_summary_of_a_conversation_that_was_made_shorter_is_its_text() -> None:
    content = json.dumps({"type": "ollama_compaction", "version": 1, "summary": "They met.", "retained": []})
    reply = once({"type": "compaction", "encrypted_content": content})
    assert (reply.texts, reply.problem) == (["They met."], None)


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_state_that_is_an_error_is_one(state: str) -> None:
    assert state in str(once(status=state).error)
    response = {"status": state, "error": {"code": "server_error", "message": "boom"}, "output": []}
    assert streamed({"type": f"response.{state}", "response": response}).error == "boom"
    assert state in str(streamed({"type": f"response.{state}", "response": {"output": []}}).error)


def test_cached_tokens_are_told_where_ollama_knows_them() -> None:
    usage = {"input_tokens": 41, "output_tokens": 8, "input_tokens_details": {"cached_tokens": 40}}
    assert once(usage=usage).cached_tokens == 40
    unknown = usage | {"input_tokens_details": {"cached_tokens": 0}}
    assert once(usage=unknown).cached_tokens is None


CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
MESSAGE = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
SUMMARY = "response.reasoning_summary_text"
OF_TOOL = "response.function_call_arguments"
BEGUN = {"type": "response.output_item.added", "output_index": 0, "item": {**CALL, "arguments": ""}}


def ended(*output: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"status": "completed", "output": [*output]}}


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([{"type": "response.output_text.done", "output_index": 0, "text": "Hello"}, ended()], ("Hello", None, None)),
        ([{"type": "response.refusal.done", "refusal": "No"}, ended()], ("No", None, None)),
        ([{"type": f"{SUMMARY}.delta", "delta": "hm"}, ended(THOUGHT, MESSAGE)], ("Hello", "hm", None)),
        (
            [
                {"type": f"{SUMMARY}.delta", "output_index": 0, "delta": "hm"},
                {"type": f"{SUMMARY}.done", "output_index": 0, "text": "hm"},
                {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT},
                {"type": "response.output_item.done", "output_index": 1, "item": MESSAGE},
                ended(THOUGHT, MESSAGE),
            ],
            ("Hello", "hm", None),
        ),
        (
            [
                {"type": "response.output_text.delta", "output_index": 0, "delta": "Hel"},
                {"type": "response.output_text.delta", "output_index": 0, "delta": "lo"},
                {"type": "response.output_text.done", "output_index": 0, "text": "Hello"},
                {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE},
                ended(MESSAGE),
            ],
            ("Hello", None, None),
        ),
        ([{"type": f"{SUMMARY}.done", "text": "hm"}, ended(THOUGHT)], (None, "hm", None)),
        ([{"type": "response.output_text.delta", "delta": "Hello"}, ended(MESSAGE, CALL)], ("Hello", None, "f")),
        ([BEGUN, {"type": f"{OF_TOOL}.done", "output_index": 0, "arguments": '{"a":1}'}, ended()], (None, None, "f")),
        (
            [
                BEGUN,
                {"type": f"{OF_TOOL}.delta", "output_index": 0, "delta": '{"a":1}'},
                {"type": f"{OF_TOOL}.done", "output_index": 0, "arguments": '{"a":1}'},
                {"type": "response.output_item.done", "output_index": 0, "item": CALL},
                {"type": f"{OF_TOOL}.done", "output_index": 0, "arguments": '{"a":1}'},
                ended(CALL),
            ],
            (None, None, "f"),
        ),
    ],
)
def test_what_is_told_whole_alone_is_told_once(
    events: list[dict[str, Any]], told: tuple[str | None, str | None, str | None]
) -> None:
    data = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    asked = b'{"model":"m","stream":true,"input":"x"}'
    line = line_of(exchange(body(asked), body(data, "text/event-stream"), "/v1/responses"))
    calls = json.loads(line.get("tool_calls", "[]"))
    assert (line.get("response_text"), line.get("thinking")) == told[:2]
    assert calls == ([{"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}] if told[2] else [])
    assert line["failed"] is False
