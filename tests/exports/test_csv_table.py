"""A table for spreadsheets."""

import csv
import io
import re
from typing import Any

import orjson
import pytest

from service.exports import csv_table
from service.exports.csv_table import CELL_UNITS, COLUMNS
from service.journal.reader import KeptRecord
from service.record.exchange import Caller, Outcome
from service.record.fields import BODIES, FIELD_NAMES
from service.record.record import record_of
from tests.exports.kept import HOSTILE_TEXTS, asked, chat, recorded, said
from tests.record.wire import NAMES, body, exchange
from tests.record.wire import recorded as recording


def table(*records: KeptRecord) -> list[dict[str, str]]:
    text = b"".join(csv_table.write(records)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert all(None not in row and None not in row.values() for row in rows), "a row has too many or too few cells"
    return rows


def by_rfc_4180(text: str) -> list[list[str]]:
    """The cells of ``text`` by the grammar of RFC 4180 and nothing else."""
    cell = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)')
    rows: list[list[str]] = [[]]
    at = 0
    while at < len(text):
        found = cell.match(text, at)
        assert found, f"not a cell: {text[at : at + 50]!r}"
        rows[-1].append(found[1].replace('""', '"') if found[1] is not None else found[2])
        if found[3] == "\r\n":
            rows.append([])
        at = found.end()
    assert rows.pop() == []
    return rows


def test_the_columns_are_the_keys_of_the_record_without_bodies_then_prompt_and_answer() -> None:
    assert [key for key in FIELD_NAMES if key not in BODIES] == list(COLUMNS[:-2])
    assert COLUMNS[-2:] == ("prompt", "answer")
    written = b"".join(csv_table.write([]))
    assert written == b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n"


def test_a_row_says_what_the_record_says() -> None:
    record = chat(said("system", "Be brief."), said("user", "One?"), said("assistant", "1"), said("user", "Two?"))
    [row] = table(record)
    facts = orjson.loads(record.row.line)
    assert (row["prompt"], row["answer"]) == ("Two?", "Because.")
    assert (row["workflow"], row["model"], row["operation"]) == ("Factures", "tiny", "chat")
    assert (row["status"], row["failed"], row["request_time"]) == ("200", "false", str(facts["request_time"]))
    assert (row["prompt_tokens"], row["completion_tokens"]) == ("61", "")


def test_every_recording_of_a_real_ollama_makes_one_row() -> None:
    records = [recorded(recording(name)) for name in NAMES]
    rows = table(*records)
    assert [row["exchange"] for row in rows] == [record.row.id for record in records]


@pytest.mark.parametrize(
    ("path", "question", "prompt"),
    [
        (
            "/api/chat",
            {"messages": [said("user", "One?"), said("assistant", "", tool_calls=[]), said("tool", "1")]},
            "One?",
        ),
        ("/api/chat", {"messages": [said("system", "Speak.")]}, ""),
        ("/api/chat", {"messages": ["text", None, 7, {"role": "user"}]}, ""),
        ("/api/generate", {"prompt": "Why?", "system": "Brief."}, "Why?"),
        ("/v1/completions", {"prompt": "Once upon"}, "Once upon"),
        ("/v1/responses", {"input": "Why?", "instructions": "Brief."}, "Why?"),
        (
            "/v1/responses",
            {"input": [said("user", "One?"), said("user", [{"type": "input_text", "text": "2?"}])]},
            "2?",
        ),
        ("/v1/messages", {"messages": [said("user", [{"type": "text", "text": "Why?"}])]}, "Why?"),
        (
            "/v1/messages",
            {"messages": [said("user", "One?"), said("user", [{"type": "tool_result", "content": "1"}])]},
            "One?",
        ),
        ("/api/embed", {"input": ["one", "two"]}, "one\ntwo"),
        ("/api/tags", {}, ""),
    ],
)
def test_the_prompt_is_what_was_asked_last_in_any_api(path: str, question: dict[str, Any], prompt: str) -> None:
    [row] = table(asked(path, question={"model": "tiny"} | question, answer={}))
    assert row["prompt"] == prompt


def test_a_request_that_is_no_json_is_its_own_prompt() -> None:
    [row] = table(asked(question=b"{broken", answer=b"?"))
    assert row["prompt"] == "{broken"


