"""Which headers pass, in each direction: all that are not about one hop only.

Headers stay the bytes that came. Those that pass are lines, ready to be sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from multidict import MultiMapping

RawHeaders = Sequence[tuple[bytes, bytes]]

# RFC 9110 section 7.6.1, and the older Proxy-Connection that some clients still send.
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Host: Ollama bound to loopback refuses names it does not know. Content-Length: framing is made
# anew. Expect: we answer it. Origin: we answer browsers ourselves. Traceparent: ours goes on.
# X-Replay-Of: for our record only.
_NOT_TO_OLLAMA = frozenset(name.decode() for name in _HOP_BY_HOP) | {
    *("host", "content-length", "expect", "origin", "traceparent", "x-replay-of")
}
_NOR_KEYS = _NOT_TO_OLLAMA | {"authorization", "x-api-key"}
# Two Access-Control-Allow-Origin headers make browsers refuse an answer.
_NOT_TO_CLIENT = _HOP_BY_HOP | {
    b"access-control-allow-origin",
    b"access-control-allow-headers",
    b"access-control-allow-methods",
    b"access-control-allow-credentials",
    b"access-control-expose-headers",
    b"access-control-max-age",
    b"content-length",
}


def header(headers: RawHeaders, lower_name: bytes) -> str:
    """The value of the first header of this name; empty when there is none."""
    for name, value in headers:
        if name.lower() == lower_name:
            return value.decode("latin-1").strip()
    return ""


def _named_by_connection(headers: RawHeaders) -> frozenset[bytes]:
    """The headers that ``Connection`` declares to be about this hop."""
    named = b",".join([value for name, value in headers if name.lower() == b"connection"]).lower()
    if named in (b"", b"keep-alive", b"close"):
        return frozenset()
    return frozenset(name.strip() for name in named.split(b","))


def towards_ollama(headers: MultiMapping[str], keys_are_ours: bool) -> bytes:
    """The request's header lines for Ollama, in one piece. With our own API keys the client's credential stops here."""
    left_out = _NOR_KEYS if keys_are_ours else _NOT_TO_OLLAMA
    named = headers.getall("Connection", ())
    if named and (len(named) > 1 or named[0].lower() not in ("keep-alive", "close")):
        left_out |= {name.strip().lower() for line in named for name in line.split(",")}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() not in left_out]
    return "".join(lines).encode("utf-8", "surrogateescape")


# Not frozen, which takes longer to make; nobody sets a field later. A named tuple takes longer to make and to read.
@dataclass(slots=True)
class AnswerHead:
    """``lines`` are for the client, without framing."""

    lines: list[bytes]
    content_type: str
    content_encoding: str


def towards_client(headers: RawHeaders) -> AnswerHead:
    """What of the answer's headers the client gets, and what they say of the body."""
    places = _places(tuple([name for name, _ in headers]))
    passing = places.passing
    if places.names_others and (named := _named_by_connection(headers)):
        passing = tuple(at for at in passing if headers[at][0].lower() not in named)
    lines = [headers[at][0] + b": " + headers[at][1] + b"\r\n" for at in passing]
    kind, encoding = places.kind, places.encoding
    return AnswerHead(lines, _first(headers, kind) if kind else "", _first(headers, encoding) if encoding else "")


class _Places(NamedTuple):
    """Where among the headers of an answer those stand that pass, and those about the body: its type and encoding.

    ``names_others``: one of them says which others are about this hop.
    """

    passing: tuple[int, ...]
    kind: tuple[int, ...]
    encoding: tuple[int, ...]
    names_others: bool


# Ollama sends the same headers with each answer of a kind.
@lru_cache(maxsize=32)
def _places(names: tuple[bytes, ...]) -> _Places:
    lower = [name.lower() for name in names]
    passing = tuple(at for at, name in enumerate(lower) if name not in _NOT_TO_CLIENT)
    kind = tuple(at for at, name in enumerate(lower) if name == b"content-type")
    encoding = tuple(at for at, name in enumerate(lower) if name == b"content-encoding")
    return _Places(passing, kind, encoding, b"connection" in lower)


def _first(headers: RawHeaders, places: tuple[int, ...]) -> str:
    """The first of these that has a value."""
    value = headers[places[0]][1]
    if not value and len(places) > 1:
        return _first(headers, places[1:])
    return value.decode("latin-1").strip()
