"""A filter as LogQL, and that Grafana's own grammar takes it (tests/configuration reads more of those)."""

import re

import pytest

from service.loki_search.log_query import OTHER_SPELLINGS, query_of
from service.search.filters import NO_STATUS, NOBODY, UNKNOWN, Filter
from service.search.index import connect_in_memory, make_text_table, text_table

ALL = '{job="nginx", service="ollama"} | exchange=~"[0-9a-f]{32}"'
CASES = {
    "": Filter(),
    ' | model=~"(?i).*tiny.*"': Filter(model=("library/Tiny:latest",)),
    ' | (model=~"(?i).*a.*" or model=~"(?i).*b.*")': Filter(model=("a", "b")),
    ' | (node="a" or node="b")': Filter(node=("a", "b")),
    ' | (workflow="w" or workflow_id="w")': Filter(workflow=("w",)),
    ' | (workflow="" and workflow_id="")': Filter(workflow=(NOBODY,)),
    ' | (user="ada" or (user=""))': Filter(user=("ada", NOBODY)),
    ' | node="a\\"b\\\\c"': Filter(node=('a"b\\c',)),
    ' | node="a\\U0000000ab"': Filter(node=("a\nb",)),
    ' | (status="404" or status="")': Filter(status=(404, NO_STATUS)),
    ' | (failed="true" or failed="" or outcome="client_left")': Filter(failed=True),
    ' | (failed="false" or failed="")': Filter(failed=False),
    ' | prompt_truncated="true"': Filter(truncated=True),
    ' | prompt_truncated=""': Filter(truncated=UNKNOWN),
    " | request_time >= 1.999000": Filter(slower=2.0),
    f' | exchange="{"a" * 32}"': Filter(exchange=("a" * 32,)),
}


@pytest.mark.parametrize("expected", CASES)
def test_names_and_numbers_are_asked_of_the_metadata(expected: str) -> None:
    assert query_of(CASES[expected]) == ALL + expected


@pytest.mark.parametrize(
    "wanted",
    [
        # The record as a whole tells whether a library's calls are n8n's.
        Filter(caller=("n8n",)),
        Filter(caller=(NOBODY,)),
        # Of these every line may lack the word, or have it without a letter of ASCII.
        Filter(text="-invoice"),
        Filter(text="要約"),
        Filter(text="要約 OR invoice"),
    ],
)
def test_what_loki_cannot_tell_is_not_asked_of_it(wanted: Filter) -> None:
    assert query_of(wanted) == ALL


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("invoice", "an Invoice of"),
        ("INVOICE", "an invoice of"),
        ("resume", "le résumé"),
        ("résumé", "LE RESUME"),
        ("resume", "le re\u0301sume\u0301"),
        ("resume", r"le r\\u00e9sum\\u00e9"),
        ("resume", r"le r\u00e9sum\u00e9"),
        ("resume", r"le re\\u0301sume\\u0301"),
        ("inv*", "invoice"),
        ("fox OR dog", "a dog"),
        ('"blue parcel"', "a blue, PARCEL"),
    ],
)
def test_a_word_is_found_in_every_spelling_that_the_index_takes_for_it(text: str, line: str) -> None:
    parts = query_of(Filter(text=text)).split(" |~ ")[1:]
    assert len(parts) == 2
    for part in parts:
        patterns = [one.replace("\\\\", "\\") for one in re.findall(r'"((?:[^"\\]|\\.)*)"', part)]
        assert any(re.search(as_python(one), line) for one in patterns)


def as_python(pattern: str) -> str:
    """RE2 has classes of Unicode, and writes characters otherwise than Python's own module."""
    pattern = pattern.replace(r"\pM", "[\u0300-\u036f]")
    return re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), pattern)


@pytest.mark.long
def test_every_character_that_the_index_takes_for_one_of_ascii_or_for_none_is_another_spelling() -> None:
    connection = connect_in_memory()
    make_text_table(connection, 0)
    connection.execute(f"CREATE VIRTUAL TABLE words USING fts5vocab({text_table(0)}, instance)")
    points = [point for point in range(0x80, 0x20000) if not 0xD800 <= point < 0xE000]
    connection.executemany(
        f"INSERT INTO {text_table(0)}(rowid, prompt) VALUES (?, ?)", ((point, f"q{chr(point)}q") for point in points)
    )
    found = {
        point for term, point in connection.execute("SELECT term, doc FROM words") if len(term) > 1 and term.isascii()
    }
    connection.close()
    assert len(found) > 500
    assert not [hex(point) for point in found if not re.match(as_python(OTHER_SPELLINGS), chr(point))]


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(text="x" * 1000),
        Filter(text=" ".join(f"word{number}" for number in range(60))),
        Filter(text=" OR ".join(f"word{number}" for number in range(60))),
        Filter(model=tuple(f"model{number}" for number in range(5000))),
        Filter(exchange=tuple(f"{number:032x}" for number in range(5000))),
    ],
)
def test_no_query_is_longer_than_loki_takes(wanted: Filter) -> None:
    assert len(query_of(wanted)) < 25_000


def test_a_malformed_search_is_told() -> None:
    with pytest.raises(ValueError, match="no closing quotation mark"):
        query_of(Filter(text='"open'))
