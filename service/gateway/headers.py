"""Which headers pass, in each direction: all that are not about one hop only.

Headers stay the bytes that came. Those that pass are lines, ready to be sent.
"""

from collections.abc import Sequence
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


class AnswerHead(NamedTuple):
    """``lines`` are for the client, without framing."""

    lines: list[bytes]
    content_type: str
    content_encoding: str


def towards_client(headers: RawHeaders) -> AnswerHead:
    """What of the answer's headers the client gets, and what they say of the body."""
    lines, left_out, content_type, content_encoding = [], _NOT_TO_CLIENT, b"", b""
    lower_names = [name.lower() for name, _ in headers]
    if b"connection" in lower_names and (named := _named_by_connection(headers)):
        left_out |= named
    for lower, pair in zip(lower_names, headers, strict=True):
        if lower == b"content-type":
            content_type = content_type or pair[1]
        elif lower == b"content-encoding":
            content_encoding = content_encoding or pair[1]
        if lower not in left_out:
            lines.append(b"%b: %b\r\n" % pair)
    return AnswerHead(lines, content_type.decode("latin-1").strip(), content_encoding.decode("latin-1").strip())
