"""What a request fills a context with."""

from typing import Any

from service.record.prompt_parts import AROUND_A_MESSAGE, PromptParts, parts_of

SYSTEM = {"role": "system", "content": "Be brief."}
USER = {"role": "user", "content": "Größe?"}


def parts(*messages: dict[str, Any], missing: int = 0, **more: Any) -> PromptParts:
    return parts_of({"messages": [*messages], **more}, "chat", missing)


def test_a_message_takes_no_more_tokens_than_it_has_bytes() -> None:
    found = parts(SYSTEM, USER)
    assert [part.most_tokens - AROUND_A_MESSAGE for part in found.parts] == [9, 8]
    assert found.most_tokens == 0
    assert [part.most_tokens - AROUND_A_MESSAGE for part in parts(USER, missing=500).parts] == [508]


def test_all_but_the_last_message_and_the_systems_may_be_left_out() -> None:
    answer = {"role": "assistant", "content": "Long."}
    assert [part.role for part in parts(USER, SYSTEM, answer, USER).left_out_first] == ["user", "assistant"]
    assert parts(SYSTEM, USER).left_out_first == ()
    assert parts().left_out_first == ()


def test_only_what_every_template_shows_is_counted() -> None:
    call = {"function": {"name": "f", "arguments": {"x": 1}}}
    shown = [
        part.shown
        for part in parts(
            {"role": "user", "content": " Why? \n"},
            {"role": "assistant", "content": "<think>plan</think>\n\nSo."},
            {"role": "assistant", "content": "Calling.", "tool_calls": [call]},
            {"role": "tool", "content": "42"},
            {"role": "developer", "content": "x"},
        ).parts
    ]
    assert shown == ["Why?", "So.", "", "", ""]
    assert [part.shown for part in parts(USER, missing=1).parts] == [""]


def test_thoughts_make_a_message_one_that_may_shrink() -> None:
    thinking = {"role": "assistant", "content": "So.", "thinking": "plan"}
    tagged = {"role": "assistant", "content": "<think>plan</think>So."}
    found = parts(USER, thinking, tagged, {"role": "user", "content": "what does <think> mean?"}).parts
    assert [part.may_shrink for part in found] == [False, True, True, False]


def test_tools_and_images_take_room_of_their_own() -> None:
    tool = {"type": "function", "function": {"name": "f"}}
    assert parts(USER, tools=[tool]).most_tokens == 2 * len(parts(USER, tools=[tool]).tools) > 0
    pictured = parts({"role": "user", "content": "?", "images": ["QUJD"]})
    assert (pictured.image_tokens, pictured.most_tokens) == (768, None)
    assert pictured.parts[0].most_tokens == 1 + 768 + AROUND_A_MESSAGE


def test_earlier_tokens_and_a_text_after_a_gap_have_no_bound() -> None:
    for more in ({"context": [1, 2]}, {"suffix": "end"}):
        assert parts_of({"prompt": "x", **more}, "generate").most_tokens is None
    assert parts_of({"prompt": "x", "context": []}, "generate").most_tokens == 0


def test_a_conversation_that_goes_on_begins_with_the_same_digests() -> None:
    first, second = parts(SYSTEM, USER).parts, parts(SYSTEM, USER, SYSTEM).parts
    assert [part.until_here for part in first] == [part.until_here for part in second[:2]]
    others = (parts(USER, USER), parts(SYSTEM, USER, tools=[{}]), parts(SYSTEM, USER, think=True))
    assert len({first[1].until_here, *(other.parts[1].until_here for other in others)}) == 4


def test_every_text_of_an_embedding_is_a_part() -> None:
    assert [part.shown for part in parts_of({"input": ["a", "b"]}, "embed").parts] == ["a", "b"]
    assert [part.shown for part in parts_of({"input": "a"}, "embed").parts] == ["a"]


def test_texts_that_no_file_can_hold_are_read() -> None:
    assert parts({"role": "user", "content": "a\ud800"}).parts[0].most_tokens == 4 + AROUND_A_MESSAGE
