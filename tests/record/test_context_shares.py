"""Who filled the context."""

import json
from typing import Any

from service.record.context_shares import ContextShare, ContextShares, context_shares
from service.record.conversation import read_conversation
from service.record.record import record_of
from tests.record.given import line


def shares(messages: list[dict[str, Any]], tools: list[Any] | None = None, **facts: Any) -> ContextShares | None:
    asked = {"messages": messages} | ({"tools": tools} if tools else {})
    record = record_of(line(request_body=json.dumps(asked), **facts))
    return context_shares(record, read_conversation(record, b""))


TALK = [
    {"role": "system", "content": "s" * 500},
    {"role": "user", "content": "u" * 200},
    {"role": "assistant", "content": "a" * 200},
    {"role": "user", "content": "q" * 100},
]


def test_each_part_has_its_share_of_the_window() -> None:
    found = shares(TALK, prompt_tokens=1000, completion_tokens=200, context_length=4000)
    assert found == ContextShares(
        4000,
        True,
        (
            ContextShare("system", 500, 0.125),
            ContextShare("earlier", 400, 0.1),
            ContextShare("question", 100, 0.025),
            ContextShare("answer", 200, 0.05),
        ),
    )


def test_tools_count_and_an_unknown_window_is_what_was_used() -> None:
    found = shares(TALK, tools=[{"name": "x" * 990}], prompt_tokens=1000, completion_tokens=None, context_length=None)
    assert found is not None
    assert (found.window, found.is_known) == (1000, False)
    assert [part.part for part in found.parts] == ["system", "tools", "earlier", "question"]
    assert abs(sum(part.share for part in found.parts) - 1) < 0.01


def test_a_window_that_is_smaller_than_what_was_used_does_not_make_shares_above_one() -> None:
    found = shares(TALK, prompt_tokens=1000, completion_tokens=200, context_length=1100)
    assert found is not None
    assert sum(part.share for part in found.parts) <= 1.001


def test_where_it_cannot_be_told_nothing_is() -> None:
    picture = [{"role": "user", "content": "x", "images": ["iVBORw0KGgoAAAANSUhEUg=="]}]
    assert shares(picture, prompt_tokens=1000) is None
    assert shares(TALK, prompt_tokens=1000, prompt_truncated=True) is None
    assert shares(TALK, prompt_tokens=1000, request_truncated=True) is None
    assert shares(TALK, prompt_tokens=None) is None
    assert shares([], prompt_tokens=1000) is None
    assert shares([{"role": "user", "content": ""}], prompt_tokens=10) is None
