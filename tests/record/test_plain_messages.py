"""Messages that are a role and a text each are told apart from all others."""

from typing import Any

import pytest

from service.record.chat_messages import turns_of, turns_of_messages
from service.record.plain_messages import plain_messages

QUESTION = {"role": "user", "content": "Why?"}
ANSWER = {"content": "So.", "role": "assistant"}


def test_roles_and_texts_are_told_in_their_order() -> None:
    assert plain_messages([QUESTION, ANSWER]) == [("user", "Why?"), ("assistant", "So.")]
    assert plain_messages([{"role": "user", "content": ""}]) == [("user", "")]


@pytest.mark.parametrize(
    "other",
    [
        {"role": "user"},
        {"content": "x"},
        {"role": "user", "content": "x", "images": ["aGk="]},
        {"role": "user", "Content": "x"},
        {"role": "", "content": "x"},
        {"role": None, "content": "x"},
        {"role": "user", "content": None},
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": ["user"], "content": "x"},
        {"role": "user", "content": 7},
        {},
        *("user", "ab", ["role", "content"], [], None, 7, True, 1.5),
    ],
)
def test_one_that_has_more_or_less_makes_all_of_them_other_messages(other: Any) -> None:
    assert plain_messages([QUESTION, other]) is None
    assert plain_messages([other]) is None
    # Its turns are the same, whoever asks.
    assert [*turns_of({"messages": [QUESTION, other]})] == [*turns_of_messages([QUESTION, other], None)]


@pytest.mark.parametrize("other", [None, {}, {"role": "user", "content": "x"}, "text", 7, (QUESTION,)])
def test_what_is_no_list_of_messages_has_none(other: Any) -> None:
    assert plain_messages(other) is None


@pytest.mark.parametrize("text", ["So.", "<think>Hm.</think>So.", "x" * 200 + "<think>", "<thinking>Hm", ""])
@pytest.mark.parametrize("role", ["assistant", "user", "system", "tool", "model"])
def test_plain_messages_are_the_same_turns_as_when_each_is_looked_at(role: str, text: str) -> None:
    messages = [QUESTION, {"role": role, "content": text}, QUESTION]
    assert [*turns_of_messages(messages, plain_messages(messages))] == [*turns_of_messages(messages, None)]
