"""What is told of an exchange that is going on, whatever its bytes are."""

import json

import pytest

from service.json_writing import write_json
from service.record.exchange import Body
from service.record.in_flight import describe, progress
from tests.journal.given import ended


def test_a_vision_prompt_is_its_words() -> None:
    request = json.dumps({"model": "m", "prompt": "What is this?", "images": ["A" * 4000]}).encode()
    told = describe(ended(1, request), mask=True)
    assert told["model"] == "m"
    assert "AAAA" not in json.dumps(told)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"[]", b'{"messages":7}', b"\x00" * 100, b'{"model":{}}'])
def test_anything_can_be_described(body: bytes) -> None:
    exchange = ended(1, body, body)
    for mask in (False, True):
        assert describe(exchange, mask)["exchange"] == exchange.opened.id
        assert progress(exchange, mask)["bytes"] == len(body)


def test_the_text_so_far_is_its_end() -> None:
    lines = [{"model": "m", "message": {"role": "assistant", "content": f"word{number} "}} for number in range(200)]
    response = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    body = Body(len(response), response, b"", "application/x-ndjson", "")
    told = progress(ended(1, b'{"model":"m"}')._replace(response=body), mask=False)
    assert told["text"].endswith("word199 ")
    assert len(told["text"]) == 300


def test_half_an_emoji_is_told_as_the_record_has_it() -> None:
    request = b'{"model":"m\\ud83d","messages":[{"role":"user","content":"a \\ud83d b"}]}'
    lines = b'{"message":{"role":"assistant","content":"c \\ude00 d \\ud83d"}}\n'
    exchange = ended(1, request)._replace(response=Body(len(lines), lines, b"", "application/x-ndjson", ""))
    told = describe(exchange, mask=True)
    assert (told["model"], told["prompt"]) == ("m\\ud83d", "a \\ud83d b")
    so_far = progress(exchange, mask=True)
    # The other half of the last one may be on its way.
    assert so_far["text"] == "c \\ude00 d "
    assert write_json([told, so_far])


def test_of_a_long_answer_only_its_length_is_told() -> None:
    told = progress(ended(1)._replace(response=Body(10_000_000)), mask=False)
    assert told["bytes"] == 10_000_000
    assert "text" not in told
