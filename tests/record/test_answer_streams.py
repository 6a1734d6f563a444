import time

import pytest

from service.record.answer_streams import (
    CUT,
    DONE,
    GAP,
    event_data,
    is_event_stream,
    json_lines,
    offset_of_event,
    offset_of_line,
)
from tests.record.wire import body, shortened


def test_blank_lines_and_carriage_returns_are_no_pieces() -> None:
    assert json_lines(body(b'\r\n{"a":1}\r\n\n  \n{"a":2}\r\n')) == [{"a": 1}, {"a": 2}]


def test_a_broken_line_is_none_and_the_others_are_read() -> None:
    assert json_lines(body(b'{"a":1}\nnope\n{"a":2}\n')) == [{"a": 1}, None, {"a": 2}]


def test_only_data_lines_of_events_are_pieces() -> None:
    data = b': comment\r\nevent: x\r\ndata: {"a":1}\r\nid: 7\r\n\r\ndata:{"a":2}\n\ndata: [DONE]\n\n'
    assert event_data(body(data)) == [{"a": 1}, {"a": 2}, "[DONE]"]


def test_a_byte_order_mark_is_no_part_of_what_follows_it() -> None:
    events = b'\xef\xbb\xbfdata: {"a":1}\n\ndata: {"a":2}\n\n'
    assert event_data(body(events, "text/event-stream")) == [{"a": 1}, {"a": 2}]
    more = events.replace(b'data: {"a":2}', b'data: {"b":0}\n\n' * 3 + b'data: {"a":2}')
    assert event_data(shortened(more, 20, 18)) == [{"a": 1}, GAP, {"a": 2}]
    assert [offset_of_event(events, index) for index in range(2)] == [3, events.index(b'data: {"a":2}')]
    lines = b'\xef\xbb\xbf{"a":1}\n{"a":2}\n'
    assert json_lines(body(lines)) == [{"a": 1}, {"a": 2}]
    assert [offset_of_line(lines, index) for index in range(2)] == [3, lines.index(b'{"a":2}')]


def test_events_are_known_by_their_type_or_their_beginning() -> None:
    assert is_event_stream(body(b"", "text/event-stream; charset=utf-8"))
    assert is_event_stream(body(b"data: {}\n\n", ""))
    assert not is_event_stream(body(b"{}\n", "application/x-ndjson"))


def test_offsets_count_bytes_from_the_beginning() -> None:
    lines = '\n{"a":"é"}\n\n{"b":1}\n'.encode()
    assert [offset_of_line(lines, index) for index in range(3)] == [1, lines.index(b'{"b"'), None]
    events = b'event: x\ndata: {}\n\nevent: y\ndata: {"a":1}\n\n'
    assert [offset_of_event(events, index) for index in range(3)] == [9, events.index(b'data: {"a"'), None]


def test_an_event_may_stand_on_several_data_lines() -> None:
    data = b'data: {"a":\ndata: [1,\ndata: 2]}\n\ndata: {"b":1}\n\n'
    assert event_data(body(data)) == [{"a": [1, 2]}, {"b": 1}]


def test_events_without_a_blank_line_between_them_are_events() -> None:
    data = b'event: x\ndata: {"a":1}\nevent: y\ndata: {"b":1}\ndata: {"c":1}\ndata: [DONE]\n'
    assert event_data(body(data)) == [{"a": 1}, {"b": 1}, {"c": 1}, DONE]
    assert event_data(body(data.replace(b"[DONE]", b'{"d":'))) == [{"a": 1}, {"b": 1}, {"c": 1}, None]


def test_an_event_that_is_named_an_error_is_one_whatever_it_holds() -> None:
    for sent, expected in (
        (b'event: error\ndata: {"message":"boom"}\n\n', {"error": {"message": "boom"}}),
        (b"event: server_error\r\ndata: boom\r\n\r\n", {"error": "boom"}),
        (b'event: error\ndata: {"type":"error","error":"boom"}\n\n', {"type": "error", "error": "boom"}),
    ):
        assert event_data(body(b'data: {"a":1}\n\n' + sent)) == [{"a": 1}, expected]


def test_a_line_of_json_without_data_is_an_event_and_another_is_broken() -> None:
    assert event_data(body(b'data: {"a":1}\n\n{"error":"gone"}\n')) == [{"a": 1}, {"error": "gone"}]
    assert event_data(body(b'data: {"a":1}\n\nInternal Server Error\n')) == [{"a": 1}, None]


def test_signs_of_life_and_empty_data_are_no_pieces() -> None:
    data = b'event: ping\ndata: now\n\n: still here\n\nretry: 5\ndata:\n\ndata: {"a":1}\n\n'
    assert event_data(body(data)) == [{"a": 1}]


def test_a_piece_in_which_the_stream_ended_is_told_from_a_broken_one() -> None:
    assert event_data(body(b'data: {"a":1}\n\ndata: {"b"')) == [{"a": 1}, CUT]
    assert event_data(body(b'data: {"a":1}\n\ndat')) == [{"a": 1}, CUT]
    assert event_data(body(b'data: {"a":1}\n\ndata: {"b"\n\n')) == [{"a": 1}, None]
    assert json_lines(body(b'{"a":1}\n{"b"')) == [{"a": 1}, CUT]


def test_events_may_end_their_lines_as_the_standard_allows() -> None:
    for end in (b"\n", b"\r\n", b"\r"):
        assert event_data(body(end.join((b'data: {"a":1}', b"", b"data: [DONE]", b"", b"")))) == [{"a": 1}, DONE]


def test_lines_that_are_one_value_together_are_one() -> None:
    assert json_lines(body(b'{\n "a": {\n  "b": 1\n }\n}\n{"c":1}\n')) == [{"a": {"b": 1}}, {"c": 1}]
    assert json_lines(body(b'{"a":"one\ntwo"}\n{"c":1}\n')) == [{"a": "one\ntwo"}, {"c": 1}]


def test_raw_control_characters_and_odd_bytes_are_read() -> None:
    assert json_lines(body(b'{"a":"x\ty"}\n{"a":"K\xf6ln"}\n')) == [{"a": "x\ty"}, {"a": "K\ufffdln"}]


def test_many_broken_lines_take_no_time() -> None:
    begun = time.process_time()
    assert json_lines(body(b'{"a":}\n' * 20_000)) == [None]
    assert event_data(body(b'data: {"a":}\n' * 20_000)) == [None] * 20_000
    assert time.process_time() - begun < 4


@pytest.mark.parametrize(
    "beginning", [b": ping\n\n", b"id: 7\nretry: 10\n", b"\xef\xbb\xbf", b"\r\n\r\n: a\r\n: b\r\nevent: x\r\n"]
)
def test_events_are_known_by_their_beginning_whatever_stands_before(beginning: bytes) -> None:
    assert is_event_stream(body(beginning + b"data: {}\n\n", "text/plain"))
    assert not is_event_stream(body(beginning + b"{}\n\n", "text/plain")) or b"event:" in beginning
