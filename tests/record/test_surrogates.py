from service.record.surrogates import joined


def test_halves_that_belong_together_are_one_character() -> None:
    assert joined("a \ud83d" + "\ude00 b") == "a 😀 b"
    assert joined("\ud83d\ude00" * 2) == "😀😀"


def test_a_half_alone_stays_and_other_text_is_the_same() -> None:
    assert joined("é \ud83d x") == "é \ud83d x"
    assert joined("\ude00\ud83d") == "\ude00\ud83d"
    for text in ("", "plain", "Grüße 😀"):
        assert joined(text) == text
