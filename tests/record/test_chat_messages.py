"""Who said what, in the requests of each API as their documentation and their clients write them."""

from typing import Any

import pytest

from service.record.chat_messages import ChatMessage, ToolCall, calls_of, tools_of, turns_of


def turns(**asked: Any) -> list[ChatMessage]:
    return list(turns_of(asked))


def test_a_chat_of_ollama_is_its_messages() -> None:
    call = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}
    found = turns(
        messages=[
            {"role": "system", "content": "Brief."},
            {"role": "user", "content": "Look", "images": ["<image 9 bytes sha256:ab>"]},
            {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [call]},
            {"role": "tool", "content": "sun", "tool_name": "weather"},
        ]
    )
    assert found == [
        ChatMessage("system", "Brief."),
        ChatMessage("user", "Look", images=("<image 9 bytes sha256:ab>",)),
        ChatMessage("assistant", "", "Hm.", (ToolCall("weather", '{"city":"Paris"}'),)),
        ChatMessage("tool", "sun", name="weather"),
    ]


def test_a_generation_is_its_system_and_its_prompt_with_images() -> None:
    assert turns(system="Brief.", prompt="Why?", images=["AAAA"]) == [
        ChatMessage("system", "Brief."),
        ChatMessage("user", "Why?", images=("<image of 4 characters>",)),
    ]


def test_a_chat_of_openai_may_have_parts_and_calls_with_ids() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    parts = [
        {"type": "text", "text": "What is"},
        {"type": "text", "text": "this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
        {"type": "image_url", "image_url": {"url": "<image 183204 bytes sha256:00>", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "<audio 70 bytes sha256:00>", "format": "wav"}},
        {"type": "hologram", "hologram": {"x": 1}},
    ]
    found = turns(
        messages=[
            {"role": "user", "content": parts},
            {"role": "assistant", "content": None, "tool_calls": [call], "reasoning": "Hm."},
            {"role": "tool", "tool_call_id": "call_1", "content": "2"},
            {"role": "assistant", "content": None, "function_call": {"name": "old", "arguments": "{}"}},
        ]
    )
    assert found[0].text == "What is\nthis?"
    assert found[0].images == (
        "https://example.com/cat.png",
        "<image 183204 bytes sha256:00>",
        "<audio 70 bytes sha256:00>",
        "<hologram>",
    )
    assert found[1] == ChatMessage("assistant", "", "Hm.", (ToolCall("f", '{"a": 1}', "call_1"),))
    assert found[2] == ChatMessage("tool", "2", tool_call_id="call_1")
    assert found[3].tool_calls == (ToolCall("old", "{}"),)


def test_messages_of_anthropic_hold_results_that_are_turns_of_their_own() -> None:
    found = turns(
        system=[{"type": "text", "text": "Brief."}, {"type": "text", "text": "Kind."}],
        messages=[
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Rome"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sun"}]},
                    {"type": "text", "text": "And tomorrow?"},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_2", "content": "rain"}]},
            {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "data": "<image 3 bytes …>"}}]},
        ],
    )
    assert found == [
        ChatMessage("system", "Brief.\nKind."),
        ChatMessage("user", "Weather?"),
        ChatMessage("assistant", "I look.", "Hm.", (ToolCall("weather", '{"city":"Rome"}', "toolu_1"),)),
        ChatMessage("tool", "sun", tool_call_id="toolu_1"),
        ChatMessage("user", "And tomorrow?"),
        ChatMessage("tool", "rain", tool_call_id="toolu_2"),
        ChatMessage("user", "", images=("<image 3 bytes …>",)),
    ]


def test_items_of_the_responses_api_that_the_assistant_said_at_once_are_one_turn() -> None:
    found = turns(
        instructions="Brief.",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "time", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "sun"},
            {"type": "message", "role": "assistant", "content": "Sun."},
            {"type": "message", "role": "assistant", "content": "Really."},
            {"type": "item_reference", "id": "msg_1"},
        ],
    )
    assert found == [
        ChatMessage("system", "Brief."),
        ChatMessage("user", "Weather?"),
        ChatMessage("assistant", "I look.", "Hm.", (ToolCall("weather", "{}", "c1"), ToolCall("time", "{}", "c2"))),
        ChatMessage("tool", "sun", tool_call_id="c1"),
        ChatMessage("assistant", "Sun."),
        ChatMessage("assistant", "Really."),
        ChatMessage("assistant", "", images=("<item_reference>",)),
    ]


def test_a_text_alone_may_be_the_input() -> None:
    assert turns(input="hi") == [ChatMessage("user", "hi")]
    assert turns(prompt=["a", "b"]) == [ChatMessage("user", "a"), ChatMessage("user", "b")]


def test_what_shall_be_embedded_is_a_turn_each() -> None:
    embed = {"model": "m", "input": ["a", "b"], "messages": [{"role": "user", "content": "x"}]}
    assert list(turns_of(embed, is_embedding=True)) == [ChatMessage("user", "a"), ChatMessage("user", "b")]
    assert list(turns_of({"prompt": "a"}, is_embedding=True)) == [ChatMessage("user", "a")]
    assert list(turns_of({"input": [1, 2, 3]}, is_embedding=True)) == [ChatMessage("user", "", images=("<3 tokens>",))]
    assert [turn.images for turn in turns_of({"input": [[1], [2, 3]]}, is_embedding=True)] == [
        ("<1 token>",),
        ("<2 tokens>",),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"messages": None, "input": None, "prompt": None},
        {"messages": [None, 1, "x", [], {}]},
        {"messages": {"role": "user"}},
        {"messages": [{"role": 1, "content": 2, "tool_calls": [1, {"function": 2}], "images": [3]}]},
        {"messages": [{"content": [{"type": ["text"], "text": 1}, {"type": "tool_use"}, {"type": "tool_result"}]}]},
        {"input": [None, {"type": "function_call"}, {"type": "reasoning"}, {"type": None}]},
        {"system": 1, "instructions": [], "prompt": [None, {}, 1]},
    ],
)
def test_what_has_a_wrong_type_is_passed_over(asked: dict[str, Any]) -> None:
    for is_embedding in (False, True):
        for turn in turns_of(asked, is_embedding=is_embedding):
            assert all(isinstance(text, str) for text in (turn.role, turn.text, turn.thinking, turn.name, *turn.images))


