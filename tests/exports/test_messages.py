"""Conversations as chat messages."""

from typing import Any

import pytest

from service.exports.messages import conversation_key, fingerprints, messages_of, seed_of, tools_of
from service.record.conversation import ChatMessage, Conversation, ToolCall

WEATHER = ToolCall("weather", '{"city":"Paris"}')


def talk(
    *turns: ChatMessage, answer: ChatMessage | None = None, tools: tuple[dict[str, Any], ...] = ()
) -> Conversation:
    return Conversation(turns, answer, tools, {}, is_whole=True)


def test_turns_and_the_answer_become_messages() -> None:
    found = messages_of(
        talk(ChatMessage("system", "Brief."), ChatMessage("user", "Why?"), answer=ChatMessage("assistant", "So."))
    )
    assert found == [
        {"role": "system", "content": "Brief."},
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "So."},
    ]


def test_system_prompts_can_be_dropped_wherever_they_stand() -> None:
    conversation = talk(
        ChatMessage("developer", "a"),
        ChatMessage("user", "b"),
        ChatMessage("system", "c"),
        answer=ChatMessage("assistant", "d"),
    )
    assert [message["role"] for message in messages_of(conversation)] == ["system", "user", "system", "assistant"]
    assert [message["content"] for message in messages_of(conversation, drop_system=True)] == ["b", "d"]


def test_thinking_is_left_out_unless_it_is_wanted() -> None:
    conversation = talk(ChatMessage("user", "Why?"), answer=ChatMessage("assistant", "So.", thinking="Hm."))
    assert messages_of(conversation)[-1] == {"role": "assistant", "content": "So."}
    assert messages_of(conversation, keep_thinking=True)[-1]["reasoning_content"] == "Hm."


def test_calls_and_results_belong_together_by_ids_though_ollama_gives_none() -> None:
    conversation = talk(
        ChatMessage("user", "Paris and Rome?"),
        ChatMessage("assistant", "", tool_calls=(WEATHER, ToolCall("time", "{}"))),
        ChatMessage("tool", "noon", name="time"),
        ChatMessage("tool", "sun"),
        ChatMessage("assistant", "", tool_calls=(WEATHER,)),
        ChatMessage("tool", "rain"),
        answer=ChatMessage("assistant", "Sun, then rain."),
    )
    found = messages_of(conversation)
    assert found[1] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}},
            {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": "{}"}},
        ],
    }
    results = [message for message in found if message["role"] == "tool"]
    assert results == [
        {"role": "tool", "content": "noon", "tool_call_id": "call_2", "name": "time"},
        {"role": "tool", "content": "sun", "tool_call_id": "call_1", "name": "weather"},
        {"role": "tool", "content": "rain", "tool_call_id": "call_3", "name": "weather"},
    ]


def test_ids_that_were_sent_stay() -> None:
    conversation = talk(
        ChatMessage("user", "?"),
        ChatMessage("assistant", "", tool_calls=(ToolCall("weather", "{}", "toolu_7"),)),
        ChatMessage("tool", "sun", tool_call_id="toolu_7"),
        answer=ChatMessage("assistant", "Sun."),
    )
    found = messages_of(conversation)
    assert found[1]["tool_calls"][0]["id"] == found[2]["tool_call_id"] == "toolu_7"
    assert found[2]["name"] == "weather"


def test_arguments_are_texts_or_objects() -> None:
    conversation = talk(
        ChatMessage("user", "?"), answer=ChatMessage("assistant", "", tool_calls=(WEATHER, ToolCall("now", "")))
    )
    texts = [call["function"]["arguments"] for call in messages_of(conversation)[-1]["tool_calls"]]
    objects = [call["function"]["arguments"] for call in messages_of(conversation, as_objects=True)[-1]["tool_calls"]]
    assert texts == ['{"city":"Paris"}', "{}"]
    assert objects == [{"city": "Paris"}, {}]


@pytest.mark.parametrize("arguments", ['{"x":1}', '"{\\"x\\":1}"', '"\\"{\\\\\\"x\\\\\\":1}\\""', ' "{\\"x\\": 1}" '])
def test_arguments_that_were_encoded_more_than_once_are_usable(arguments: str) -> None:
    conversation = talk(answer=ChatMessage("assistant", "", tool_calls=(ToolCall("zoom", arguments),)))
    assert messages_of(conversation)[-1]["tool_calls"][0]["function"]["arguments"] == '{"x":1}'
    assert messages_of(conversation, as_objects=True)[-1]["tool_calls"][0]["function"]["arguments"] == {"x": 1}


