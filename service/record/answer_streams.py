"""How streamed answers are split into pieces: one JSON value a line, or server-sent events.

Whatever could not be read leaves a piece that says so, so that nothing is passed over without a word.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

from service.record.bodies import decoded, document
from service.record.exchange import Body


class Gap:
    """Stands among the pieces of a stream where our copy lacks some."""


class Cut:
    """The last piece of a stream that ended in its middle."""


GAP: Final = Gap()
CUT: Final = Cut()
DONE: Final = "[DONE]"
"""The last piece of OpenAI's streams."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Lines that belong together, as where a text holds a line end that was not escaped, or JSON is written over lines.
_MOST_LINES_OF_A_VALUE = 100
_BEGINS_LIKE_EVENTS = re.compile(
    rb"(?:\xef\xbb\xbf)?\s{0,9}(?:(?::|id:|retry:)[^\r\n]{0,500}[\r\n]{1,4}){0,20}(?:data|event):"
)
_NAMED_ERROR = re.compile(rb"^event:[^\r\n]{0,80}error", re.MULTILINE | re.IGNORECASE)
# What an event may hold beside its data and its name.
_OF_AN_EVENT = (b":", b"id:", b"retry:", b"event:", b"data:")
_SIGNS_OF_LIFE = (b"ping", b"heartbeat", b"keepalive", b"keep-alive", b"keep_alive")


def is_event_stream(body: Body) -> bool:
    """Whether the answer is server-sent events, whatever its type says."""
    if "event-stream" in body.content_type:
        return True
    return not body.head.startswith(b"{") and _BEGINS_LIKE_EVENTS.match(body.head) is not None


def json_lines(body: Body) -> list[Any]:
    """The JSON value of each line that is not blank; None for a broken one, GAP where some are missing, CUT at the end
    of what broke off."""
    return _pieces(body, _values_of_lines)


def event_data(body: Body) -> list[Any]:
    """The JSON value of each event, DONE for OpenAI's last; None, GAP and CUT as above.

    An event that is named an error is ``{"error": …}``, whatever it holds. A line of JSON without ``data:`` is an
    event too: a server that had begun to stream may write its error so.
    """
    return _pieces(body, _values_of_events)


def lines_of_chunks(answer: Any, body: Body) -> list[Any]:
    """The chunks of a stream of OpenAI's that has one a line instead of events; empty where ``body`` is none.

    ``answer``: what ``body`` is as one JSON value, None where it is more or less than one.
    """
    if isinstance(answer, dict):
        return [answer] if answer.get("object") == "chat.completion.chunk" or _has_delta(answer) else []
    lines = json_lines(body) if body.head.removeprefix(_BYTE_ORDER_MARK).lstrip().startswith(b"{") else []
    return lines if lines and isinstance(lines[0], dict) and "choices" in lines[0] else []


def _has_delta(answer: dict[str, Any]) -> bool:
    choices = answer.get("choices")
    return isinstance(choices, list) and any(isinstance(item, dict) and "delta" in item for item in choices)


def _pieces(body: Body, values: Callable[[bytes], list[Any]]) -> list[Any]:
    whole_head = body.head.removeprefix(_BYTE_ORDER_MARK)
    if not body.is_shortened:
        return values(whole_head + body.tail if body.tail else whole_head)
    # The gap cuts a line on either side; the partial ones are dropped.
    head = whole_head[: whole_head.rfind(b"\n") + 1]
    tail = body.tail[body.tail.find(b"\n") + 1 :] if b"\n" in body.tail else b""
    return [*values(head), GAP, *values(tail)]


def _values_of_lines(data: bytes) -> list[Any]:
    try:
        # One parse of all lines takes two thirds of the time that one parse each takes. The line ends stay, so that
        # a text in which one was not escaped is not taken for another.
        found = orjson.loads(b"[" + data.rstrip(b"\r\n").replace(b"\n", b",\n") + b"]")
    except ValueError:
        return list(_read_lines(data))
    return found if isinstance(found, list) else []


