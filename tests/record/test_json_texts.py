"""Texts in JSON are found as they are meant, replaced where they stand, and JSON stays JSON."""

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.record.json_texts import in_quoted_json, texts_of


def replaced(text: str, pattern: str = r"joe@example\.org|\+49123|4111") -> str:
    """``text`` with the pattern replaced by three stars."""
    found = list(texts_of(text, lambda inner: [one.span() for one in re.finditer(pattern, inner)], "***"))
    assert [(start, stop) for start, stop, _ in found] == sorted((start, stop) for start, stop, _ in found)
    for start, stop, instead in reversed(found):
        text = text[:start] + instead + text[stop:]
    return text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":"x joe@example.org y"}', '{"a":"x *** y"}'),
        (r'{"a":"\"joe\u0040example.org\n"}', r'{"a":"\"***\n"}'),
        (r'{"a":"\u002b49123\ud83d\ude00"}', r'{"a":"***\ud83d\ude00"}'),
        (r'{"a":"é\njoe@example.org"}', r'{"a":"é\n***"}'),
        ('{"joe@example.org":1}', '{"***":1}'),
        # Arguments of a tool are JSON in a string, and those of the tool behind it once more.
        (r'{"a":"{\"m\":\"\\njoe@example.org\"}"}', r'{"a":"{\"m\":\"\\n***\"}"}'),
        (r'{"a":"{\"m\":4111}"}', r'{"a":"{\"m\":\"***\"}"}'),
        ('{"a": 4111, "b":[4111,41110,0.4111]}', '{"a": "***", "b":["***",41110,0.4111]}'),
        ('{"a":-4111,"b":[4111]}', '{"a":"***","b":["***"]}'),
        ("4111", '"***"'),
        ('data: {"a":4111}\n\ndata: {"a": 4111 }', 'data: {"a":"***"}\n\ndata: {"a": "***" }'),
        ('data: {"a":"joe@example.org"}\n\ndata: {"a":"b"}\n\n', 'data: {"a":"***"}\n\ndata: {"a":"b"}\n\n'),
        ("no JSON: joe@example.org", "no JSON: ***"),
        # Cut anywhere: what looks like the outside of a string is looked at too.
        ('ample","b":"joe@example.org', 'ample","b":"***'),
        ('x","b":"c joe@example.org","d', 'x","b":"c ***","d'),
        ('say joe@example.org","b":"c', 'say ***","b":"c'),
        ('{"a":"joe@example.org\\', '{"a":"***\\'),
    ],
)
def test_what_is_meant_is_replaced_where_it_stands(text: str, expected: str) -> None:
    assert replaced(text) == expected


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["joe@example.org", "a joe@example.org\n\\"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | inner.map(json.dumps),
)


@pytest.mark.parametrize(
    "pattern",
    ["true", r"(?s).+", r"[:,]\s*\S+", r"1\d*", '"']
    + [
        pytest.param(one, marks=pytest.mark.long)
        for one in [r"\w+", r"\S+", r"\W", r"\s+", r"[\[\]{}]+", "n", "25?", r"\d"]
    ],
)
@given(value=_JSON)
def test_no_pattern_makes_anything_else_of_json(pattern: str, value: Any) -> None:
    for separators in ((", ", ": "), (",", ":")):
        json.loads(replaced(json.dumps(value, separators=separators), pattern))


def test_many_numbers_take_time_in_proportion() -> None:
    text, began = json.dumps([4111] * 50_000), time.thread_time()
    assert replaced(text[:4001]).count("***") > 500
    assert len(list(texts_of(text, lambda inner: [one.span() for one in re.finditer("4111", inner)], "***"))) == 50_000
    # What looked at all before each of them took a minute.
    assert time.thread_time() - began < 5


def test_the_bytes_of_a_sound_are_left_and_the_words_beside_them_are_not() -> None:
    form = "--B\r\nname=file\r\n\r\nRIFF\0\x01\ufffd\0ab\r\n--B\r\nname=prompt\r\n\r\nask joe@example.org\r\n--B--"
    assert replaced(form) == form.replace("joe@example.org", "***")


@pytest.mark.parametrize(
    "text",
    [
        r"Result: {\"m\": \"joe\u0040example.org\"} and so on",
        r"twice: {\\\"m\\\": \\\"joe\\u0040example.org\\\"}",
        r"joe\u0040example.org",
    ],
)
def test_json_that_a_text_quotes_hides_nothing(text: str) -> None:
    ((start, stop),) = in_quoted_json(text, lambda meant: [one.span() for one in re.finditer("joe@example.org", meant)])
    assert text[start:stop].startswith("joe")
    assert text[start:stop].endswith("example.org")
    assert "@" not in text[start:stop]


@given(_JSON, st.booleans())
def test_json_stays_json_and_all_else_in_it_stays(value: Any, is_ascii: bool) -> None:
    masked = json.loads(replaced(json.dumps(value, ensure_ascii=is_ascii), r"joe@example\.org"))
    assert json.dumps(value).count("joe@example.org") == json.dumps(masked).count("***") - json.dumps(value).count(
        "***"
    )
    assert json.loads(json.dumps(value).replace("joe@example.org", "***")) == masked


@pytest.mark.long
def test_a_long_text_of_escapes_and_one_of_quotes_take_linear_time() -> None:
    for piece in ('\\"', "\\u0040", '"', '"a', "\\", "[1,", '"\\'):
        assert replaced('{"a":"' + piece * 200_000).startswith('{"a"')
