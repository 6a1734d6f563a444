import pytest

from service.record.repetition import repeats_itself


@pytest.mark.parametrize("end", [" so" * 31, "ab" * 30, "\n" * 40, " " * 30, "Never again. " * 30, "\u3042" * 35])
def test_a_text_that_ends_with_the_same_characters_over_and_over_repeats_itself(end: str) -> None:
    assert repeats_itself("The answer is" + end)


@pytest.mark.parametrize(
    "text", ["", "A short one.", "so so so", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13", " so" * 31 + " it is"]
)
def test_another_text_does_not(text: str) -> None:
    assert not repeats_itself(text)


def test_only_the_end_of_a_long_text_is_looked_at() -> None:
    assert not repeats_itself(" so" * 1_000_000 + " Done and well.")
