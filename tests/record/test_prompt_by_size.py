"""What is judged by the size of a request alone is what looking at its messages says too."""

import random
from typing import Any

import orjson
import pytest

from service.record.model_facts import ModelFacts
from service.record.prompt_fit import Prompt, is_whole, is_whole_by_size
from service.record.prompt_parts import parts_of

MODELS = [
    None,
    ModelFacts(),
    ModelFacts(trained_length=8192),
    ModelFacts(trained_length=512, message_bytes=300, fixed_bytes=900),
]


def text_of(dice: random.Random) -> str:
    return dice.choice(["a", "ü", "\N{CJK UNIFIED IDEOGRAPH-4E00}", "\n", '"', ""]) * dice.randrange(120)


def message_of(dice: random.Random) -> dict[str, Any]:
    message: dict[str, Any] = {"content": text_of(dice)}
    if dice.random() < 0.9:
        message["role"] = dice.choice(["system", "user", "assistant", "tool", ""])
    if dice.random() < 0.2:
        message["thinking"] = text_of(dice)
    if dice.random() < 0.3:
        function = {"name": text_of(dice)[:9], "arguments": {text_of(dice)[:5]: dice.choice([1, 0.5, text_of(dice)])}}
        message["tool_calls"] = [{"function": function}] * dice.randrange(1, 4)
    if dice.random() < 0.1:
        message["content"] = [
            {"type": "text", "text": message["content"]},
            {"type": "tool_use", "name": "x", "input": {}},
        ]
    return message


def request_of(dice: random.Random) -> dict[str, Any]:
    request: dict[str, Any] = {"model": "m", "messages": [message_of(dice) for _ in range(dice.randrange(1, 6))]}
    if dice.random() < 0.2:
        request["tools"] = [{"type": "function", "function": {"name": "f", "description": text_of(dice)}}]
    return request


@pytest.mark.parametrize("facts", MODELS)
def test_no_prompt_is_whole_by_its_size_and_not_by_its_messages(facts: ModelFacts | None) -> None:
    dice, by_size = random.Random(7), 0
    for _ in range(4000):
        request, room = request_of(dice), dice.choice([64, 256, 1024, 2048, 4096])
        read, written = dice.randrange(1, room), dice.choice([None, 1, dice.randrange(room)])
        if is_whole_by_size(read, written, room, facts, len(orjson.dumps(request))):
            by_size += 1
            assert is_whole(Prompt(parts_of(request, "chat"), read, written, room, facts=facts))
    # Most calls are as small as these.
    assert by_size > 200


@pytest.mark.parametrize(
    ("read", "written", "room", "size"),
    [
        (1024, 1, 2048, 100),
        (900, 1200, 2048, 100),
        (200, 1, 2048, 900),
        (100, 1, 1024, 100),
        (2048, 1, 8192, 2000),
        (1026, 1, 8192, 2000),
    ],
    ids=["half", "an answer that ran full", "too long", "the model's own", "a model's limit", "half of one"],
)
def test_what_the_size_does_not_tell_is_looked_at(read: int, written: int, room: int, size: int) -> None:
    assert not is_whole_by_size(read, written, room, None, size)
