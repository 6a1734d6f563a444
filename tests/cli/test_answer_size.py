"""An answer fits, whatever it is made of; what fits already stays as it is."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.cli.answer_size import fit

MOST = 2000
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=3000),
    lambda inner: st.lists(inner, max_size=40) | st.dictionaries(st.text(max_size=60), inner, max_size=40),
    max_leaves=60,
)


@pytest.mark.parametrize("examples", [15, pytest.param(150, marks=pytest.mark.long)])
def test_it_fits_and_what_was_short_enough_is_not_touched(examples: int) -> None:
    @settings(max_examples=examples)
    @given(st.dictionaries(st.text(max_size=20), ANYTHING, max_size=20))
    def fits(values: dict[str, Any]) -> None:
        cut = fit(values, MOST)
        assert len(json.dumps(cut)) <= MOST
        if len(json.dumps(values)) <= MOST:
            assert cut == values

    fits()


def test_both_ends_of_a_text_stay_and_it_says_how_much_is_gone() -> None:
    text = fit({"text": "begin " + "x" * 100_000 + " end"}, 10_000)["text"]
    assert text.startswith("begin x")
    assert text.endswith("x end")
    assert "characters left out" in text


def test_the_first_and_the_last_of_a_list_stay() -> None:
    turns = fit({"turns": [f"turn {number} " + "x" * 1000 for number in range(500)]}, 60_000)["turns"]
    assert turns[0].startswith("turn 0 ")
    assert turns[-1].startswith("turn 499 ")
    assert [turn for turn in turns if "more …" in turn]


def test_what_is_nested_without_end_ends() -> None:
    deep: Any = "bottom"
    for _ in range(500):
        deep = [deep]
    assert len(json.dumps(fit({"deep": deep}, MOST))) <= MOST
    assert fit({str(number): "x" * 39 for number in range(100_000)}, MOST).keys() == {"problem"}
