"""What of a prompt changed first."""

import json
from typing import Any

from service.record.content_findings import JudgedCall
from service.record.conversation import read_conversation
from service.record.prompt_changes import first_change
from service.record.record import record_of
from tests.record.given import line

SYSTEM, QUESTION, ANSWER = "Be brief. " * 50, "What is a parcel? " * 20, "A box. " * 20


def call(
    *turns: tuple[str, str], model: str = "llama3.1:8b", tools: list[Any] | None = None, **facts: Any
) -> JudgedCall:
    messages = [{"role": role, "content": content} for role, content in turns]
    asked = {"model": model, "messages": messages} | ({"tools": tools} if tools else {})
    record = record_of(line(model=model, request_body=json.dumps(asked), **facts))
    return JudgedCall(record, read_conversation(record, b""))


TALK = (("system", SYSTEM), ("user", QUESTION), ("assistant", ANSWER))


def test_a_talk_that_goes_on_changed_nothing() -> None:
    assert first_change(call(*TALK), call(*TALK, ("user", "And then?"))) == ""


def test_what_changed_first_is_named() -> None:
    further = (*TALK[1:], ("user", "And then?"))
    assert first_change(call(*TALK), call(("system", "It is 9:31. " + SYSTEM), *further)) == "the system prompt"
    tool = {"type": "function", "function": {"name": "clock"}}
    assert first_change(call(*TALK), call(*TALK, tools=[tool])) == "the tools"
    edited = (TALK[0], ("user", "Edited."), TALK[2])
    assert first_change(call(*TALK), call(*edited)) == "message 2 (user)"
    assert first_change(call(*TALK), call(*TALK[:2])) == "what follows message 2"


def test_of_prompts_with_little_in_common_nothing_is_told() -> None:
    assert first_change(call(*TALK), call(("user", "Something else."))) is None
    assert first_change(call(*TALK), call(*TALK, model="qwen3:4b")) is None
    assert first_change(call(*TALK), call(*TALK, request_truncated=True)) is None
    assert first_change(call(), call()) is None
