"""Records for exports come from the journal bit by bit."""

import contextlib
import sqlite3
import tracemalloc
from pathlib import Path

import orjson
import pytest

from service.exports import formats
from service.exports.formats import FORMATS, ExportOptions, kept_records
from service.journal import JournalError
from service.journal.reader import Bodies
from tests.exports.kept import chat, make_journal, said
from tests.journal.given import identifier


def test_records_come_in_the_order_of_their_numbers_and_those_that_are_gone_are_left_out(tmp_path: Path) -> None:
    make_journal(tmp_path, [(10 * number, number) for number in range(1, 6)])
    found = list(kept_records(tmp_path, [[5, 99, 2], [], [3]], bodies=Bodies.BOTH))
    assert [record.row.number for record in found] == [5, 2, 3]
    assert [record.row.id for record in found] == [identifier(number) for number in (5, 2, 3)]
    assert [(len(record.request), len(record.response)) for record in found] == [(50, 5), (20, 2), (30, 3)]


def test_without_bodies_only_the_line_is_read(tmp_path: Path) -> None:
    make_journal(tmp_path, [(10, 10)])
    [found] = kept_records(tmp_path, [[1]], bodies=Bodies.NONE)
    assert (found.request, found.response) == (b"", b"")
    assert orjson.loads(found.row.line)["request_body"] == "q" * 10


def test_a_batch_may_have_more_numbers_than_a_statement_takes(tmp_path: Path) -> None:
    make_journal(tmp_path, [(1, 1)] * 5)
    found = kept_records(tmp_path, [range(50_000, 0, -1)], bodies=Bodies.BOTH)
    assert [record.row.number for record in found] == [5, 4, 3, 2, 1]


def test_only_a_few_megabytes_are_held_however_large_a_batch_is(tmp_path: Path) -> None:
    make_journal(tmp_path, [(1_000_000, 1_000_000)] * 40)
    tracemalloc.start()
    try:
        count = sum(1 for _ in kept_records(tmp_path, [list(range(40, 0, -1))], bodies=Bodies.BOTH))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 40
    assert most < 3 * formats.BYTES_AT_ONCE


def test_without_a_journal_the_first_record_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        next(kept_records(tmp_path, [[1]], bodies=Bodies.NONE))


def test_records_that_go_while_an_export_runs_are_left_out(tmp_path: Path) -> None:
    make_journal(tmp_path, [(1, 1)] * 4)
    found = kept_records(tmp_path, ([number] for number in (4, 3, 2, 1)), bodies=Bodies.BOTH)
    assert next(found).row.number == 4
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.sqlite3")) as connection, connection:
        connection.execute("DELETE FROM exchange WHERE number IN (2, 3)")
    assert [record.row.number for record in found] == [1]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_any_records_with_and_without_options(name: str) -> None:
    form = FORMATS[name]
    assert form.suffix == name
    record = chat(said("user", "Why?"))
    assert b"".join(form.write([record])) == b"".join(form.write([record], ExportOptions()))
    assert b"".join(form.write([])) == b"".join(form.write([], ExportOptions()))


def test_options_reach_the_format_that_they_concern() -> None:
    told: list[object] = []
    options = ExportOptions(base="https://recorder.example", when_done=told.append)
    archive = orjson.loads(b"".join(FORMATS["har"].write([chat(said("user", "Why?"))], options)))
    assert archive["log"]["entries"][0]["request"]["url"] == "https://recorder.example/api/ollama/api/chat"
    list(FORMATS["chat.jsonl"].write([], options))
    assert len(told) == 1
