"""Whatever bytes come, a record is made of them: one strict line of JSON, within its limit."""

import json
import random
import time

import pytest

from service.record.exchange import Body, Exchange, Outcome
from service.record.line import make_record, summary_of_open
from tests.record.wire import NAMES, always, body, checked, exchange, recorded, understand

HOSTILE = {
    "deep list": b"[" * 20_000 + b"]" * 20_000,
    "deep object": b'{"message":' * 3_000 + b"1" + b"}" * 3_000,
    "huge number": b'{"prompt_eval_count":' + b"9" * 6000 + b',"eval_count":1e999,"done":true}',
    "not a number": b'{"eval_count":NaN,"eval_duration":Infinity,"done":true,"response":"x"}',
    "negative": b'{"eval_count":-1,"eval_duration":-5,"prompt_eval_count":-9223372036854775808,"done":true}',
    "wrong types": b'{"model":{"a":1},"message":[1],"done":"yes","error":[1],"eval_count":true,"options":[]}',
    "wrong types inside": b'{"message":{"content":{"a":1},"tool_calls":{"x":1},"thinking":7},"choices":{},"output":5}',
    "nulls": b'{"message":null,"choices":[null],"content":[null],"output":[null],"usage":null,"data":[null]}',
    "nulls deeper": b'{"choices":[{"message":null,"delta":null}],"content":[{"type":null}],"messages":[null,{}]}',
    "duplicate keys": b'{"model":"a","model":"b","done":true,"done":false}',
    "lone surrogates": b'{"model":"\\ud800","message":{"content":"a\\udfffb"},"done":true,"prompt":"\\ud83d"}',
    "control characters": b'{"response":"\\u0000\\u001b[31m\\u0007","done":true,"model":"\\u0000"}',
    "raw control characters": b'{"response":"\x00\x1b[31m\x07"}',
    "directions and separators": '{"response":"\u202e\u2066\u2028\u2029\u0085\u200f","done":true}'.encode(),
    "not utf-8": b'{"response":"\xff\xfe\xc0\x80\xed\xa0\x80"}',
    "utf-16": '{"model":"x"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"model":"x","response":"y","done":true}',
    "half a stream": b'{"response":"a","done":false}\n{"respon',
    "blank lines": b'\n\n{"response":"a","done":false}\r\n\r\n{"response":"b","done":true}\n\n',
    "two on a line": b'{"response":"a"},{"response":"b"}\n{"done":true}',
    "events as lines": b'data: {"choices":[{"delta":{"content":"x"}}]}\n\ndata: [DONE]\n\n',
    "broken events": b"data: {\ndata:\ndata: [DONE]\ndata: 5\nevent: x\n: comment\ndata: [1,2]\n\n",
    "unknown events": b'event: x\ndata: {"type":"y","delta":{"a":1}}\n\ndata: {"type":5}\n\ndata: {"type":"error"}\n\n',
    "empty": b"",
    "a newline": b"\n",
    "null": b"null",
    "a string": b'"text"',
    "backslashes": b"\\" * 5000,
    "quotes": b'"' * 5000,
    "images": b'{"images":[' * 500,
    "an unfinished image": b'{"images":["' + b"iVBOR" * 1000,
    "tool calls": b'{"message":{"tool_calls":[1,null,{"function":5},{"function":{"name":[],"arguments":"{"}}]}}',
    "tool deltas": b'data: {"choices":[{"index":"x","delta":{"tool_calls":[{"index":{},"function":5},3]}}]}\n\n',
}
PATHS: tuple[str, ...] = (
    "/api/chat",
    "/api/generate",
    "/api/embed",
    "/api/pull",
    "/api/tags",
    "/v1/chat/completions",
    "/v1/messages",
)
PATHS += ("/v1/responses", "/v1/embeddings", "/v1/audio/transcriptions", "/nowhere")
TYPES = ("application/json", "application/x-ndjson", "text/event-stream", "multipart/form-data; boundary=X", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes_on_every_route_make_a_record(name: str) -> None:
    data = HOSTILE[name]
    for path in PATHS:
        for content_type in TYPES:
            found = exchange(body(data, content_type), body(data, content_type), path)
            said = checked(make_record(found, context_length_of=always(4096), mask=True).line)
            _has_no_defect(found)
            if data and data.isascii() and name != "raw control characters" and len(data) < 100_000:
                assert said["request_body"] == data.decode() or "images" in name
            summary_of_open(found.opened, mask=True)


def _has_no_defect(found: Exchange) -> None:
    generation = understand(found, found.opened.request, found.response)
    for count in (generation.prompt_tokens, generation.completion_tokens, generation.generation_time):
        assert count is None or count >= 0


def test_addresses_and_headers_that_are_no_text_make_a_record() -> None:
    found = exchange(b"{}", b"{}", request_uri="/\udcff?\x00\u202e", user_agent="\udce9\x7f" * 50_000)
    said = checked(make_record(found, context_length_of=always(None), mask=True).line)
    assert said["request_uri"].startswith("/\\udcff?\x00\u202e")
    summary_of_open(found.opened, mask=True)


def test_mutated_recordings_make_records() -> None:
    chance = random.Random(20260106)
    deadline = time.monotonic() + 2
    for round_number in range(4000):
        if time.monotonic() > deadline:
            break
        found = recorded(NAMES[round_number % len(NAMES)])
        opened = found.opened._replace(request=_mutated(found.opened.request, chance))
        changed = found._replace(
            opened=opened,
            response=_mutated(found.response, chance),
            outcome=chance.choice(list(Outcome)),
            status=chance.choice([None, 200, 400, found.status]),
        )
        record = make_record(
            changed, context_length_of=always(chance.choice([None, 256, 4096])), mask=chance.random() < 0.8
        )
        checked(record.line)
        json.loads(record.summary)
        _has_no_defect(changed)


def _mutated(sent: Body, chance: random.Random) -> Body:
    data = bytearray(sent.head)
    for _ in range(chance.choice([0, 1, 1, 2, 5, 20])):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(6)
        if kind == 0:
            data[at : at + 1] = chance.randbytes(1)
        elif kind == 1:
            data[at:at] = chance.choice(
                [b'"', b"\\", b"{", b"[", b"\n", b"null", b"\xe2\x80", b"-1", b"\\ud800", b"1e999"]
            )
        elif kind == 2:
            del data[at : at + chance.randrange(40)]
        elif kind == 3:
            data[at:at] = data[at : at + chance.randrange(200)]
        elif kind == 4:
            del data[at:]
        else:
            old, new = chance.choice(
                [(b'"', b""), (b"true", b"[]"), (b":", b":null,"), (b"{", b"[{"), (b"tiny", b"\x00")]
            )
            data = data.replace(old, new, 1)
    whole = bytes(data)
    encoding = chance.choice(["", "", "", "", "gzip", "zstd", "deflate", "br"])
    content_type = chance.choice([sent.content_type, sent.content_type, *TYPES])
    if chance.random() < 0.3:
        head, tail = chance.randrange(len(whole) + 1), chance.randrange(len(whole) + 1)
        head, tail = head // 2, tail // 2
        return Body(len(whole), whole[:head], whole[len(whole) - tail :], content_type, encoding)
    return Body(len(whole), whole, b"", content_type, encoding)