def test_results_inside_results_are_not_followed() -> None:
    content: Any = "deep"
    for _ in range(50):
        content = [{"type": "tool_result", "content": content}]
    assert turns(messages=[{"role": "user", "content": content}]) == [ChatMessage("tool", "")]


def test_calls_are_read_as_far_as_they_are_calls() -> None:
    assert list(calls_of([{"id": 3, "function": {"name": None, "arguments": None}}, 1, {}])) == [ToolCall("", "")]
    assert list(calls_of("text")) == []


def test_tools_and_the_older_functions_are_both_tools() -> None:
    assert list(tools_of({"tools": [{"a": 1}, 2], "functions": [{"name": "f"}, None]})) == [
        {"a": 1},
        {"type": "function", "function": {"name": "f"}},
    ]


def test_what_stands_beside_the_prompt_is_asked_too() -> None:
    asked = {
        "model": "coder",
        "prompt": "def add(",
        "suffix": "    return a",
        "template": "{{ .Prompt }}",
        "system": "Brief.",
    }
    assert [(turn.role, turn.text) for turn in turns_of(asked)] == [
        ("template", "{{ .Prompt }}"),
        ("system", "Brief."),
        ("user", "def add("),
        ("suffix", "    return a"),
    ]
    assert [turn.role for turn in turns_of({"prompt": "", "suffix": "x"})] == ["suffix"]
    assert not list(turns_of({"suffix": 7, "template": ["x"]}))


def test_custom_calls_and_their_outputs_are_turns_as_those_of_functions_are() -> None:
    items = [
        {"role": "user", "content": "patch it"},
        {"type": "custom_tool_call", "call_id": "c3", "name": "apply_patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c3", "output": "done"},
        {"type": "local_shell_call", "call_id": "c4", "action": {"command": ["ls"]}},
        {"type": "local_shell_call_output", "call_id": "c4", "output": "a.txt"},
    ]
    turns = list(turns_of({"input": items}))
    assert [turn.role for turn in turns] == ["user", "assistant", "tool", "assistant", "tool"]
    calls = [call for turn in turns for call in turn.tool_calls]
    assert [(call.id, call.name, call.arguments) for call in calls] == [
        ("c3", "apply_patch", "*** Begin"),
        ("c4", "local_shell", '{"command":["ls"]}'),
    ]
    assert [(turn.tool_call_id, turn.text) for turn in turns if turn.role == "tool"] == [
        ("c3", "done"),
        ("c4", "a.txt"),
    ]
    custom = {"id": "c", "type": "custom", "custom": {"name": "apply_patch", "input": "*** Begin"}}
    (turn,) = turns_of({"messages": [{"role": "assistant", "content": None, "tool_calls": [custom]}]})
    assert turn.tool_calls[0].name == "apply_patch"


def test_tools_of_a_server_and_hidden_thinking_are_told() -> None:
    content = [
        {"type": "redacted_thinking", "data": "RW5j"},
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "text", "text": "found"}]},
    ]
    result, turn = turns_of({"messages": [{"role": "assistant", "content": content}]})
    assert (turn.thinking, turn.tool_calls[0].name) == ("<redacted thinking>", "web_search")
    assert (result.role, result.text, result.tool_call_id) == ("tool", "found", "s1")


def test_thinking_that_a_client_sends_back_between_tags_is_told_apart() -> None:
    messages = [
        {"role": "assistant", "content": "<think>plan</think>4"},
        {"role": "user", "content": "<think>a</think>b"},
    ]
    answer, question = turns_of({"messages": messages})
    assert (answer.thinking, answer.text, question.text) == ("plan", "4", "<think>a</think>b")


def test_an_image_that_is_to_be_edited_is_told() -> None:
    (turn,) = turns_of({"prompt": "Make it blue", "image": "<image 2056 bytes sha256:ab>"})
    assert turn.images == ("<image 2056 bytes sha256:ab>",)


def test_the_names_of_a_part_may_be_in_capitals() -> None:
    image = {"Type": "image_url", "Image_URL": {"url": "https://x.example/a.png"}}
    content = [{"Type": "text", "Text": "What is this?"}, image]
    [turn] = turns_of({"messages": [{"role": "user", "content": content}]})
    assert (turn.text, turn.images) == ("What is this?", ("https://x.example/a.png",))


def test_two_names_are_a_role_and_a_text_only_where_they_are_called_so() -> None:
    image = "<image 9 bytes sha256:ab>"
    assert turns(messages=[{"content": "Look", "images": [image]}]) == [ChatMessage("user", "Look", images=(image,))]
    assert turns(messages=[{"content": "x", "tool_name": "f"}]) == [ChatMessage("user", "x", name="f")]
    assert turns(messages=[{"role": "", "content": "x"}, {"role": 5, "content": "y"}]) == [
        ChatMessage("user", "x"),
        ChatMessage("user", "y"),
    ]
    assert turns(input=[{"role": "user", "content": "x"}]) == turns(messages=[{"role": "user", "content": "x"}])
