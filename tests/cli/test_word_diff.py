"""What differs between two texts, on a screen."""

from service.cli.word_diff import difference, drawn
from tests.cli.kept import HOSTILE


def test_without_colours_the_difference_is_marked_and_nothing_in_it_is_obeyed() -> None:
    assert drawn(difference("a b", "a c"), has_colours=False).plain == "a [-b-]{+c+}"
    assert drawn(difference("a b", "a c"), has_colours=True).plain == "a bc"
    shown = drawn(difference(HOSTILE, "b"), has_colours=True).plain
    assert shown.replace("\n", "").isprintable()
