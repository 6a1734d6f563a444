import json

import pytest

from service.record.replies import (
    compact,
    error_of,
    event_data,
    is_event_stream,
    json_lines,
    offset_of_event,
    offset_of_line,
    repeats_in_pieces,
)
from tests.record.wire import body


def test_blank_lines_and_carriage_returns_are_no_pieces() -> None:
    assert json_lines(body(b'\r\n{"a":1}\r\n\n  \n{"a":2}\r\n')) == [{"a": 1}, {"a": 2}]


def test_a_broken_line_is_none_and_the_others_are_read() -> None:
    assert json_lines(body(b'{"a":1}\nnope\n{"a":2}\n')) == [{"a": 1}, None, {"a": 2}]


def test_only_data_lines_of_events_are_pieces() -> None:
    data = b': comment\r\nevent: x\r\ndata: {"a":1}\r\nid: 7\r\n\r\ndata:{"a":2}\n\ndata: [DONE]\n\n'
    assert event_data(body(data)) == [{"a": 1}, {"a": 2}, "[DONE]"]


def test_events_are_known_by_their_type_or_their_beginning() -> None:
    assert is_event_stream(body(b"", "text/event-stream; charset=utf-8"))
    assert is_event_stream(body(b"data: {}\n\n", ""))
    assert not is_event_stream(body(b"{}\n", "application/x-ndjson"))


def test_offsets_count_bytes_from_the_beginning() -> None:
    lines = '\n{"a":"é"}\n\n{"b":1}\n'.encode()
    assert [offset_of_line(lines, index) for index in range(3)] == [1, lines.index(b'{"b"'), None]
    events = b'event: x\ndata: {}\n\nevent: y\ndata: {"a":1}\n\n'
    assert [offset_of_event(events, index) for index in range(3)] == [9, events.index(b'data: {"a"'), None]


def test_an_error_is_read_in_every_shape() -> None:
    assert error_of("x") == "x"
    assert error_of({"message": "x", "type": "api_error"}) == "x"
    assert error_of({"type": "error", "error": "x"}) == "x"
    assert error_of({"code": 7}) == '{"code":7}'
    assert error_of([1]) == "[1]"
    assert error_of(None) is None
    assert error_of("") is None


def test_what_json_cannot_hold_is_still_shown() -> None:
    assert compact({"a": 2**80, "b": float("nan")}).startswith("{")
    assert "x" in compact({"a": "x\ud800"})


@pytest.mark.parametrize("depth", [10, 300, 990, 5000])
def test_a_value_however_deep_becomes_text(depth: int) -> None:
    value: object = "\ud800"
    for _ in range(depth):
        value = [value]
    text = compact(value)
    assert isinstance(text, str)
    assert text.encode()
    assert depth > 300 or json.loads(text)


@pytest.mark.parametrize(
    ("data", "is_so"),
    [
        (b'{"logprobs":[{"token":"a"}]}', True),
        (b'{"logprobs" : {\n"content": []}}', True),
        (b'{"logprobs":[ ],"text":"a"}', False),
        (b'{"logprobs":null}', False),
        (b'{"content":"\\"logprobs\\":[{"}', False),
        (b'{"type":"response.function_call_arguments.delta"}' * 2, True),
        (b'"x_arguments.delta" "x_arguments.done" ' * 2, False),
        (b"{}", False),
    ],
)
def test_an_answer_that_is_told_in_pieces_beside_the_whole_is_known(data: bytes, is_so: bool) -> None:
    assert repeats_in_pieces(data) is is_so
