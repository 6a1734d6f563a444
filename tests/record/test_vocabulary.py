"""Counting tokens with small vocabularies made by hand. Real ones: tests/integration/test_vocabularies.py."""

import time
from typing import Any

import pytest

from service.record.vocabulary import Vocabulary, from_bytes, read_vocabulary

_BYTE_TOKENS = [chr(code) for code in (*range(0x21, 0x7F), 0x120, 0x10A, 0xC3, 0xA9)]
BPE: dict[str, Any] = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "llama-bpe",
    "tokenizer.ggml.tokens": [*_BYTE_TOKENS, "th", "the", "Ġthe", "Ã©", "<|eot|>", "<|eot|>>"],
    "tokenizer.ggml.token_type": [*[1] * len(_BYTE_TOKENS), 1, 1, 1, 1, 3, 4],
    "tokenizer.ggml.merges": ["t h", "th e", "Ġ the", "Ã ©"],
}
SPM: dict[str, Any] = {
    "tokenizer.ggml.model": "llama",
    "tokenizer.ggml.tokens": [
        "<unk>",
        "<s>",
        "<0x41>",
        "▁",
        "t",
        "h",
        "e",
        "th",
        "the",
        "▁the",
        "he",
        "合",
        "同",
        "合同",
    ],
    "tokenizer.ggml.token_type": [2, 3, 6, *[1] * 11],
    "tokenizer.ggml.scores": [0, 0, 0, -9, -9, -9, -9, -1, -2, -3, -5, -9, -9, -4],
}


def made(info: dict[str, Any]) -> Vocabulary:
    found = read_vocabulary({"model_info": info})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("the", 1),
        ("the the", 2),
        ("thx", 2),
        ("hte", 3),
        ("é", 1),
        ("<|eot|>the<|eot|>", 3),
        ("<|eot|>>", 1),
        ("a<|eot|", 7),
    ],
)
def test_byte_level_tokens_are_counted(text: str, count: int) -> None:
    vocabulary = made(BPE)
    assert vocabulary.count(text) == count
    # What is known of words and texts changes nothing.
    assert vocabulary.count(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [("the", 1), (" the the", 2), ("the h", 3), ("hthe", 2), ("x", 1), ("é", 2), ("合同合同", 2), ("<s>", 1)],
)
def test_sentencepiece_tokens_are_counted_by_their_scores(text: str, count: int) -> None:
    assert made(SPM).count(text) == count


def test_long_writing_without_spaces_is_split_where_no_token_goes_on() -> None:
    vocabulary = made(SPM)
    assert vocabulary.count("合同" * 100) == 100
    assert vocabulary.count("合同the" * 100) == 200
    assert vocabulary.count("xx" * 100) == 200


def test_a_count_that_takes_too_long_is_none() -> None:
    vocabulary = made(BPE)
    text = " ".join(f"w{number}" for number in range(500))
    assert vocabulary.count(text, until=time.monotonic() - 1) is None
    assert vocabulary.count("t" * 5000, until=time.monotonic() + 60) is None
    # What was counted once is known.
    exact = vocabulary.count(text)
    assert exact is not None
    assert vocabulary.count(text, until=time.monotonic() - 1) == exact


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.record.vocabulary._MOST_WORDS", 10)
    vocabulary = made(BPE)
    for number in range(50):
        vocabulary.count(f"the w{number}")
    assert len(vocabulary._words) <= 10
    assert len(vocabulary._texts) <= 10


@pytest.mark.parametrize("info", [BPE, SPM])
def test_it_survives_a_file(info: dict[str, Any]) -> None:
    data = made(info).to_bytes()
    again = from_bytes(data)
    assert again is not None
    for text in ("the the", "hté", "合同合同", "<s>x<|eot|>"):
        assert again.count(text) == made(info).count(text)
    for broken in (b"", b"{}\n", b"{}", data[:-1], data.replace(b'"form":', b'"from":', 1), b"\xff" * 50):
        assert from_bytes(broken) is None


@pytest.mark.parametrize(
    "shown",
    [
        None,
        {},
        {"model_info": []},
        {"model_info": BPE | {"tokenizer.ggml.pre": "what comes next"}},
        {"model_info": BPE | {"tokenizer.ggml.tokens": []}},
        {"model_info": BPE | {"tokenizer.ggml.tokens": [1, 2]}},
        {"model_info": BPE | {"tokenizer.ggml.merges": None}},
        {"model_info": SPM | {"tokenizer.ggml.scores": [1]}},
        {"model_info": SPM | {"tokenizer.ggml.scores": ["x"] * 14}},
        {"model_info": BPE | {"tokenizer.ggml.model": "bert"}},
    ],
)
def test_what_cannot_be_counted_is_no_vocabulary(shown: Any) -> None:
    assert read_vocabulary(shown) is None


def test_a_vocabulary_without_kinds_has_no_special_tokens() -> None:
    bare = {key: value for key, value in BPE.items() if key != "tokenizer.ggml.token_type"}
    assert made(bare).special == ()
    assert made(bare).count("<|eot|>") == 7


def test_lone_surrogates_are_counted_as_something() -> None:
    assert (made(BPE).count("\ud800") or 0) > 0
    assert (made(SPM).count("\ud800") or 0) > 0
