"""Recordings of a real Ollama as exchanges, and exchanges made by hand."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from service.gateway.routes import find_target
from service.record.call_context import ModelCall
from service.record.exchange import Body, Caller, Exchange, OpenExchange, Outcome
from service.record.fields import FIELD_NAMES
from service.record.generation import Generation, understand_reply
from service.record.line import make_record
from service.record.request_facts import read_request

RECORDINGS = Path(__file__).parent.parent / "recordings" / "ollama-0.17.4"
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.request"))
STARTED_NS = 1_767_722_308_000_000_000
ENDED_NS = 1_767_722_309_123_456_789


def body(data: bytes, content_type: str = "application/json", encoding: str = "") -> Body:
    """A body of which everything was kept."""
    return Body(len(data), data, b"", content_type, encoding)


def shortened(data: bytes, head: int, tail: int, content_type: str = "application/json") -> Body:
    """A body of which only both ends were kept."""
    return Body(len(data), data[:head], data[len(data) - tail :], content_type)


def exchange(
    request: Body | bytes = b"",
    response: Body | bytes = b"",
    path: str = "/api/chat",
    method: str = "POST",
    **more: Any,
) -> Exchange:
    """A completed exchange with the operation and API that the gateway's table of routes gives the path."""
    route = find_target("/api/ollama" + path).route
    opened = OpenExchange(
        id="a" * 32,
        started_ns=STARTED_NS,
        method=method,
        request_uri=more.pop("request_uri", "/api/ollama" + path),
        path=path,
        operation=route.operation if route else "",
        api=route.api if route else "",
        remote_addr="172.18.0.3",
        trace_id="b" * 32,
        span_id="c" * 16,
        user_agent=more.pop("user_agent", "axios/1.12.0"),
        caller=more.pop("caller", Caller(workflow="Factures", execution_id="231")),
        request=request if isinstance(request, Body) else body(request),
    )
    facts: dict[str, Any] = {
        "outcome": Outcome.COMPLETED,
        "ended_ns": ENDED_NS,
        "status": 200,
        "upstream_status": 200,
        "duration": 1.1234567,
        "first_byte": 0.25,
        "response": response if isinstance(response, Body) else body(response),
    }
    return Exchange(opened=opened, **(facts | more))


@cache
def recorded(name: str) -> Exchange:
    """The exchange of a recording, each chunk of the answer arriving by itself, 10 ms apart."""
    line, headers, request = _message((RECORDINGS / f"{name}.request").read_bytes())
    method, path, _ = line.split(" ")
    status_line, answer_headers, wire = _message((RECORDINGS / f"{name}.response").read_bytes())
    pieces = _chunks(wire) if answer_headers.get("transfer-encoding") == "chunked" else [wire]
    response = b"".join(pieces)
    arrivals, at = [], 0
    for number, piece in enumerate(pieces[:24]):
        arrivals.append((at, 0.25 + number / 100))
        at += len(piece)
    status = int(status_line.split(" ")[1])
    return exchange(
        body(request, headers.get("content-type", "")),
        body(response, answer_headers.get("content-type", "")),
        path,
        method,
        status=status,
        upstream_status=status,
        arrivals=tuple(arrivals),
    )


def _message(raw: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, data = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return first, headers, data


def _chunks(wire: bytes) -> list[bytes]:
    pieces = []
    while wire:
        size, _, rest = wire.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        pieces.append(rest[:length])
        wire = rest[length + 2 :]
    return pieces


def with_response(found: Exchange, data: bytes) -> Exchange:
    """The same exchange with another answer of the same type."""
    return found._replace(response=found.response._replace(head=data, length=len(data)))


def always(tokens: int | None) -> Callable[[ModelCall], int | None]:
    """Every model can be given room for so many tokens, and has it unless a call asks for less."""
    return lambda call: min(filter(None, (call.num_ctx, tokens)), default=None)


def line_of(found: Exchange, *, context_length: int | None = None, mask: bool = True) -> dict[str, Any]:
    """The exchange's line, after the checks that hold for every line."""
    record = make_record(found, context_length_of=always(context_length), mask=mask)
    return checked(record.line)


def checked(line: bytes) -> dict[str, Any]:
    """The parsed line, which is strict JSON on one line, ordered, bounded and without nulls."""
    assert len(line) <= 240_000
    assert b"\n" not in line
    said: dict[str, Any] = orjson.loads(line)
    assert said == json.loads(line, parse_constant=_not_json)
    assert None not in said.values()
    assert list(said) == [key for key in FIELD_NAMES if key in said]
    for unsafe in ("\x7f", "\x85", "\u202e", "\u2028", "\u2029", "\u2066"):
        assert unsafe.encode() not in line
    return said


def _not_json(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


def understand(found: Exchange, request: Body, response: Body) -> Generation:
    """What both (readable) bodies of an exchange mean."""
    return understand_reply(found, read_request(found.opened, request), response)
