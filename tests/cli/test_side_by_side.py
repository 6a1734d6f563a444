"""Two exchanges side by side on a screen."""

import pytest

from service.cli.side_by_side import show_both, side_of


def test_both_answers_and_their_numbers_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    sides = [
        side_of({"record": {"model": model, "response_text": text, "completion_tokens": tokens}})
        for model, text, tokens in (("tiny", "It is red.", 3), ("big", "It is blue.", 1300))
    ]
    show_both(sides[0], sides[1], ("first", "second"))
    shown = capsys.readouterr().out
    assert "first and second answer" in shown
    assert ["model", "tiny", "big"] in [line.split() for line in shown.splitlines()]
    assert ["tokens", "out", "3", "1,300"] in [line.split() for line in shown.splitlines()]
