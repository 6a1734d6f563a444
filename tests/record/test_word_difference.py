"""What differs between two texts, in words."""

import random
import time
from itertools import pairwise

import pytest

from service.record.word_difference import difference, likeness


def sides(before: str, after: str) -> tuple[str, str]:
    pieces = difference(before, after)
    assert all(text for _, text in pieces)
    assert all(one[0] != other[0] for one, other in pairwise(pieces))
    return (
        "".join(text for kind, text in pieces if kind != "new"),
        "".join(text for kind, text in pieces if kind != "gone"),
    )


def test_words_that_changed_are_told_from_those_that_did_not() -> None:
    assert difference("The sky is blue today.", "The sky was blue.") == [
        ("same", "The sky "),
        ("gone", "is"),
        ("new", "was"),
        ("same", " blue"),
        ("gone", " today"),
        ("same", "."),
    ]
    assert difference("a b c", "x y z") == [("gone", "a b c"), ("new", "x y z")]
    assert difference("same", "same") == [("same", "same")]
    assert difference("", "") == []


def test_both_texts_can_be_put_together_again_from_the_pieces() -> None:
    chance = random.Random(5)
    words = ["one", "two", " ", "\n", "l'été", "日本", "…", "_", "\u0301", "3.5", "\x1b[1m", "\udc80"]
    for _ in range(300):
        before, after = ("".join(chance.choices(words, k=chance.randint(0, 12))) for _ in range(2))
        assert sides(before, after) == (before, after)
        assert 0 <= likeness(difference(before, after)) <= 1


@pytest.mark.parametrize("separator", [" ", "\n"])
def test_long_texts_take_no_long_time(separator: str) -> None:
    chance = random.Random(6)
    before, after = (separator.join(f"w{chance.randint(0, 50)}" for _ in range(30_000)) for _ in range(2))
    began = time.process_time()
    assert sides(before, after) == (before, after)
    assert time.process_time() - began < 10


_ROWS = "".join(f'{{"name": "a{row % 7}", "size": {row % 5}, "ok": true}}\n' for row in range(100))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a b c d e " * 200, "e d c b a " * 200),
        (_ROWS, "\n".join(reversed(_ROWS.splitlines()))),
        (_ROWS.replace("\n", " "), _ROWS.replace("true", "false").replace("\n", "  ")),
        ("日本" * 999, "本日中" * 666),
        ("x" + "a\n" * 1_999, "b" + "a\n" * 1_998 + "zz"),
        ("one " + "two " * 300_000, "three"),
        ("three", "one " + "two " * 300_000),
    ],
    ids=["few words", "JSON", "JSON in one line", "no blanks", "lines", "long before", "long after"],
)
def test_words_that_come_back_often_take_no_long_time(before: str, after: str) -> None:
    began = time.process_time()
    assert sides(before, after) == (before, after)
    assert time.process_time() - began < 10


def test_as_much_as_possible_is_the_same() -> None:
    chance = random.Random(7)
    for _ in range(200):
        before, after = ("".join(chance.choices("日本中文", k=chance.randint(0, 12))) for _ in range(2))
        same = "".join(text for kind, text in difference(before, after) if kind == "same")
        assert len(same) == _longest_common(before, after)


def _longest_common(one: str, other: str) -> int:
    row = [0] * (len(other) + 1)
    for left in one:
        before = row[:]
        for position, right in enumerate(other, 1):
            row[position] = before[position - 1] + 1 if left == right else max(before[position], row[position - 1])
    return row[-1]


def test_likeness_counts_words() -> None:
    assert likeness(difference("a b c d", "a b c x")) == 0.75
    assert likeness(difference("", "")) == likeness(difference("a", "a")) == 1
    assert likeness(difference("a", "b")) == 0
