import json
from typing import Any

import pytest

from service.record.tool_calls import CallPieces, call, parsed_arguments

Piece = tuple[Any, str | None, str | None, Any]


def put_together(*pieces: Piece) -> list[tuple[str | None, str, Any]]:
    calls = CallPieces()
    for piece in pieces:
        calls.add(*piece)
    return [(one.get("id"), one["function"]["name"], one["function"]["arguments"]) for one in calls.whole()]


@pytest.mark.parametrize(
    ("how", "pieces", "expected"),
    [
        (
            "an id and a name in every piece",
            [(0, "a", "read", '{"p"'), (0, "a", "read", ":1}")],
            [("a", "read", {"p": 1})],
        ),
        (
            "one index, another id",
            [(0, "a", "read", '{"p":'), (0, None, None, "1}"), (0, "b", "read", '{"p":'), (0, None, None, "2}")],
            [("a", "read", {"p": 1}), ("b", "read", {"p": 2})],
        ),
        (
            "one index, no ids, other names",
            [(0, None, "read", '{"p":1}'), (0, None, "list", '{"d":2}')],
            [(None, "read", {"p": 1}), (None, "list", {"d": 2})],
        ),
        (
            "one index, no ids, one name, both whole",
            [(0, None, "read", '{"p":1}'), (0, None, "read", '{"p":2}')],
            [(None, "read", {"p": 1}), (None, "read", {"p": 2})],
        ),
        (
            "no ids, the name in every piece",
            [(0, None, "read", '{"p"'), (0, None, "read", ":1}"), (0, None, "read", "")],
            [(None, "read", {"p": 1})],
        ),
        (
            "the name comes later",
            [(0, "a", None, ""), (0, None, "read", ""), (0, None, None, "{}")],
            [("a", "read", {})],
        ),
        ("the id comes later", [(0, None, "read", ""), (0, "a", None, "{}")], [("a", "read", {})]),
        (
            "every piece has an id of its own",
            [(0, "a", "read", '{"p"'), (0, "b", None, ":1}")],
            [("a", "read", {"p": 1})],
        ),
        (
            "pieces of two, through each other",
            [(0, "a", "read", '{"p"'), (1, "b", "list", "{"), (0, None, None, ":1}"), (1, None, None, "}")],
            [("a", "read", {"p": 1}), ("b", "list", {})],
        ),
        ("by the id alone", [(0, "a", "read", '{"p"'), (1, "a", None, ":1}")], [("a", "read", {"p": 1})]),
        (
            "arguments that are objects",
            [(0, "a", "read", {"p": 1}), (0, "b", "list", {})],
            [("a", "read", {"p": 1}), ("b", "list", {})],
        ),
        ("no arguments at all", [(0, "a", "now", None)], [("a", "now", "")]),
    ],
)
def test_pieces_are_put_together(how: str, pieces: list[Piece], expected: list[tuple[str | None, str, Any]]) -> None:
    assert put_together(*pieces) == expected, how


def test_a_call_that_is_told_whole_elsewhere_is_dropped() -> None:
    calls = CallPieces()
    calls.begin(1, "a", "read")
    calls.begin(2, "b", "list", {"d": 1})
    calls.drop(1)
    calls.drop(7)
    assert calls.whole() == [{"id": "b", "function": {"name": "list", "arguments": {"d": 1}}}]
    calls.clear()
    assert len(calls) == 0


@pytest.mark.parametrize("times", [1, 2, 3])
def test_arguments_are_read_however_often_they_were_encoded(times: int) -> None:
    text: Any = {"x": 'é "1"'}
    for _ in range(times):
        text = json.dumps(text)
    assert parsed_arguments(text) == {"x": 'é "1"'}


@pytest.mark.parametrize("text", ["{half", '"a text"', "*** Begin Patch", "7", "", '"{half"', None])
def test_arguments_that_are_no_object_stay_as_they_are(text: str | None) -> None:
    assert parsed_arguments(text) == text


def test_halves_of_a_character_in_two_pieces_are_one() -> None:
    pieces = ((0, "a", "say", '{"t":"\ud83d'), (0, None, None, '\ude00"}'))
    assert put_together(*pieces) == [("a", "say", {"t": "😀"})]


def test_what_is_no_text_names_nothing() -> None:
    assert call(7, None, {}) == {"function": {"name": "", "arguments": {}}}
