"""A request's head, read by a grammar that lets pass only what every reader takes for the same (RFC 9112).

What it does not know may still be meant well. It is not read at all then: aiohttp's parser finds the words for it.
"""

import re
from http import HTTPMethod
from typing import Final, NamedTuple

from multidict import CIMultiDict, MultiMapping

LONGEST_LINE: Final = 64 * 1024
MOST_FIELDS: Final = 128
# Those of WebDAV are refused by name, and their records say so.
_METHODS: Final = frozenset(HTTPMethod) - {"CONNECT"} | frozenset(
    ("COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "QUERY", "REPORT", "SEARCH", "UNLOCK")
)
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*"
_HEAD = re.compile(rb"([A-Z]+) ([\x21-\x7e]+) HTTP/1\.([01])\r\n((?:" + _TOKEN + rb":" + _VALUE + rb"\r\n)+)\r\n")
# Possessive: what cannot match must not be tried in every way.
_BEGINNING = re.compile(rb"\r|[A-Z]{1,9}(?: (?:[\t\x20-\x7e\x80-\xff]++|\r\n)*+\r?)?")
# Twice the same would not be the same for everybody.
_ONLY_ONCE: Final = ("Host", "Content-Length", "Transfer-Encoding", "Content-Type", "User-Agent", "Content-Encoding")
_KNOWN_LENGTH = re.compile(r"[0-9]{1,18}")


class RequestHead(NamedTuple):
    """``minor``: of HTTP/1.x. ``target``: as the client sent it. ``length``: of the body, None: chunked.

    ``keeps_alive``: the client would like to go on with this connection.
    """

    method: str
    target: str
    minor: int
    headers: MultiMapping[str]
    length: int | None
    keeps_alive: bool

    @property
    def wants_invitation(self) -> bool:
        return self.headers.get("Expect", "").lower() == "100-continue"


def could_be_head(beginning: bytes) -> bool:
    """Whether these bytes, without an empty line, can be the beginning of a head."""
    return _BEGINNING.fullmatch(beginning) is not None


def read_head(head: bytes) -> RequestHead | None:
    """Read a head that ends with its empty line; None where anything about it is unusual."""
    matched = _HEAD.fullmatch(head)
    if matched is None:
        return None
    word, target, minor, block = matched.groups()
    method = word.decode()
    lines = block.decode("utf-8", "surrogateescape").split("\r\n")
    lines.pop()
    if method not in _METHODS or len(lines) > MOST_FIELDS or (len(head) > LONGEST_LINE and _has_long_line(head)):
        return None
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, _, value = line.partition(":")
        headers.add(name, value.strip(" \t"))
    is_1_1 = minor == b"1"
    if is_1_1 and "Host" not in headers:
        return None
    length = _body_length(headers, is_1_1)
    if length == _UNCLEAR or not _says_once(headers) or "Sec-WebSocket-Key1" in headers:
        return None
    return RequestHead(
        method, target.decode(), int(is_1_1), headers, None if length == _CHUNKED else length, _stays(headers, is_1_1)
    )


_CHUNKED: Final = -1
_UNCLEAR: Final = -2


def _body_length(headers: MultiMapping[str], is_1_1: bool) -> int:
    declared, coding = headers.get("Content-Length"), headers.get("Transfer-Encoding")
    if coding is not None:
        return _CHUNKED if coding.lower() == "chunked" and declared is None and is_1_1 else _UNCLEAR
    if declared is None:
        return 0
    return int(declared) if _KNOWN_LENGTH.fullmatch(declared) else _UNCLEAR


def _says_once(headers: MultiMapping[str]) -> bool:
    return len(headers) == len(headers.keys()) or all(len(headers.getall(name, ())) < 2 for name in _ONLY_ONCE)


def _stays(headers: MultiMapping[str], is_1_1: bool) -> bool:
    if "Upgrade" in headers:
        # What follows an offer of another protocol is read by some in that one.
        return False
    named = headers.getall("Connection", ())
    if not named:
        return is_1_1
    words = {word.strip().lower() for line in named for word in line.split(",")}
    return "close" not in words and (is_1_1 or "keep-alive" in words)


def _has_long_line(head: bytes) -> bool:
    return max(map(len, head.split(b"\r\n"))) > LONGEST_LINE
