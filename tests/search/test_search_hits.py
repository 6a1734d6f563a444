"""Where the words of a search stand in an exchange."""

from typing import Any

import orjson
import pytest

from service.record.record import Record, record_of
from service.search.search_hits import SearchHit, find_hit, summarise_found


def exchange(*messages: tuple[str, str], **facts: Any) -> Record:
    asked = {"model": "m", "messages": [{"role": role, "content": text} for role, text in messages]}
    return record_of({"operation": "chat", "request_body": orjson.dumps(asked).decode()} | facts)


TALK = exchange(
    ("system", "You answer for the shop Brandt."),
    ("user", "Where is my parcel?"),
    ("assistant", "It left Lübeck."),
    ("user", "And when does it come to Kiel?"),
    response_text="Tomorrow, by the carrier Hansen.",
    thinking="The route takes a day.",
    tool_calls='[{"function": {"name": "route", "arguments": {"to": "Kiel harbour"}}}]',
    error="cut off at midnight",
)


@pytest.mark.parametrize(
    ("text", "part", "found"),
    [
        ("kiel", "question", "Kiel"),
        ("brandt", "system prompt", "Brandt"),
        ("parcel", "earlier question", "parcel"),
        ("lubeck", "earlier answer", "Lübeck"),
        ("hansen", "answer", "Hansen"),
        ("route", "thinking", "route"),
        ("harbour", "call of a tool", "harbour"),
        ("midnight", "error", "midnight"),
        ("kie*", "question", "Kie"),
        ('"by the carrier"', "answer", "by the carrier"),
        ('"by the car"*', "answer", "by the car"),
        ("absent OR carrier", "answer", "carrier"),
        ("-absent carrier", "answer", "carrier"),
        # The part that has most of the words, wherever they first stand.
        ("kiel left lubeck", "earlier answer", "left"),
    ],
)
def test_it_is_told_which_part_has_the_words(text: str, part: str, found: str) -> None:
    hit = find_hit(TALK, text)
    assert hit is not None
    assert (hit.part, hit.found) == (part, found)


def test_the_text_around_it_is_told_from_a_whole_word_on() -> None:
    record = exchange(("user", "word " * 40 + "here\nit is " + "more " * 60))
    assert find_hit(record, "it") == SearchHit(
        "question", "…word word word word word word here ", "it", " is" + " more" * 19 + " m…"
    )


def test_words_without_spaces_between_them_are_found() -> None:
    hit = find_hit(exchange(("user", "东京的天气怎么样")), "天气")
    assert hit == SearchHit("question", "东京的", "天气", "怎么样")


@pytest.mark.parametrize("text", ["", "absent", "-parcel", '"', "OR", "?!"])
def test_what_is_nowhere_has_no_place(text: str) -> None:
    assert find_hit(TALK, text) is None
    assert "hit" not in summarise_found(1, TALK, text)


@pytest.mark.parametrize("line", [b"", b"[]", b'{"request_body": 7}', b'{"request_body": "\\ud800 kiel"}'])
def test_odd_lines_harm_nothing(line: bytes) -> None:
    hit = find_hit(Record(line), "kiel")
    assert hit is None or orjson.dumps(hit.found)


def test_a_list_tells_it() -> None:
    assert summarise_found(1, TALK, "brandt")["hit"] == {
        "part": "system prompt",
        "before": "You answer for the shop ",
        "found": "Brandt",
        "after": ".",
    }
