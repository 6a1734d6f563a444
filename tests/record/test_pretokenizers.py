"""How texts are split into words, by the rules of llama.cpp."""

import pytest

from service.record.pretokenizers import pretokenizer

TEXT = "It's 12345 CamelCase words,\n\n  and  more!!\t«Größe» 中文字 \U00020000x 3½ 😀"


def split(rule: str, text: str) -> list[str]:
    found = pretokenizer(rule)
    assert found is not None
    return list(found(text))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("llama-bpe", ["I", "'m", " ", "123", "45", " words", ",\n\n", " ", " and", " x"]),
        ("qwen2", ["I", "'m", " ", "1", "2", "3", "4", "5", " words", ",\n\n", " ", " and", " x"]),
        ("gpt-2", ["I", "'m", " 12345", " words", ",", "\n\n ", " and", " x"]),
        ("starcoder", ["I", "'m", " ", "1", "2", "3", "4", "5", " words", ",", "\n\n ", " and", " x"]),
        ("deepseek-v3", ["I", "'m", " ", "123", "45", " words", ",\n\n", " ", " and", " x"]),
    ],
)
def test_words_numbers_and_line_breaks_are_split_by_rule(rule: str, expected: list[str]) -> None:
    assert split(rule, "I'm 12345 words,\n\n  and x") == expected


def test_some_rules_split_at_capitals() -> None:
    assert split("gpt-4o", "CamelCase it's") == ["Camel", "Case", " it's"]
    assert split("tekken", "CamelCase 12") == ["Camel", "Case", " ", "1", "2"]
    assert split("llama-bpe", "CamelCase") == ["CamelCase"]


def test_writing_of_every_kind_is_letters() -> None:
    assert split("llama-bpe", "中文，Größe कि \U00020000é") == ["中文", "，Größe", " क", "ि", " \U00020000é"]


@pytest.mark.parametrize("rule", ["llama-bpe", "qwen2", "gpt-2", "gpt-4o", "tekken", "deepseek-v3", "starcoder"])
def test_nothing_is_lost(rule: str) -> None:
    assert "".join(split(rule, TEXT)) == TEXT
    assert split(rule, "") == []


def test_a_rule_that_is_not_known_splits_nothing() -> None:
    assert pretokenizer("default") is None
    assert pretokenizer("what comes next") is None
