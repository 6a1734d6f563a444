"""Which headers pass, in each direction: all that are not about one hop only.

Headers stay the bytes that came. Those that pass are lines, ready to be sent.
"""

from collections.abc import Iterable

from multidict import MultiMapping

RawHeaders = Iterable[tuple[bytes, bytes]]

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


def towards_ollama(headers: MultiMapping[str], traceparent: str, keys_are_ours: bool) -> list[bytes]:
    """The request's header lines for Ollama, in one piece. With our own API keys the client's credential stops here."""
    left_out = _NOR_KEYS if keys_are_ours else _NOT_TO_OLLAMA
    named = headers.getall("Connection", ())
    if named and (len(named) > 1 or named[0].lower() not in ("keep-alive", "close")):
        left_out |= {name.strip().lower() for line in named for name in line.split(",")}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() not in left_out]
    lines.append(f"traceparent: {traceparent}\r\n")
    return ["".join(lines).encode("utf-8", "surrogateescape")]


def towards_client(headers: RawHeaders) -> list[bytes]:
    """The answer's header lines for the client, without framing."""
    left_out = _NOT_TO_CLIENT
    if named := _named_by_connection(headers):
        left_out |= named
    return [b"%b: %b\r\n" % pair for pair in headers if pair[0].lower() not in left_out]
