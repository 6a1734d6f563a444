"""The messages that Ollama makes of a request: each case was seen in what its model got, or stands in its source."""

from typing import Any

import pytest

from service.record.chat_messages import turns_of
from service.record.converted_messages import as_converted, whole_messages

PARTS = [{"type": "text", "text": "one"}, {"type": "image_url"}, {"type": "text", "text": "two"}]
BLOCKS = [{"type": "text", "text": "one"}, {"type": "image", "source": {}}, {"type": "text", "text": "two"}]


def texts(asked: dict[str, Any], api: str) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns_of(as_converted(asked, api))]


def test_openais_chat_makes_a_message_of_each_part() -> None:
    asked = {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": PARTS}]}
    assert texts(asked, "openai") == [("system", "s"), ("user", "one"), ("user", ""), ("user", "two")]
    called = {"role": "assistant", "content": PARTS, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
    turns = list(turns_of(as_converted({"messages": [called]}, "openai")))
    assert [len(turn.tool_calls) for turn in turns] == [0, 0, 1]
    assert texts({"messages": [{"role": "user", "content": []}]}, "openai") == []


def test_the_other_apis_write_texts_one_after_another() -> None:
    asked = {"system": BLOCKS, "messages": [{"role": "user", "content": BLOCKS}]}
    assert texts(asked, "anthropic") == [("system", "onetwo"), ("user", "onetwo")]
    result = {"type": "tool_result", "content": BLOCKS}
    assert texts({"messages": [{"role": "user", "content": [result]}]}, "anthropic") == [("tool", "onetwo")]
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "one"}, {"type": "input_text", "text": "two"}]},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "one"}] * 2},
    ]
    assert texts({"input": items}, "openai") == [("user", "onetwo"), ("tool", "oneone")]


@pytest.mark.parametrize("api", ["ollama", "openai", "anthropic", ""])
def test_what_has_no_parts_stays_as_it_is(api: str) -> None:
    values: list[Any] = [[{"role": "user", "content": "x"}], [None, 1, "x", {}], "x", None, {}]
    for messages in values:
        for asked in ({"messages": messages}, {"input": messages}, {"prompt": "x", "system": "y"}):
            assert as_converted(asked, api) is asked


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_nothing_that_a_request_holds_is_an_error(api: str) -> None:
    contents: list[Any] = [[None], [1, "x"], [[]], [{"type": "text", "text": 5}], [{"content": [None]}], [{"type": []}]]
    for content in contents:
        for asked in (
            {"messages": [{"content": content}, None]},
            {"input": [{"output": content}]},
            {"system": content},
        ):
            list(turns_of(as_converted(asked, api)))
            whole_messages(asked, api, 1)


def test_a_message_is_lost_when_all_of_its_parts_are() -> None:
    asked = {
        "messages": [{"role": "system", "content": PARTS}, *({"role": "user", "content": PARTS} for _ in range(9))]
    }
    assert [whole_messages(asked, "openai", lost) for lost in (1, 2, 3, 5, 6, 26)] == [None, None, 1, 1, 2, 8]
    assert whole_messages(asked, "anthropic", 2) == 2
    assert whole_messages({"input": []}, "openai", 2) == 2


def test_parts_in_parts_are_joined_to_a_depth_and_stay_below_it() -> None:
    two = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    nested: list[Any] = two
    for _ in range(2000):
        nested = [{"type": "tool_result", "content": nested}]
    converted = as_converted({"messages": [{"role": "user", "content": nested}]}, "anthropic")
    found = converted["messages"][0]["content"]
    for _ in range(2000):
        (part,) = found
        found = part["content"]
    assert found is two
