"""Pairs of tokens and the joining of words."""

import random

import pytest

from service.record.token_pairs import PairRow, TokenPairs

A, B, C, AB, BC, ABC, AA = range(7)
PAIRS = TokenPairs.of([PairRow(B, C, 0, BC), PairRow(A, B, 1, AB), PairRow(A, BC, 2, ABC), PairRow(A, A, 3, AA)])


@pytest.mark.parametrize(
    ("ids", "joined"),
    [
        ([], []),
        ([A], [A]),
        ([A, B], [AB]),
        ([A, B, C], [ABC]),
        ([A, A, A], [AA, A]),
        ([C, A, B, A, B, C], [C, AB, ABC]),
        ([A, -1, B], [A, -1, B]),
    ],
)
def test_the_lowest_rank_is_joined_first_and_of_equal_ones_the_leftmost(ids: list[int], joined: list[int]) -> None:
    assert PAIRS.join(ids) == joined


def test_long_words_are_joined_as_short_ones_are() -> None:
    chance = random.Random(1)
    rows = [PairRow(chance.randrange(40), chance.randrange(40), chance.randrange(30), 8 + at) for at in range(200)]
    pairs = TokenPairs.of(rows)
    for _ in range(50):
        ids = [chance.randrange(-1, 8) for _ in range(chance.randrange(2, 199))]
        assert pairs._join_long(ids) == pairs.join(ids)
    assert len(pairs.join([A] * 5000)) <= 5000


def test_of_one_pair_the_lower_rank_counts() -> None:
    pairs = TokenPairs.of([PairRow(A, B, 5, ABC), PairRow(A, B, 2, AB)])
    assert len(pairs) == 1
    assert pairs.join([A, B]) == [AB]
    assert pairs.has(A, B)
    assert not pairs.has(B, A)


def test_they_survive_a_file_and_nothing_else_is_taken_for_them() -> None:
    data = PAIRS.to_bytes()
    assert TokenPairs.from_bytes(data).join([C, A, B, C]) == [C, ABC]
    assert len(TokenPairs.from_bytes(TokenPairs.of(()).to_bytes())) == 0
    for broken in (b"", data[:-1], data + b"x", b"\xff" * 40):
        with pytest.raises(ValueError, match=r"no pairs|multiple"):
            TokenPairs.from_bytes(broken)