@pytest.mark.parametrize("arguments", ["{broken", "[1]", '"text"', "null", '{"a":\ud800'])
def test_arguments_that_are_no_object_are_refused(arguments: str) -> None:
    with pytest.raises(ValueError, match="'weather' are no JSON object"):
        messages_of(talk(answer=ChatMessage("assistant", "", tool_calls=(ToolCall("weather", arguments),))))


def test_a_role_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="'control'"):
        messages_of(talk(ChatMessage("control", "x"), answer=ChatMessage("assistant", "y")))


def test_an_answer_that_was_begun_by_the_request_is_one_message() -> None:
    found = messages_of(
        talk(ChatMessage("user", "JSON!"), ChatMessage("assistant", '{"a":'), answer=ChatMessage("assistant", " 1}"))
    )
    assert found[1:] == [{"role": "assistant", "content": '{"a": 1}'}]


def test_tools_of_all_apis_have_one_form() -> None:
    schema = {"type": "object", "properties": {}}
    function = {"name": "weather", "description": "Now", "parameters": schema}
    tools: tuple[dict[str, Any], ...] = (
        {"type": "function", "function": function},
        {"type": "function", **function, "strict": True},
        {"name": "weather", "description": "Now", "input_schema": schema},
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "function", "function": None},
        {},
    )
    assert tools_of(talk(tools=tools)) == [{"type": "function", "function": function}] * 3


def test_each_answer_ends_a_beginning_whose_fingerprint_the_longer_conversation_shares() -> None:
    short = messages_of(talk(ChatMessage("user", "a"), answer=ChatMessage("assistant", "b")))
    long = messages_of(
        talk(
            ChatMessage("user", "a"),
            ChatMessage("assistant", "b"),
            ChatMessage("user", "c"),
            answer=ChatMessage("assistant", "d"),
        )
    )
    [beginning, whole] = fingerprints(long)
    assert [beginning] == fingerprints(short) != [whole]
    assert len(fingerprints(long[:-1])) == 2


def test_what_clients_change_when_they_send_a_conversation_again_does_not_count() -> None:
    once = talk(
        ChatMessage("user", "a"),
        answer=ChatMessage("assistant", "b\n", "Hm.", (ToolCall("f", '{"x": 1, "y":2}', "id1"),)),
    )
    again = talk(
        ChatMessage("user", "a"), answer=ChatMessage("assistant", "b", "", (ToolCall("f", '{"y":2,"x":1}', "id2"),))
    )
    assert fingerprints(messages_of(once, keep_thinking=True)) == fingerprints(messages_of(again, as_objects=True))


@pytest.mark.parametrize(
    "other",
    [
        [{"role": "user", "content": "ab"}],
        [{"role": "system", "content": "a"}],
        [{"role": "user", "content": "a"}, {"role": "user", "content": ""}],
        [{"role": "user", "content": "\ud800"}],
    ],
)
def test_other_conversations_have_other_fingerprints(other: list[dict[str, Any]]) -> None:
    assert fingerprints(other)[-1] != fingerprints([{"role": "user", "content": "a"}])[-1]


def test_fingerprints_are_the_same_for_ever() -> None:
    assert fingerprints([{"role": "user", "content": "a"}])[0].hex() == FINGERPRINT_OF_A


# Written down, as files that were divided by it must be divided alike by later versions.
FINGERPRINT_OF_A = "af979990aae7a587f25138cbad3a2cf0"


def test_the_words_with_other_tools_are_another_example() -> None:
    messages = [{"role": "user", "content": "a"}]
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert fingerprints(messages, seed_of(tools)) != fingerprints(messages, seed_of([])) == fingerprints(messages)


def test_all_branches_of_a_conversation_share_its_key() -> None:
    beginning = [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]
    branches = [[*beginning, {"role": "assistant", "content": text}] for text in "xyz"]
    assert {conversation_key(branch) for branch in branches} == {conversation_key(beginning)}
    assert conversation_key(beginning) == conversation_key([{"role": "system", "content": "other"}, beginning[1]])
    assert conversation_key(beginning) != conversation_key([{"role": "user", "content": "b"}, *beginning])
    assert conversation_key([]) == b""
