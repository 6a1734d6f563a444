"""Records as they are."""

import pytest

from service.exports import jsonl
from tests.exports.kept import HOSTILE_TEXTS, chat, said


def test_each_line_is_byte_for_byte_the_one_of_the_journal() -> None:
    records = [chat(said("user", f"question {number}")) for number in range(100)]
    written = b"".join(jsonl.write(records))
    assert written.split(b"\n") == [*(record.row.line for record in records), b""]


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_no_text_breaks_its_line(text: str) -> None:
    record = chat(said("user", text), answer=text)
    # Also by the rules of readers that take more than a line feed for the end of a line.
    assert b"".join(jsonl.write([record])).decode().splitlines() == [record.row.line.decode()]


def test_no_records_make_an_empty_file() -> None:
    assert b"".join(jsonl.write([])) == b""
