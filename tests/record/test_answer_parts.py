import base64
from hashlib import sha256
from typing import Any

import pytest

from service.record.answer_parts import image_of, read_parts
from service.record.replies import Reply

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
ENCODED = base64.b64encode(PICTURE).decode()
WORD = f"<image {len(PICTURE)} bytes sha256:{sha256(PICTURE).hexdigest()}>"


def read(*parts: Any) -> tuple[str, str, bool]:
    reply = Reply()
    read_parts(list(parts), reply)
    return "".join(reply.texts), "".join(reply.thoughts), reply.problem is None


@pytest.mark.parametrize(
    ("part", "text", "thinking"),
    [
        ("a", "a", ""),
        ({"type": "text", "text": "a"}, "a", ""),
        ({"text": "a"}, "a", ""),
        ({"Type": "text", "Text": "a"}, "a", ""),
        ({"type": "text", "text": {"value": "a", "annotations": []}}, "a", ""),
        ({"type": "text", "text": "a", "citations": [{"url": "https://x.example"}]}, "a", ""),
        ({"type": "output_text", "text": "a", "annotations": [{"type": "url_citation"}]}, "a", ""),
        ({"type": "refusal", "refusal": "no"}, "no", ""),
        ({"type": "thinking", "thinking": "hm"}, "", "hm"),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]}, "", "hm"),
        ({"type": "reasoning", "text": "hm"}, "", "hm"),
        ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{ENCODED}"}}, WORD, ""),
        ({"type": "image", "source": {"type": "base64", "data": ENCODED}}, WORD, ""),
        ({"type": "output_image", "image_url": "https://x.example/a.png"}, "https://x.example/a.png", ""),
        (None, "", ""),
    ],
)
def test_a_part_is_read_and_nothing_is_passed_over(part: Any, text: str, thinking: str) -> None:
    assert read(part) == (text, thinking, True)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "code_execution_tool_result", "content": {"stdout": "4"}},
        {"type": "output_audio", "data": "abc"},
        {"type": "document", "source": {"data": ENCODED}},
        7,
    ],
)
def test_what_nobody_knows_is_not_passed_over_without_a_word(part: Any) -> None:
    assert read(part)[2] is False


def test_an_image_that_our_copy_does_not_hold_whole_is_told_so() -> None:
    shortened = ENCODED[:100] + " … [900 bytes left out] … " + ENCODED[100:]
    assert image_of({"b64_json": shortened}) == f"<image {(len(ENCODED) + 900) * 3 // 4} bytes, not whole>"
    assert image_of({"b64_json": "no base64 at all!"}) == "<image of 17 characters>"
    assert image_of({"type": "text", "text": "a"}) is None


@pytest.mark.parametrize("levels", [400, 2000])
def test_thoughts_in_thoughts_are_read_to_a_depth_and_no_further(levels: int) -> None:
    nested: Any = [{"type": "thinking", "thinking": "deep"}]
    for _ in range(levels):
        nested = [{"type": "thinking", "thinking": nested}]
    reply = Reply()
    assert read_parts(["before", *nested, "after"], reply)
    assert ("".join(reply.texts), reply.thoughts) == ("beforeafter", [])
    assert reply.problem == "the answer holds parts that are nested too deeply"
