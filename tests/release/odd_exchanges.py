"""Exchanges for hypothesis: usual ones of which some values are replaced by others, and anything at all."""

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.record.whole_forms import WholeForm

DEEP = 3000
TEXTS = st.text(max_size=30) | st.sampled_from(["", "\ud800", "a\udfff", "<think>x</think>y", "\0", "{", "é" * 200])
NUMBERS = st.integers() | st.floats() | st.sampled_from([-1, 0, 10**30, -(10**30), 2**63, 1e308, 0.1, True])
KEYS = st.sampled_from(
    [
        *("model", "messages", "role", "content", "prompt", "message", "response", "done", "done_reason", "error"),
        *("choices", "delta", "usage", "tool_calls", "function", "arguments", "name", "index", "id", "type", "text"),
        *("thinking", "input", "output", "system", "options", "num_ctx", "images", "embedding", "stream", "eval_count"),
        *("eval_duration", "prompt_eval_count", "total_duration", "load_duration", "finish_reason", "format", "tools"),
    ]
)
VALUES = st.recursive(
    TEXTS | NUMBERS | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)

# What clients and servers send, of which some values are replaced by others.
_CALL = {"id": "c1", "index": 0, "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
_TIMES = {
    "total_duration": 67472092,
    "load_duration": 1373291,
    "prompt_eval_duration": 445339,
    "eval_duration": 63410134,
}
_COUNTS = {"prompt_eval_count": 27, "eval_count": 40, "done": True, "done_reason": "stop"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
_TOOL_USE = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
USUAL: tuple[dict[str, Any], ...] = (
    {"model": "m", "stream": True, "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "Hi"}]},
    {"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}], "tools": [_CALL]},
    {
        "model": "m",
        "messages": [{"role": "assistant", "content": "", "tool_calls": [_CALL]}, {"role": "tool", "content": "1"}],
    },
    {"model": "m", "prompt": "Hi", "system": "s", "options": {"num_ctx": 512, "num_predict": 3}, "format": "json"},
    {"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}], "max_tokens": 5},
    {"model": "m", "message": {"role": "assistant", "content": "Hello", "thinking": "hm"}, **_TIMES, **_COUNTS},
    {"model": "m", "message": {"role": "assistant", "content": "", "tool_calls": [_CALL]}, **_TIMES, **_COUNTS},
    {"model": "m", "response": "Hello", "context": [1, 2, 3], **_TIMES, **_COUNTS},
    {"model": "m", "message": {"role": "assistant", "content": " the"}, "done": False},
    {"model": "m", "embeddings": [[0.1] * 20], "prompt_eval_count": 4},
    {"id": "x", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]},
    {
        "id": "x",
        "choices": [{"index": 0, "delta": {"tool_calls": [_CALL]}, "finish_reason": "tool_calls"}],
        "usage": _USAGE,
    },
    {
        "id": "x",
        "model": "m",
        "choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}],
        "usage": _USAGE,
    },
    {"type": "message_start", "message": {"id": "x", "model": "m", "usage": {"input_tokens": 5}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    {
        "id": "x",
        "type": "message",
        "content": [{"type": "text", "text": "Hello"}, _TOOL_USE],
        "stop_reason": "end_turn",
    },
    {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"},
    {"type": "response.completed", "response": {"id": "x", "status": "completed", "output": [{"type": "message"}]}},
    {"error": {"message": "exceed context size", "type": "invalid_request_error", "code": 400}},
)


@st.composite
def odd_ones(draw: st.DrawFn, of: tuple[dict[str, Any], ...] = USUAL) -> dict[str, Any]:
    """One of the usual, with up to three of its values replaced."""
    found: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(of)))
    for _ in range(draw(st.sampled_from((0, 0, 1, 3)))):
        place: Any = found
        while place:
            key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
            if not isinstance(place[key], dict | list) or draw(st.booleans()):
                place[key] = draw(VALUES)
                break
            place = place[key]
    return found


OBJECTS = odd_ones() | odd_ones() | st.dictionaries(KEYS, VALUES, max_size=8)


def _written(value: Any) -> bytes:
    return json.dumps(value).encode()


def _deep(key: str) -> bytes:
    return (
        f'{{"model": "m", "{key}": ' + f'[{{"type": "thinking", "{key}": ' * DEEP + "1" + "}]" * DEEP + "}"
    ).encode()


BODIES = st.one_of(
    OBJECTS.map(_written),
    st.binary(max_size=200),
    st.lists(OBJECTS.map(_written), max_size=6).map(b"\n".join),
    st.lists(OBJECTS.map(_written), max_size=6).map(lambda events: b"".join(b"data: %b\n\n" % one for one in events)),
    st.sampled_from(["messages", "content", "message", "thinking", "input", "error", "choices"]).map(_deep),
    st.sampled_from(
        [b"", b"{}", b"[]", b'{"', b"\xff\xfe{\0}\0", b'"embedding": [1,2', b'data: {"choices": [{"delta": {']
    )
    | st.binary(min_size=1200, max_size=1300).map(lambda data: b'{"images": ["%b"]}' % base64.b64encode(data)),
)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


_PLAIN: dict[str, Any] = {
    "agent": "a",
    "workflow": "w",
    "gap": 0,
    "request_type": "application/json",
    "encoding": "",
    "outcome": "completed",
    "duration": 1.5,
    "arrivals": 5,
}
_ANY = st.fixed_dictionaries(
    {
        "request": BODIES.map(_encoded),
        "response": BODIES.map(_encoded),
        "path": st.sampled_from(
            ["/api/chat", "/api/generate?key=sk-1234567890abcdefghijkl", "/v1/messages", "/~a=b/é"]
        ),
        "operation": st.sampled_from(["chat", "generate", "embed", "list", "show", "other"]),
        "api": st.sampled_from(["ollama", "openai", "anthropic"]),
        "agent": st.none() | TEXTS,
        "workflow": st.none() | TEXTS,
        "gap": st.sampled_from([0, 0, 0, 1, 1000]),
        "request_type": st.sampled_from(["application/json", "multipart/form-data; boundary=x", ""]),
        "response_type": st.sampled_from(
            ["application/x-ndjson", "text/event-stream", "application/json", "text/html"]
        ),
        "encoding": st.sampled_from(["", "", "gzip", "deflate", "zstd", "br"]),
        "outcome": st.sampled_from(["completed", "client_left", "upstream_broke_off", "refused"]),
        "status": st.sampled_from([200, 400, 499, 500]),
        "duration": st.floats(min_value=0, max_value=1e6),
        "arrivals": st.integers(min_value=0, max_value=30),
    }
)


def told_of(form: WholeForm, asked: bytes, answered: bytes) -> dict[str, Any]:
    """A request and its answer as ``form_worker.py`` reads them."""
    bodies = {"request": _encoded(asked), "response": _encoded(answered), "response_type": form.response_type}
    where = {"path": form.path, "operation": form.operation, "api": form.api, "status": form.status}
    return _PLAIN | bodies | where


def _events(pieces: list[dict[str, Any]]) -> bytes:
    kinds = [str(one.get("type")).encode("ascii", "replace") for one in pieces]
    return b"".join(b"event: %b\ndata: %b\n\n" % (kind, _written(one)) for kind, one in zip(kinds, pieces, strict=True))


def _lines(pieces: list[dict[str, Any]]) -> bytes:
    return b"\n".join(map(_written, pieces)) + b"\n"


# What belongs together: by which form it is asked, what is asked and answered, and how that is written.
_FORMS: tuple[tuple[dict[str, str], slice, slice, Callable[[list[dict[str, Any]]], bytes]], ...] = (
    ({"api": "ollama", "operation": "chat", "path": "/api/chat"}, slice(0, 3), slice(5, 9), _lines),
    ({"api": "ollama", "operation": "generate", "path": "/api/generate"}, slice(3, 4), slice(7, 9), _lines),
    ({"api": "openai", "operation": "chat", "path": "/v1/chat/completions"}, slice(0, 3), slice(10, 13), _events),
    ({"api": "openai", "operation": "chat", "path": "/v1/responses"}, slice(4, 5), slice(17, 19), _events),
    ({"api": "anthropic", "operation": "chat", "path": "/v1/messages"}, slice(0, 3), slice(13, 17), _events),
)


@st.composite
def _fitting(draw: st.DrawFn) -> dict[str, Any]:
    form, requests, answers, write = draw(st.sampled_from(_FORMS))
    pieces = draw(st.lists(odd_ones(USUAL[answers]), min_size=1, max_size=6))
    kind = "application/x-ndjson" if write is _lines else "text/event-stream"
    if len(pieces) == 1 and draw(st.booleans()):
        kind, write = "application/json", _lines
    request = _written(draw(odd_ones(USUAL[requests])))
    bodies = {"request": _encoded(request), "response": _encoded(write(pieces))}
    types = {"request_type": "application/json", "response_type": kind, "encoding": ""}
    found: dict[str, Any] = draw(_ANY) | form | bodies | types | {"gap": 0, "status": 200}
    return found


EXCHANGES = _fitting() | _fitting() | _ANY
"""Exchanges as ``form_worker.py`` reads them: some fit together, and some hold anything."""