def test_a_call_of_a_tool_stands_for_an_answer_without_text() -> None:
    call = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}
    [row] = table(chat(said("user", "Weather?"), answer={"role": "assistant", "content": "", "tool_calls": [call]}))
    assert orjson.loads(row["answer"])[0]["function"]["name"] == "weather"


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_no_text_computes_or_leaves_its_cell(text: str) -> None:
    caller = Caller(workflow=text, node=text)
    question = orjson.dumps({"model": text, "messages": [said("user", text)], "stream": False})
    answer = orjson.dumps({"message": {"role": "assistant", "content": text}, "done": True, "done_reason": text})
    record = recorded(exchange(body(question), body(answer), caller=caller, user_agent=text))
    written = b"".join(csv_table.write([record, record])).decode("utf-8-sig")
    rows = table(record, record)
    assert len(rows) == 2
    assert by_rfc_4180(written)[1] == list(rows[0].values())
    for name in ("prompt", "answer", "workflow", "model", "user_agent"):
        shown = rows[0][name]
        seen = shown.lstrip().lstrip("\u200b\ufeff")
        assert not seen.startswith(("=", "+", "-", "@", "＝", "−", "\\u0000=")), name
        assert not re.search("[\x00\x1b\x7f\x85\u202e\u2028\u2029]", shown), name


@pytest.mark.parametrize("text", ["plain", "'quoted'", "1,5", "a=b", "", "*", "mailto:x@example.org", "עברית \u200fא"])
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    [row] = table(chat(said("user", text), answer="yes"))
    assert row["prompt"] == text


def test_lone_surrogates_are_written_out() -> None:
    question = rb'{"model":"tiny","messages":[{"role":"user","content":"a\ud800b"}],"stream":false}'
    [row] = table(asked(question=question, answer={"message": {"content": "ok"}, "done": True}))
    assert row["prompt"] == "a\\ud800b"


@pytest.mark.parametrize("character", ["x", "é", "🦙", '"', "\n"])
def test_a_cell_holds_no_more_than_a_spreadsheet_takes(character: str) -> None:
    long = "=" + character * 40_000
    [asking, answering] = table(chat(said("user", long)), chat(said("user", "?"), answer=long))
    for text in (asking["prompt"], answering["answer"]):
        assert CELL_UNITS - 200 < len(text.encode("utf-16-le")) // 2 <= CELL_UNITS
        left_out = re.search(r" … \[(\d+) characters left out\]$", text)
        assert left_out
        assert text[: left_out.start()].count(character) + int(left_out[1]) == 40_000


@pytest.mark.parametrize("escape", [r"\u0000", r"\ud800", r"\u202e"])
def test_what_is_written_out_counts_for_the_size_of_a_cell(escape: str) -> None:
    question = b'{"messages":[{"role":"user","content":"%b"}],"stream":false}' % (escape.encode() * 20_000)
    [row] = table(asked(question=question, answer={}))
    assert row["prompt"].startswith(("'" if escape == r"\u0000" else "") + escape)
    assert CELL_UNITS - 200 < len(row["prompt"]) <= CELL_UNITS


def test_what_just_fits_is_whole() -> None:
    [row] = table(chat(said("user", "🦙" * 16_000), answer="x" * 32_000))
    assert row["prompt"] == "🦙" * 16_000
    assert row["answer"] == "x" * 32_000


def test_an_exchange_that_failed_has_a_row_too() -> None:
    [row] = table(
        recorded(exchange(b"{}", b"", status=502, outcome=Outcome.UPSTREAM_UNREACHABLE, error='refused, "really"'))
    )
    assert (row["failed"], row["outcome"], row["error"]) == ("true", "upstream_unreachable", 'refused, "really"')


def test_the_prompt_of_a_question_about_a_document_is_what_was_typed() -> None:
    wrapped = "### Task:\nRespond to the user query using the provided context.\n<context>\nA.\n</context>\n\nWhy?"
    [row] = table(chat(said("user", "Before"), said("assistant", "Yes"), said("user", wrapped)))
    assert row["prompt"] == "Why?"


def test_a_short_message_gives_the_cell_that_the_same_in_parts_gives() -> None:
    def cell(*messages: Any) -> str:
        body = orjson.dumps({"model": "m", "messages": messages}).decode()
        return csv_table._prompt(record_of({"operation": "chat", "request_body": body}))

    def in_parts(role: Any, text: str) -> dict[str, Any]:
        return {"role": role, "content": [{"type": "text", "text": text}]}

    for role in ("user", "assistant", "system", "", 5):
        for text in ("", "Why?", "<think>x</think>y", "=1+1"):
            given = cell({"role": "user", "content": "before"}, {"role": role, "content": text})
            assert given == cell(in_parts("user", "before"), in_parts(role, text))
