"""When the first words came is told by the line that completed them, whatever stands before it."""

import pytest

from service.record.first_token import first_token_offset
from service.record.replies import Reply
from tests.record.wire import body, exchange, line_of

EVENTS, LINES = "text/event-stream", "application/x-ndjson"
OPENAI, NATIVE, ANTHROPIC = "/v1/chat/completions", "/api/chat", "/v1/messages"
ROLE = b'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n'
WORD = b'data: {"choices":[{"delta":{"content":"A"}}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
PING = b'event: ping\ndata: {"type":"ping"}\n\n'
START = b'event: message_start\ndata: {"type":"message_start","message":{"model":"m"}}\n\n'
BLOCK = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"A"}}\n\n'
ERROR = b'event: error\ndata: {"type":"error","error":{"message":"busy"}}\n\n'


@pytest.mark.parametrize(
    ("path", "kind", "pieces", "first"),
    [
        (OPENAI, EVENTS, [ROLE, WORD, END], 1),
        (OPENAI, EVENTS, [b": here\n\n", ROLE, WORD, END], 2),
        (OPENAI, EVENTS, [b"data:\n\n", ROLE, WORD, END], 2),
        (OPENAI, EVENTS, [b'data: {"choices":\ndata: [{"delta":{}}]}\n\n', WORD, END], 1),
        (OPENAI, EVENTS, [b'data: {"choices":\n', b'data: [{"delta":{"content":"A"}}]}\n\n', END], 1),
        (ANTHROPIC, EVENTS, [START, PING, PING, BLOCK, BLOCK], 3),
        (ANTHROPIC, EVENTS, [START, PING, PING, BLOCK, ERROR], 3),
        (NATIVE, LINES, [b'{"message":\n{"content":""},"done":false}\n', b'{"message":{"content":"A"}}\n'], 1),
        (NATIVE, LINES, [b"\n", b'{"message":{"content":""}}\n', b'{"message":{"content":"A"}}\n'], 2),
        (NATIVE, LINES, [b'{"broken\n', b'{"message":{"content":""}}\n', b'{"message":{"content":"A"}}\n'], 2),
    ],
)
def test_the_first_words_came_with_their_line(path: str, kind: str, pieces: list[bytes], first: int) -> None:
    arrivals = tuple((len(b"".join(pieces[:number])), 0.1 * (number + 1)) for number in range(len(pieces)))
    asked = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}'
    line = line_of(exchange(asked, body(b"".join(pieces), kind), path, arrivals=arrivals, first_byte=0.1))
    assert line["time_to_first_token"] == pytest.approx(0.1 * (first + 1))


def test_no_line_is_no_place_and_looking_for_one_ends() -> None:
    assert first_token_offset(lambda _: Reply(first_piece=0), body(b'{"response":"A"}'), 0) is None
    endless = body(b"data:\n\n" * 100_000, EVENTS)
    assert first_token_offset(lambda _: Reply(), endless, 50) is None
