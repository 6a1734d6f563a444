import orjson
import pytest

from service.record.bare_record import bare_record, line_without_bodies
from service.record.exchange import Outcome
from service.record.fields import FIELD_NAMES
from tests.journal.given import ended, opened


def test_the_plain_facts_are_a_valid_line_in_the_contracts_order() -> None:
    exchange = ended(1, b"secret", status=502, outcome=Outcome.UPSTREAM_BROKE_OFF, ended_ns=1_700_000_001_234_567_890)

    record = bare_record(exchange, ValueError("secret"))

    line = orjson.loads(record.line)
    assert list(line) == [key for key in FIELD_NAMES if key in line]
    assert line["time"] == "2023-11-14T22:13:21.234Z"
    assert (line["status"], line["outcome"], line["failed"]) == (502, "upstream_broke_off", True)
    assert line["error"] == "the recorder could not understand this exchange: ValueError"
    assert None not in line.values()
    assert (record.request, record.response) == (b"", b"")


def test_neither_bodies_nor_a_query_nor_the_errors_text_reach_the_line() -> None:
    exchange = ended(1, b"secret", b"secret", opened=opened(1, b"secret", request_uri="/api/ollama/?key=secret"))

    record = bare_record(exchange, ValueError("secret"))

    assert b"secret" not in record.line


def test_a_client_that_left_before_an_answer_is_499_here_too() -> None:
    record = bare_record(ended(1, status=None, outcome=Outcome.CLIENT_LEFT), ValueError())

    assert orjson.loads(record.line)["status"] == 499


def test_a_line_without_bodies_says_which_ones_there_were() -> None:
    summary = orjson.dumps({"request_bytes": 9, "response_bytes": 0, "exchange": "e"})

    assert list(orjson.loads(line_without_bodies(summary)).items()) == [
        ("request_bytes", 9),
        ("response_bytes", 0),
        ("request_truncated", True),
        ("exchange", "e"),
    ]


@pytest.mark.parametrize("summary", [b"", b"{", b"[]", b"\xff"])
def test_a_summary_that_is_no_object_is_taken_as_it_is(summary: bytes) -> None:
    assert line_without_bodies(summary) == summary


def test_header_bytes_that_are_no_utf8_do_not_spoil_it() -> None:
    exchange = ended(1, opened=opened(1, method="G\udce9T", request_uri="/\udce9"))

    record = bare_record(exchange, ValueError())

    assert record.method == "G?T"
    assert orjson.loads(record.line)["request_uri"] == "/?"
