"""What all answers have in common: how their streams are split, and what is gathered from them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from service.record.bodies import document, whole
from service.record.exchange import Body


class Gap:
    """Stands among the pieces of a stream where our copy lacks some."""


GAP: Final = Gap()
GAP_IN_TEXT: Final = " … "
_MOST_TOKENS = 2**53
# Ollama's /v1/responses says an empty list with every text.
_LOGPROBS = re.compile(rb'"logprobs"\s*:\s*(?:\{|\[\s*[^\s\]])')


@dataclass(slots=True)
class Reply:
    """What has been gathered from one answer so far. Lives only while that answer is read.

    ``first_piece`` is the index of the first piece that carried text, thinking or a tool call.
    ``is_understood``: the other fields tell all that the bytes told; ``is_whole``: although our copy has a gap.
    """

    model: str | None = None
    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    done_reason: str | None = None
    error: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_time: float | None = None
    wait_time: float | None = None
    prompt_time: float | None = None
    generation_time: float | None = None
    is_finished: bool | None = None
    is_understood: bool = False
    is_whole: bool = False
    first_piece: int | None = None
    problem: str | None = None


def repeats_in_pieces(data: bytes) -> bool:
    """Whether an answer also tells what was generated in pieces that no reader puts together where it is told whole.

    That is token by token in ``logprobs``, or in more than one delta of a tool call's arguments.
    """
    if b'"logprobs"' in data and _LOGPROBS.search(data):
        return True
    return b"_arguments.delta" in data and data.count(b"_arguments.delta") > data.count(b"_arguments.done")


def is_event_stream(body: Body) -> bool:
    """Whether the answer is server-sent events."""
    return "event-stream" in body.content_type or body.head.startswith((b"data:", b"event:"))


def json_lines(body: Body) -> list[Any]:
    """The JSON value of each line that is not blank; None for a broken one, GAP where some are missing."""
    return _pieces(body, _values_of_lines)


def event_data(body: Body) -> list[Any]:
    """The JSON value of each ``data:`` of an event stream, ``"[DONE]"`` for OpenAI's last; None and GAP as above."""
    return _pieces(body, _values_of_events)


def _pieces(body: Body, values: Callable[[bytes], list[Any]]) -> list[Any]:
    if not body.is_shortened:
        return values(body.head + body.tail if body.tail else body.head)
    # The gap cuts a line on either side; the partial ones are dropped.
    head = body.head[: body.head.rfind(b"\n") + 1]
    tail = body.tail[body.tail.find(b"\n") + 1 :] if b"\n" in body.tail else b""
    return [*values(head), GAP, *values(tail)]


def _values_of_lines(data: bytes) -> list[Any]:
    try:
        # One parse of all lines takes two thirds of the time that one parse each takes.
        found = orjson.loads(b"[" + data.rstrip(b"\r\n").replace(b"\n", b",") + b"]")
    except ValueError:
        return [document(line) for line in data.split(b"\n") if line.strip()]
    return found if isinstance(found, list) else []


def _values_of_events(data: bytes) -> list[Any]:
    payloads = [line[5:].strip() for line in data.split(b"\n") if line.startswith(b"data:")]
    is_done = bool(payloads) and payloads[-1] == b"[DONE]"
    if is_done:
        payloads.pop()
    try:
        values = orjson.loads(b"[" + b",".join(payloads) + b"]")
    except ValueError:
        values = ["[DONE]" if payload == b"[DONE]" else document(payload) for payload in payloads]
    if is_done:
        values.append("[DONE]")
    return values if isinstance(values, list) else []


def offset_of_line(data: bytes, index: int) -> int | None:
    """Where the ``index``-th line that is not blank begins."""
    return _offset(data, index, lambda line: bool(line.strip()))


def offset_of_event(data: bytes, index: int) -> int | None:
    """Where the ``index``-th ``data:`` line begins."""
    return _offset(data, index, lambda line: line.startswith(b"data:"))


def _offset(data: bytes, index: int, counts: Callable[[bytes], bool]) -> int | None:
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        if counts(data[start:end]):
            if index == 0:
                return start
            index -= 1
        start = end
    return None


def single(body: Body) -> Any:
    """The answer parsed as one JSON document; None when it is none."""
    return document(whole(body))


def error_of(value: Any) -> str | None:
    """The message of an ``error``, in Ollama's, OpenAI's or Anthropic's shape."""
    if isinstance(value, dict):
        value = value.get("message") or value.get("error") or compact(value)
    if isinstance(value, str):
        return value or None
    return None if value is None else compact(value)


def compact(value: Any) -> str:
    """``value`` as JSON text without white space; what JSON cannot hold is shown as text."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        # Deeper than orjson goes, or with lone surrogates.
        return json.dumps(value, default=str, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__name__} that is nested too deeply>"


def tokens(value: Any) -> int | None:
    """A count of tokens; None when ``value`` is no such thing."""
    return value if type(value) is int and 0 <= value < _MOST_TOKENS else None


def text_of(value: Any) -> str | None:
    """``value`` when it is a text with something in it."""
    return value if isinstance(value, str) and value else None


def call(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """One tool call in the shape that records have for all APIs: ``{"id"?, "function": {"name", "arguments"}}``.

    OpenAI sends arguments as JSON text; parsed where that is possible.
    """
    if isinstance(arguments, str):
        parsed = document(arguments.encode("utf-8", "surrogatepass"))
        arguments = arguments if parsed is None else parsed
    function = {"name": name if isinstance(name, str) else "", "arguments": arguments}
    return {"id": call_id, "function": function} if isinstance(call_id, str) and call_id else {"function": function}
