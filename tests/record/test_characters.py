"""Which characters are dangerous where."""

import re

import pytest

from service.record import characters
from service.record.characters import Ranges, as_class, as_pattern_of_utf8, code_points

RIGHT_TO_LEFT_OVERRIDE, ARABIC_LETTER_MARK, RIGHT_TO_LEFT_MARK, JOINER = "\u202e", "\u061c", "\u200f", "\u200d"
ESC, C1, TAB, NEW_LINE, SURROGATE, TAG = "\x1b", "\x9b", "\t", "\n", "\ud800", "\U000e0041"
LINE_SEPARATOR, ISOLATE, ANNOTATION, SOFT_HYPHEN, BYTE_ORDER_MARK = "\u2028", "\u2066", "\ufff9", "\u00ad", "\ufeff"
HARMLESS = "Aé猫🦙~ \u00a0"


@pytest.mark.parametrize(
    ("ranges", "holds", "lacks"),
    [
        (characters.IN_LINES, [C1, RIGHT_TO_LEFT_MARK, ANNOTATION], [ESC, NEW_LINE, JOINER, SURROGATE]),
        (characters.IN_LISTS, [ESC, C1, TAB, NEW_LINE, RIGHT_TO_LEFT_MARK], [ANNOTATION, JOINER, SURROGATE]),
        (characters.IN_TABLES, [ESC, C1, ANNOTATION, SURROGATE], [TAB, NEW_LINE, RIGHT_TO_LEFT_MARK, BYTE_ORDER_MARK]),
        (characters.UNSEEN_IN_TABLES, [JOINER, SOFT_HYPHEN, RIGHT_TO_LEFT_MARK], [ESC, C1, ANNOTATION, SURROGATE]),
        (characters.ON_TERMINALS, [ESC, C1, TAB, SOFT_HYPHEN, ARABIC_LETTER_MARK, SURROGATE, TAG], [JOINER]),
    ],
)
def test_each_place_has_its_own_set_and_none_holds_what_is_harmless(
    ranges: Ranges, holds: list[str], lacks: list[str]
) -> None:
    dangerous = re.compile(f"[{as_class(ranges)}]")
    always = [RIGHT_TO_LEFT_OVERRIDE, LINE_SEPARATOR, ISOLATE]
    assert [character for character in [*always, *holds] if not dangerous.fullmatch(character)] == []
    assert [character for character in [*HARMLESS, *lacks] if dangerous.fullmatch(character)] == []


def test_a_class_and_the_code_points_of_a_subset_are_the_same() -> None:
    points = set(code_points(characters.ON_TERMINALS))
    dangerous = re.compile(f"[{as_class(characters.ON_TERMINALS)}]")
    assert {point for point in range(0x110000) if dangerous.fullmatch(chr(point))} == points


def test_in_utf8_the_same_characters_are_found_and_no_half_of_another() -> None:
    points = set(code_points(characters.IN_LINES))
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x110000)])).encode()
    found = re.compile(as_pattern_of_utf8(characters.IN_LINES)).findall(text)
    assert [ord(character.decode()) for character in found] == sorted(points)
