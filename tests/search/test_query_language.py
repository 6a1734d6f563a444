import sqlite3
from collections.abc import Iterator

import pytest

from service.search.query_language import FullTextQuery, read_words, spaced

TEXTS = {
    1: "the red fox jumps over the lazy dog",
    2: "the quick fox is red",
    3: "a Über-quick CAFÉ, e.g. version 3.14",
    4: 'fox OR dog, -minus, NEAR(x) AND prompt: "quoted" ^start {col} * +plus',
    5: "日本語 привет",
    6: "请检查这张发票2231号。กรุณาตรวจสอบใบแจ้งหนี้ ｶﾀｶﾅ",
}


@pytest.fixture(scope="module")
def full_text() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE text USING fts5(prompt, tokenize='unicode61 remove_diacritics 2')")
    connection.executemany(
        "INSERT INTO text(rowid, prompt) VALUES (?, ?)", [(row, spaced(text)) for row, text in TEXTS.items()]
    )
    yield connection
    connection.close()


def found(connection: sqlite3.Connection, search: str) -> list[int]:
    words = read_words(search)
    assert words is not None
    expression = words.wanted if words.unwanted is None else f"({words.wanted}) NOT ({words.unwanted})"
    return [row for (row,) in connection.execute("SELECT rowid FROM text WHERE text MATCH ?", (expression,))]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("fox", [1, 2, 4]),
        ("fox red", [1, 2]),
        ("fox AND red", [1, 2]),
        ('"red fox"', [1]),
        ("“red fox”", [1]),
        ('"fox red"', []),
        ('"fox r"*', []),
        ('"is r"*', [2]),
        ("qui*", [2, 3]),
        ("fox -lazy", [2, 4]),
        ('fox -"red fox"', [2, 4]),
        ("jumps OR version", [1, 3]),
        ("fox jumps OR quick", [1, 2]),
        ("uber cafe", [3]),
        ("über-quick", [3]),
        ("e.g.", [3]),
        ("3.14", [3]),
        ('"OR"', [4]),
        ("near(x)", [4]),
        ("prompt:", [4]),
        ("^start {col} +plus", [4]),
        ("fox - * ? red", [1, 2]),
        ("привет", [5]),
        ("日本*", [5]),
        ("本語", [5]),
        ("語本", []),
        ("发票", [6]),
        ("发票2231", [6]),
        ("这张 检查", [6]),
        ("ตรวจสอบ", [6]),
        ("ｶﾅ", [6]),
        ("检查 -发票", []),
        ("--lazy fox", [2, 4]),
        ("fox\0dog", []),
        ("fox OR \udcff1", [1, 2, 4]),
    ],
)
def test_a_search_finds_what_its_words_say(full_text: sqlite3.Connection, search: str, expected: list[int]) -> None:
    assert found(full_text, search) == expected


@pytest.mark.parametrize(
    ("search", "complaint"),
    [
        ('invoice "of the customer', 'The phrase that begins with "of the customer has no closing quotation mark.'),
        ('-"', 'The phrase that begins with " has no closing quotation mark.'),
        ("OR fox", "OR stands between two words"),
        ("fox OR", "nothing follows it"),
        ("fox OR OR dog", "OR stands between two words"),
        ("fox OR -dog", "OR and - cannot be joined"),
        ("???", "no letter or digit"),
        ('""', "no letter or digit"),
        ("x" * 1001, "1001 characters"),
        ("x " * 65, "at most 64 words"),
    ],
)
def test_a_malformed_search_is_explained_in_a_sentence(search: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*[.]$") as raised:
        read_words(search)

    assert complaint in str(raised.value)


def test_only_what_is_to_be_absent_may_be_named() -> None:
    assert read_words('-fox -"lazy dog"') == FullTextQuery(None, '"fox" OR "lazy dog"')
    assert read_words("  ") is None


def test_whatever_is_typed_is_either_understood_or_explained(full_text: sqlite3.Connection) -> None:
    pieces = ["fox", '"', "*", "-", "OR", "AND", "NOT", "(", ")", "^", ":", "{a}", "\\", "'", "\0", "NEAR", " ", "é"]
    for first in pieces:
        for second in pieces:
            for third in pieces:
                search = f"fox {first}{second} {third}"
                try:
                    words = read_words(search)
                except ValueError:
                    continue
                assert words is not None
                for expression in filter(None, (words.wanted, words.unwanted)):
                    full_text.execute("SELECT count(*) FROM text WHERE text MATCH ?", (expression,)).fetchone()
