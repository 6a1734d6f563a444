"""Clients that hang up: who stopped an answer, and who gave up."""

from typing import Any

import pytest

from service.record.exchange import Outcome
from service.record.hang_up import usual_limit
from tests.record.wire import body, exchange, line_of

ASK = b'{"model":"tiny","messages":[{"role":"user","content":"Why?"}]}'
BEGUN = b'{"message":{"role":"assistant","content":"Beca"},"done":false}\n'
THINKING = b'{"message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}\n'
CALLING = b'{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]},"done":false}\n'
EMPTY = b'{"message":{"role":"assistant","content":""},"done":false}\n'
EVENT = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Beca"},"finish_reason":null}]}\n\n'
FIRST_EVENT = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
STATED = b"event: content_block_delta\ndata: "
STATED += b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"B"}}\n\n'


def left(answer: bytes, path: str = "/api/chat", seconds: float = 12.3, **more: Any) -> dict[str, Any]:
    kind = "application/x-ndjson" if path.startswith("/api") else "text/event-stream"
    found = exchange(body(ASK), body(answer, kind), path, outcome=Outcome.CLIENT_LEFT, duration=seconds, **more)
    return line_of(found)


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        (BEGUN, "/api/chat"),
        (BEGUN * 3 + b'{"mess', "/api/chat"),
        (THINKING, "/api/chat"),
        (CALLING, "/api/chat"),
        (b'{"response":"Beca","done":false}\n', "/api/generate"),
        (EVENT, "/v1/chat/completions"),
        (STATED, "/v1/messages"),
    ],
)
def test_whoever_ends_an_answer_that_had_begun_stopped_it(answer: bytes, path: str) -> None:
    record = left(answer, path)
    assert (record["outcome"], record["failed"]) == ("client_left", False)


@pytest.mark.parametrize(
    ("answer", "path"), [(b"", "/api/chat"), (EMPTY, "/api/chat"), (FIRST_EVENT, "/v1/chat/completions")]
)
def test_whoever_leaves_before_the_first_word_gave_up(answer: bytes, path: str) -> None:
    record = left(answer, path)
    assert (record["outcome"], record["failed"]) == ("client_left", True)


@pytest.mark.parametrize("seconds", [5.01, 30.0, 60.02, 100.1, 299.96, 300.15, 600.0])
def test_whoever_leaves_when_a_usual_time_limit_is_over_did_not_stop_it(seconds: float) -> None:
    assert left(BEGUN, seconds=seconds)["failed"] is True


@pytest.mark.parametrize("seconds", [0.3, 4.9, 5.4, 31.0, 61.0, 299.0, 301.0])
def test_any_other_moment_is_a_persons(seconds: float) -> None:
    assert left(BEGUN, seconds=seconds)["failed"] is False


def test_an_answer_with_an_error_in_it_failed_whoever_left() -> None:
    broken = b'{"error":"an error was encountered while running the model"}\n'
    assert left(BEGUN + broken)["failed"] is True
    assert left(BEGUN, status=500)["failed"] is True
    assert left(BEGUN, error="The connection broke.")["failed"] is True


def test_only_who_left_is_asked_for_a_time_limit() -> None:
    assert line_of(exchange(body(ASK), body(BEGUN), outcome=Outcome.UPSTREAM_BROKE_OFF))["failed"] is True
    assert usual_limit(None, has_begun=True) is None
    assert (usual_limit(60.4, has_begun=False), usual_limit(60.4, has_begun=True)) == (60, None)
