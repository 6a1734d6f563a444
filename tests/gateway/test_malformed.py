"""What aiohttp's server logs becomes events: nothing of an attacker's bytes gets out unescaped."""

import asyncio
import logging

import pytest
from aiohttp import ClientConnectionResetError, StreamReader
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import BadHttpMessage, LineTooLong

from service.events import DefectFound, Event, RequestMalformed
from service.gateway import malformed


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    events: list[Event] = []
    monkeypatch.setattr(malformed, "emit", events.append)
    return events


def test_their_fault_is_a_malformed_request_in_printable_ascii(emitted: list[Event]) -> None:
    try:
        raise BadHttpMessage("no such thing:\n\x1b[2J\u202e" + "x" * 1000)
    except BadHttpMessage:
        malformed.server_logger().exception("Error handling request from %s", "203.0.113.9")
    (event,) = emitted
    assert isinstance(event, RequestMalformed)
    assert event.remote_addr == "203.0.113.9"
    assert event.reason.isascii()
    assert event.reason.isprintable()
    assert "\\x1b[2J\\u202e" in event.reason
    assert len(event.reason) < 2000


@pytest.mark.parametrize(
    "error",
    [
        LineTooLong(b"Bearer sk-secret...", 65536),
        # What the C parser says of a key that ends with a carriage return, as in a file from Windows.
        BadHttpMessage("Missing expected LF after header value:\n\n  b'Authorization: Bearer sk-secret\\r'\n     ^"),
    ],
    ids=["too long", "a carriage return"],
)
def test_what_came_is_not_quoted(error: BadHttpMessage, emitted: list[Event]) -> None:
    try:
        raise error
    except BadHttpMessage:
        malformed.server_logger().exception("Error handling request from %s", "203.0.113.9")
    (event,) = emitted
    assert isinstance(event, RequestMalformed)
    assert "64 KiB" in event.reason or "Missing expected LF after header value" in event.reason
    assert "secret" not in event.reason


def test_everything_else_is_a_defect_of_ours(emitted: list[Event]) -> None:
    logger = malformed.server_logger()
    try:
        raise ZeroDivisionError("at 3 o'clock")
    except ZeroDivisionError:
        logger.exception("Unhandled exception")
    logger.error("said without an exception: %d", 7)
    assert [type(event) for event in emitted] == [DefectFound, DefectFound]
    assert isinstance(emitted[0], DefectFound)
    assert "ZeroDivisionError" in emitted[0].error
    assert isinstance(emitted[1], DefectFound)
    assert emitted[1].error == "said without an exception: 7"


async def test_who_left_before_its_body_was_read_is_no_defect(emitted: list[Event]) -> None:
    protocol = BaseProtocol(asyncio.get_running_loop())
    try:
        await StreamReader(protocol, 1).read()
    except RuntimeError:
        malformed.server_logger().exception("Error handling request from %s", "203.0.113.9")
    assert not protocol.connected
    assert emitted == []


@pytest.mark.parametrize("error", [ConnectionResetError, BrokenPipeError, ClientConnectionResetError])
def test_who_left_before_the_answer_is_no_defect(error: type[Exception], emitted: list[Event]) -> None:
    try:
        raise error("Cannot write to closing transport")
    except error:
        malformed.server_logger().exception("Error handling request from %s", "203.0.113.9")
    assert emitted == []


def test_what_is_no_error_is_no_event_and_nothing_goes_to_other_loggers(
    emitted: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    logger = malformed.server_logger()
    logger.debug("connection made")
    logger.warning("a slow client")
    with caplog.at_level(logging.DEBUG):
        logger.error("once")
    assert len(emitted) == 1
    assert caplog.records == []