def _read_lines(data: bytes) -> Iterator[Any]:
    broken: list[bytes] = []
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        found = document(line.removeprefix(b"data:"))
        if found is None:
            broken.append(line)
            if 1 < len(broken) <= _MOST_LINES_OF_A_VALUE and line.rstrip().endswith((b"}", b"]")):
                found = document(b"\n".join(broken))
            if found is None:
                continue
        elif broken:
            yield None
        broken.clear()
        yield found
    if broken:
        yield None if data.endswith(b"\n") else CUT


def _values_of_events(data: bytes) -> list[Any]:
    lines = data.split(b"\n") if b"\n" in data else data.split(b"\r")
    payloads = [line[5:].strip() for line in lines if line.startswith(b"data:")]
    if len(payloads) + lines.count(b"") != len(lines) and _is_irregular(data, lines):
        return list(_read_events(lines, data.endswith((b"\n", b"\r"))))
    is_done = bool(payloads) and payloads[-1] == b"[DONE]"
    if is_done:
        payloads.pop()
    try:
        values = orjson.loads(b"[" + b",".join(payloads) + b"]")
    except ValueError:
        return list(_read_events(lines, data.endswith((b"\n", b"\r"))))
    if is_done:
        values.append(DONE)
    return values if isinstance(values, list) else []


def _is_irregular(data: bytes, lines: list[bytes]) -> bool:
    """Whether there is an event that is named an error, or a line that is part of no event."""
    if b"error" in data and _NAMED_ERROR.search(data):
        return True
    others = [line for line in lines if line[:5] != b"data:" and line[:6] != b"event:" and line]
    return not all(line.startswith(_OF_AN_EVENT) or not line.strip() for line in others)


def _read_events(lines: list[bytes], has_end: bool) -> Iterator[Any]:
    """Events as the standard has them, but that some servers write no blank line between two."""
    name, held = b"", list[bytes]()
    for number, line in enumerate(lines, 1):
        if line.startswith(b"data:"):
            if payload := line[5:].strip():
                held.append(payload)
        elif not line.strip():
            yield from _values_of_event(name, held)
            name, held = b"", []
        elif line.startswith(b"event:"):
            yield from _values_of_event(name, held)
            name, held = line[6:].strip().lower(), []
        elif not line.startswith(_OF_AN_EVENT):
            yield from _values_of_event(name, held)
            held = []
            found = document(line)
            yield CUT if found is None and number == len(lines) and not has_end else found
    if values := _values_of_event(name, held):
        yield from values[:-1]
        yield CUT if values[-1] is None and not has_end else values[-1]


def _values_of_event(name: bytes, held: list[bytes]) -> list[Any]:
    if is_sign_of_life(name):
        return []
    values = [_value_of_data(payload) for payload in held]
    if len(held) > 1 and None in values and (whole := document(b"\n".join(held))) is not None:
        values = [whole]
    if b"error" in name and held:
        return [_as_error(value, b" ".join(held)) for value in values[:1]]
    return values


def is_sign_of_life(name: bytes) -> bool:
    """Whether an event of this name, in lower case, says only that the server is there."""
    return name.startswith(_SIGNS_OF_LIFE)


def _value_of_data(payload: bytes) -> Any:
    return DONE if payload == b"[DONE]" else document(payload)


def _as_error(value: Any, held: bytes) -> dict[str, Any]:
    if isinstance(value, dict) and value.get("error"):
        return value
    return {"error": decoded(held) if value is None else value}


def offset_of_line(data: bytes, index: int) -> int | None:
    """Where the ``index``-th line that is not blank begins."""
    return _offset(data, index, lambda line: bool(line.strip()))


def offset_of_event(data: bytes, index: int) -> int | None:
    """Where the ``index``-th ``data:`` line begins."""
    return _offset(data, index, lambda line: line.startswith(b"data:"))


def _offset(data: bytes, index: int, counts: Callable[[bytes], bool]) -> int | None:
    start = len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        if counts(data[start:end]):
            if index == 0:
                return start
            index -= 1
        start = end
    return None
