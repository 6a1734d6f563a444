import json
import random
import time
from typing import Any

import pytest

from service.record.conversation import opening
from service.record.json_cut import cut_json
from service.record.record import record_of
from tests.record.wire import exchange, line_of

QUESTION = {"role": "user", "content": "needleprompt"}


def tool(number: int, size: int = 300) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {f"p{each}": {"type": "string"} for each in range(20)}}
    return {
        "type": "function",
        "function": {"name": f"tool_{number}", "description": "d" * size, "parameters": parameters},
    }


def cut(value: Any, room: int) -> Any:
    shortened = cut_json(json.dumps(value), room)
    assert shortened is not None
    assert len(json.dumps(shortened, ensure_ascii=False).encode()) <= room
    return json.loads(shortened)


@pytest.mark.parametrize("count", [20, 50, 400, 1000])
@pytest.mark.parametrize("order", [("messages", "tools"), ("tools", "messages")])
def test_of_many_tools_some_stay_and_the_messages_all(count: int, order: tuple[str, ...]) -> None:
    whole = {"messages": [QUESTION], "tools": [tool(number) for number in range(count)]}
    found = cut({"model": "m", "stream": False, **{key: whole[key] for key in order}}, 12_000)
    assert (found["model"], found["stream"], found["messages"]) == ("m", False, [QUESTION])
    names = [each["function"]["name"] for each in found["tools"] if isinstance(each, dict)]
    assert names[0] == "tool_0"
    assert names[-1] == f"tool_{count - 1}"
    (mark,) = [each for each in found["tools"] if isinstance(each, str)]
    assert "bytes left out" in mark


def test_of_a_long_conversation_both_ends_stay() -> None:
    messages = [{"role": "user", "content": f"{number} " + "x" * 500} for number in range(200)]
    messages[0]["content"], messages[-1]["content"] = "Be brief.", "needleprompt"
    found = cut({"model": "m", "messages": messages, "options": {"num_ctx": 512}}, 20_000)
    kept = [each for each in found["messages"] if isinstance(each, dict)]
    assert (kept[0]["content"], kept[-1]["content"], found["options"]) == (
        "Be brief.",
        "needleprompt",
        {"num_ctx": 512},
    )
    assert len(kept) > 20


def test_of_a_long_text_both_ends_stay() -> None:
    text = "first " + '"é\\ \n' * 40_000 + " last"
    for asked in (
        {"prompt": text},
        {"messages": [{"role": "user", "content": text}]},
        {"input": [{"content": [{"text": text}]}]},
    ):
        shown = json.dumps(cut(asked, 9_000), ensure_ascii=False)
        assert "first" in shown
        assert "last" in shown
        assert "bytes left out" in shown


@pytest.mark.parametrize("layout", range(12))
def test_whatever_is_long_the_list_shows_what_was_asked(layout: int) -> None:
    drawn = random.Random(layout)
    asked: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "system", "content": "s" * drawn.randrange(90_000)}, QUESTION],
    }
    asked["tools"] = [tool(number, drawn.randrange(2000)) for number in range(drawn.randrange(300, 900))]
    asked |= {"format": {"type": "object", "enum": ["e" * drawn.randrange(100) for _ in range(500)]}, "stream": False}
    members = list(asked.items())
    drawn.shuffle(members)
    said = line_of(exchange(json.dumps(dict(members)).encode()))
    assert said["request_truncated"] is True
    assert opening(record_of(said))[0] == "needleprompt"
    assert len(said["request_body"]) > 100_000


def test_what_is_no_json_or_cannot_be_written_is_not_cut_so() -> None:
    for text in ("no json", '{"half', "", json.dumps({"a": "\ud800", "b": "x" * 900})):
        assert cut_json(text, 500) is None


def test_hostile_shapes_take_no_time() -> None:
    begun = time.process_time()
    values: tuple[Any, ...] = (
        *([[]] * 100_000, {str(number): number for number in range(50_000)}, [["x" * 10] * 1000] * 30),
        {"a": [{"b": [{"c": [{"d": ["x" * 100_000] * 3}] * 3}] * 3}] * 3},
    )
    for value in values:
        cut_json(json.dumps(value), 20_000)
    assert time.process_time() - begun < 5
