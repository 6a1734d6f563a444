import random
import string

import pytest

from service.record.random_text import has_digit_or_capital, looks_random

_LETTERS = string.ascii_letters + string.digits


@pytest.mark.parametrize(
    ("alphabet", "size"),
    [
        *((_LETTERS, 20), (_LETTERS, 36), (_LETTERS + "-_", 24), (_LETTERS + "-_", 40), ("0123456789abcdef", 32)),
        *((string.ascii_lowercase + string.digits, 24), (string.ascii_letters, 34)),
    ],
)
def test_keys_of_every_alphabet_look_random(alphabet: str, size: int) -> None:
    drawn = random.Random(3)
    keys = ["".join(drawn.choices(alphabet, k=size)).encode() for _ in range(2000)]
    assert sum(map(looks_random, keys)) >= 0.985 * len(keys)


@pytest.mark.parametrize(
    "words",
    [
        *("config_user_agent", "lifecycle_script", "publish-with-attestations", "circle-spinner-animation-1-of-12"),
        *("AutoTokenizerFromPretrained", "config_node_v18_x86_64", "learn", "", "hub_download_2_files"),
        "sha256sum_of_it",
    ],
)
def test_words_do_not(words: str) -> None:
    assert not looks_random(words.encode())


def test_an_identifier_of_the_usual_form_is_a_key() -> None:
    assert looks_random(b"123e4567-e89b-12d3-a456-426614174000")


def test_the_weaker_question_asks_for_a_digit_or_a_capital() -> None:
    assert has_digit_or_capital(b"my-secret-2024")
    assert has_digit_or_capital(b"abcXdef")
    assert has_digit_or_capital(b"abcdefghijklmnopqrstuvwxyz")
    assert not has_digit_or_capital(b"Token-based-authentication")
