"""Exchanges that go on, as rows: written, read, and what a crash makes of them."""

import json
from typing import Any

import pytest

from service.journal.open_rows import decode_open, died, encode_open, row_without_body
from service.record.exchange import Body, Caller, Outcome
from service.record.line import make_record
from tests.journal.given import opened

FULL = opened(
    5,
    request=Body(900, b"\xff\x00head", b"tail\xfe", "application/json", "gzip"),
    caller=Caller(workflow="Rechnungen für März", node="n"),
    parent_span_id="a" * 16,
    user_agent="curl/8",
    item=0,
    attempt=2,
)


def test_what_is_written_of_an_open_exchange_reads_the_same() -> None:
    assert decode_open(encode_open(FULL)) == FULL


def test_header_bytes_that_are_no_utf8_survive() -> None:
    request = opened(1, user_agent="caf\udce9")

    assert decode_open(encode_open(request)) == request


def test_facts_of_a_newer_version_are_passed_over() -> None:
    identifier, facts, head, tail = encode_open(FULL)
    assert isinstance(facts, str)
    newer = facts[:-1] + ',"colour":"red"}'

    assert decode_open((identifier, newer, head, tail)) == FULL


@pytest.mark.parametrize(
    "facts", ["", "{", "[]", "null", '{"caller":5}', '{"request":{"length":"x"},"caller":{}}', "\x00"]
)
def test_a_row_that_cannot_be_understood_keeps_its_id_and_its_bytes(facts: str) -> None:
    found = decode_open(("ab" * 16, facts, b"head", b"tail"))

    assert found.id == "ab" * 16
    assert (found.request.head, found.request.tail) == (b"head", b"tail")


@pytest.mark.parametrize("value", [None, 5, -1, 1.5, 10**30, True, "x", "\ud800", [1], {"a": 1}], ids=repr)
def test_a_record_is_made_of_a_row_whatever_its_values_are(value: Any) -> None:
    identifier, facts, head, tail = encode_open(FULL)
    written = json.loads(facts)
    for holder in (written, written["caller"], written["request"]):
        for name, before in list(holder.items()):
            holder[name] = value
            exchange = died(decode_open((identifier, json.dumps(written), head, tail)), 7)
            made = make_record(exchange, context_length_of=lambda call: None, mask=True)
            holder[name] = before
            assert (made.outcome, made.request[:6]) == ("gateway_died", b"\xff\x00head"), name


def test_an_exchange_that_a_crash_ended_has_no_duration_and_ends_at_the_last_sign_of_life() -> None:
    exchange = died(FULL, FULL.started_ns + 7)

    assert (exchange.outcome, exchange.duration, exchange.status) == (Outcome.GATEWAY_DIED, None, None)
    assert exchange.ended_ns == FULL.started_ns + 7
    assert died(FULL, 0).ended_ns == FULL.started_ns


def test_a_row_without_its_body_still_says_how_long_that_was() -> None:
    found = decode_open(row_without_body(encode_open(FULL)))

    assert found == FULL._replace(request=FULL.request._replace(head=b"", tail=b""))
    assert found.request.is_shortened
