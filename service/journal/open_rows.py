"""The row of an exchange while it is still being answered, and the record that a crash makes of it."""

import json
from typing import Any, Final

from service.json_writing import write_json
from service.record.exchange import Body, Caller, Exchange, OpenExchange, Outcome

OpenRow = tuple[str, str | bytes, bytes, bytes]
READ_OPEN: Final = (
    "SELECT CAST(id AS TEXT), CAST(facts AS BLOB), CAST(head AS BLOB), CAST(tail AS BLOB) FROM open_exchange"
)
"""Reads rows, each value of its kind, also where one damaged bit has made another of it. Facts come as bytes: damaged
ones need not be UTF-8."""

# An exchange of which as little is known as can be, and one of which all is: their values have the kinds of all others.
_LEAST: Final = OpenExchange("", 0, "", "", "", "", "", "", "", "")
_MOST: Final = _LEAST._replace(
    parent_span_id="",
    user_agent="",
    caller=Caller("", "", "", "", "", ""),
    replay_of="",
    key_name="",
    item=0,
    attempt=0,
)
# SQLite holds no larger numbers.
_TOO_LARGE: Final = 1 << 63
_DIED = "the recorder died while this exchange was going on"


def encode_open(opened: OpenExchange) -> OpenRow:
    """The row of table ``open_exchange``: (id, facts as JSON, head, tail)."""
    body = opened.request
    facts = opened._asdict()
    facts["caller"] = opened.caller._asdict()
    facts["request"] = body._asdict()
    # Bodies are blobs of their own, so that JSON need not carry bytes.
    del facts["request"]["head"], facts["request"]["tail"]
    try:
        text = write_json(facts).decode()
    except TypeError:
        # Header bytes that are no UTF-8 travel as lone surrogates: orjson refuses them, the standard library escapes.
        text = json.dumps(facts)
    return opened.id, text, body.head, body.tail


def row_bytes(row: OpenRow) -> int:
    _, facts, head, tail = row
    return len(facts) + len(head) + len(tail)


def row_without_body(row: OpenRow) -> OpenRow:
    """The same facts without the copy of the request; its length stays, so that something is seen to be missing."""
    identifier, facts, _, _ = row
    return identifier, facts, b"", b""


def decode_open(row: OpenRow) -> OpenExchange:
    """The opposite. Never raises: of a row that cannot be understood, its id and its bytes are kept."""
    identifier, facts, head, tail = row
    try:
        known: dict[str, Any] = json.loads(facts)
        # A newer version may have written more fields than this one knows.
        caller = Caller(**_fields_of(Caller, known.get("caller", {})))
        body = Body(**_fields_of(Body, known.get("request", {})) | {"head": head, "tail": tail})
        opened = OpenExchange(**_fields_of(OpenExchange, known) | {"caller": caller, "request": body})
        _check(opened)
        return opened
    except (ValueError, TypeError, AttributeError, RecursionError):
        body = Body(length=len(head) + len(tail), head=head, tail=tail)
        return OpenExchange(
            id=identifier,
            started_ns=0,
            method="",
            request_uri="",
            path="",
            operation="",
            api="",
            remote_addr="",
            trace_id=identifier,
            span_id=identifier[:16],
            request=body,
        )


def _check(opened: OpenExchange) -> None:
    """Raise TypeError where a value is none of its field's: whoever makes a record of it takes them as they are."""
    for values, least, most in (
        (opened, _LEAST, _MOST),
        (opened.caller, _LEAST.caller, _MOST.caller),
        (opened.request, _LEAST.request, _MOST.request),
    ):
        for value, *alike in zip(values, least, most, strict=True):
            if type(value) not in map(type, alike) or (isinstance(value, int) and not 0 <= value < _TOO_LARGE):
                raise TypeError("it holds values of other kinds")


def _fields_of(kind: type[OpenExchange | Caller | Body], values: dict[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in kind._fields if name in values}


def died(opened: OpenExchange, newest_ended_ns: int) -> Exchange:
    """The exchange that ``opened`` became by a crash. It ended at the journal's last sign of life.

    Nobody knows when the process died, so there is no duration. The last sign of life keeps the entry's time
    near those before it: Loki refuses what is over an hour behind its stream's newest entry.
    """
    return Exchange(
        opened=opened,
        outcome=Outcome.GATEWAY_DIED,
        ended_ns=max(opened.started_ns, newest_ended_ns),
        error=_DIED,
    )
