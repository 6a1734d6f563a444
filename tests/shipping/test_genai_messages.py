from typing import Any

import orjson
import pytest

from service.record.conversation import words_in_line
from service.record.record import record_of
from service.shipping.genai_messages import finish_reason, message_attributes

PICTURE = f"<image 2056 bytes sha256:{'a' * 64}>"


def messages_of(request: Any, **line: Any) -> dict[str, Any]:
    body = request if isinstance(request, str) else orjson.dumps(request).decode()
    record = record_of({"request_body": body, "operation": "chat", **line})
    return {name: orjson.loads(text) for name, text in message_attributes(record, words_in_line(record))}


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def test_what_stands_beside_the_messages_are_instructions_and_what_stands_in_them_is_history() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    told = messages_of({"system": "Be kind.", "messages": messages})
    assert told["gen_ai.system_instructions"] == [text("Be kind.")]
    assert told["gen_ai.input.messages"] == [
        {"role": "system", "parts": [text("Be brief.")]},
        {"role": "user", "parts": [text("Why?")]},
    ]


def test_a_prompt_is_a_message_of_the_user() -> None:
    told = messages_of({"prompt": "Why?", "system": "Be brief."}, operation="generate")
    assert told["gen_ai.input.messages"] == [{"role": "user", "parts": [text("Why?")]}]
    assert told["gen_ai.system_instructions"] == [text("Be brief.")]


_CALL = {"type": "tool_call", "id": "c1", "name": "zoom", "arguments": {"x": 1}}
_RESULT = {"type": "tool_call_response", "id": "c1", "response": "zoomed"}


@pytest.mark.parametrize(
    "request_body",
    [
        {
            "messages": [
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "c1", "function": {"name": "zoom", "arguments": {"x": 1}}}],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "zoomed"},
            ]
        },
        {
            "messages": [
                {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "zoom", "input": {"x": 1}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "zoomed"}]},
            ]
        },
        {
            "input": [
                {"type": "function_call", "call_id": "c1", "name": "zoom", "arguments": '{"x":1}'},
                {"type": "function_call_output", "call_id": "c1", "output": "zoomed"},
            ]
        },
    ],
    ids=["chat", "messages", "responses"],
)
def test_calls_of_tools_and_their_results_are_the_same_parts_in_every_api(request_body: Any) -> None:
    called, answered = messages_of(request_body)["gen_ai.input.messages"]
    assert called == {"role": "assistant", "parts": [_CALL]}
    assert answered == {"role": "tool", "parts": [_RESULT]}


def test_a_result_of_ollamas_own_api_bears_the_name_of_its_tool() -> None:
    (answered,) = messages_of({"messages": [{"role": "tool", "tool_name": "zoom", "content": "zoomed"}]})[
        "gen_ai.input.messages"
    ]
    assert answered["name"] == "zoom"
    assert answered["parts"] == [{"type": "tool_call_response", "response": "zoomed"}]


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ({"content": "", "images": [PICTURE]}, {"type": "image", "modality": "image", "content": PICTURE}),
        (
            {"content": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
            {"type": "image", "modality": "image", "content": PICTURE},
        ),
        (
            {"content": [{"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}]},
            {"type": "uri", "modality": "image", "uri": "https://example.org/cat.png"},
        ),
        (
            {"content": [{"type": "input_file", "file": {"file_id": "file-7"}}]},
            {"type": "file", "modality": "file", "file_id": "file-7"},
        ),
        (
            {"content": [{"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}]},
            {"type": "uri", "modality": "document", "uri": "https://example.org/a.pdf"},
        ),
        (
            {"content": [{"type": "search_result", "source": "https://example.org", "title": "t"}]},
            {"type": "uri", "modality": "search_result", "uri": "https://example.org"},
        ),
    ],
)
def test_a_part_that_is_no_text_is_what_it_is(message: dict[str, Any], part: dict[str, Any]) -> None:
    (asked,) = messages_of({"messages": [{"role": "user", **message}]})["gen_ai.input.messages"]
    assert asked["parts"] == [part]


def test_an_answer_has_its_thoughts_its_text_and_its_calls() -> None:
    calls = '[{"id":"c9","function":{"name":"purr","arguments":{}}}]'
    (answer,) = messages_of({}, response_text="A cat.", thinking="Hm.", tool_calls=calls, done_reason="stop")[
        "gen_ai.output.messages"
    ]
    assert answer == {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Hm."},
            text("A cat."),
            {"type": "tool_call", "id": "c9", "name": "purr", "arguments": {}},
        ],
        "finish_reason": "stop",
    }


def test_a_picture_that_was_drawn_is_a_part() -> None:
    (answer,) = messages_of({"prompt": "a cat"}, operation="image", response_text=f"{PICTURE}\n{PICTURE}")[
        "gen_ai.output.messages"
    ]
    assert [part["type"] for part in answer["parts"]] == ["image", "image"]


@pytest.mark.parametrize(
    ("line", "reason", "of_message"),
    [
        ({"response_text": "a", "done_reason": "length"}, "length", "length"),
        ({"response_text": "a", "done_reason": "unfinished"}, "error", "error"),
        ({"response_text": "a", "failed": True, "outcome": "client_left"}, "error", "error"),
        ({"response_text": "words of a recording", "failed": False}, None, "stop"),
    ],
)
def test_an_answer_that_broke_off_ends_in_error(line: dict[str, Any], reason: str | None, of_message: str) -> None:
    assert finish_reason(record_of(line)) == reason
    (answer,) = messages_of({}, **line)["gen_ai.output.messages"]
    assert answer["finish_reason"] == of_message


def test_where_nothing_was_answered_nothing_ended() -> None:
    assert finish_reason(record_of({"failed": True, "error": "gone"})) is None
    assert "gen_ai.output.messages" not in messages_of({}, failed=True, error="gone")


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "function": {"name": "zoom", "description": "d", "parameters": {"type": "object"}}},
        {"type": "function", "name": "zoom", "description": "d", "parameters": {"type": "object"}},
        {"name": "zoom", "description": "d", "input_schema": {"type": "object"}},
    ],
    ids=["chat", "responses", "messages"],
)
def test_the_tools_that_are_offered_are_told_in_one_form(tool: dict[str, Any]) -> None:
    told = messages_of({"messages": [], "tools": [tool]})["gen_ai.tool.definitions"]
    assert told == [{"type": "function", "name": "zoom", "description": "d", "parameters": {"type": "object"}}]


def test_a_tool_of_a_server_is_told_by_its_type() -> None:
    told = messages_of({"tools": [{"type": "web_search"}, {"type": 7}]})["gen_ai.tool.definitions"]
    assert told == [{"type": "web_search", "name": "web_search"}, {"type": "function", "name": "function"}]


def test_what_is_nested_too_deeply_is_left_out_and_the_rest_stays() -> None:
    deep = "[" * 400 + "]" * 400
    body = (
        '{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":'
        + deep
        + '}}]}],"system":"s"}'
    )
    told = messages_of(body)
    assert "gen_ai.input.messages" not in told
    assert told["gen_ai.system_instructions"] == [text("s")]


def test_a_recording_is_a_part_of_what_was_asked() -> None:
    told = messages_of(
        "--x\r\n\r\n<audio 9000 bytes sha256:ab>\r\n--x--", operation="transcribe", response_text="hello"
    )
    (asked,) = told["gen_ai.input.messages"]
    assert asked["parts"][0]["modality"] == "audio"
