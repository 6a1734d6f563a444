import json

import pytest

from service.record.line_limit import LINE_BYTES, encode, fit, shortened

UNSAFE = "".join(map(chr, [*range(32), 127, *range(0x80, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F)]))
UNSAFE += "\u2066\u2067\u2068\u2069\ufeff"


def test_characters_that_change_how_a_line_is_shown_are_escaped() -> None:
    line = encode({"a": UNSAFE, "b": "é € 😀 “quoted” –"})
    assert json.loads(line) == {"a": UNSAFE, "b": "é € 😀 “quoted” –"}
    assert "é € 😀 “quoted” –".encode() in line
    for character in UNSAFE:
        assert character.encode() not in line


def test_lone_surrogates_become_readable_text() -> None:
    assert json.loads(encode({"a": "x\ud800y\udce9", "n": 1})) == {"a": "x\\ud800y\\udce9", "n": 1}


@pytest.mark.parametrize("character", ["a", "\x01", "é", "\u2028", "😀", '"', "\ud800"])
def test_long_texts_are_cut_in_their_middle_until_the_line_fits(character: str) -> None:
    facts = {
        "id": "x",
        "short": "stays",
        "one": "<" + character * 250_000 + ">",
        "two": "[" + character * 300_000 + "]",
    }
    found, cut = fit(facts, ("short", "one", "two"))
    line = encode(found)
    assert LINE_BYTES * 0.9 < len(line) <= LINE_BYTES
    assert cut == {"one", "two"}
    assert found["short"] == "stays"
    assert found["one"][0] + found["one"][-1] == "<>"
    assert found["two"][0] + found["two"][-1] == "[]"
    assert "bytes left out" in found["one"]


def test_the_room_that_a_short_text_leaves_goes_to_a_long_one() -> None:
    found, cut = fit({"one": "a" * 1000, "two": "b" * 1_000_000}, ("one", "two"))
    assert cut == {"two"}
    assert len(found["two"]) > LINE_BYTES - 2000


def test_the_mark_counts_the_bytes_that_are_missing() -> None:
    text = "é" * 10_000
    short = shortened(text, 1000)
    kept = short.count("é")
    assert f" … [{2 * (10_000 - kept)} bytes left out] … " in short
    assert len(short.encode()) <= 1000
