"""A request's head, read by a grammar that lets pass only what every reader takes for the same (RFC 9112).

What it does not know may still be meant well. It is not read at all then: aiohttp's parser finds the words for it.
"""

import re
from http import HTTPMethod
from typing import Final

from multidict import CIMultiDict, MultiMapping

from service.gateway.routes import is_gateway_path, path_of_absolute_form

# As nginx/proxy.conf.template, for the address and for each field, of which four may be as long as that.
LONGEST_LINE: Final = 64 * 1024
_LONGEST_HEAD: Final = 4 * LONGEST_LINE
_OFTEN_LOOKED_AT: Final = 2048
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
_ONLY_ONCE: Final = (
    *("Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Content-Encoding", "Content-Location"),
    *("Content-Range", "ETag", "Max-Forwards", "Server", "User-Agent"),
)
# Where a head that is otherwise the same may differ.
_LENGTH_LINE = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([0-9]{1,18})\r\n")
_KNOWN_LENGTH = re.compile(r"[0-9]{1,18}")


class RequestHead:
    """``minor``: of HTTP/1.x. ``target``: as the client sent it. ``keeps_alive``: the client would like to go on.

    ``path`` and ``query`` are those of the target; of a form that nobody answers they are empty.
    ``admitted``: what the gateway found out about it, so that a head that comes again is not asked again.
    """

    def __init__(self, method: str, target: str, minor: int, headers: MultiMapping[str], keeps_alive: bool) -> None:
        self.method = method
        self.target = target
        self.minor = minor
        own = target if target[:1] == "/" else path_of_absolute_form(target, headers.get("Host"))
        self.path, _, self.query = (own or "").partition("?")
        self.is_for_gateway = is_gateway_path(self.path)
        self.headers = headers
        self.keeps_alive = keeps_alive
        self.wants_invitation = headers.get("Expect", "").lower() == "100-continue"
        self.admitted: object | None = None


class HeadReader:
    """Reads the heads of one connection. Who asks again asks alike: only a head that is new is looked at closely."""

    __slots__ = ("_all_but_length", "_head", "_length", "_look_again_at", "_searched")

    def __init__(self) -> None:
        self._all_but_length = (b"", b"")
        self._head: RequestHead | None = None
        self._length: int | None = 0
        self._searched = 0
        self._look_again_at = 0

    def find_end(self, received: bytes) -> int | None:
        """Where the head ends that these bytes begin with: 0 where they are none, None where it is still to come."""
        end = received.find(b"\r\n\r\n", self._searched) + 4
        size = len(received)
        self._searched = max(0, size - 3)
        if end < 4:
            # Who sends byte by byte would have all of it looked at again for each.
            if size < self._look_again_at:
                return None
            self._look_again_at = 2 * size if size > _OFTEN_LOOKED_AT else 0
            if could_be_head(received):
                return None
        self._searched = self._look_again_at = 0
        return end if end >= 4 else 0

    def read(self, head: bytes) -> tuple[RequestHead, int | None] | None:
        """A head that ends with its empty line, and the length of its body (None: it is chunked).

        None where anything about it is unusual.
        """
        declared = _LENGTH_LINE.search(head)
        # The two kinds are told apart, as a head without the number of its length could be sent as such.
        key = (head, b"") if declared is None else (head[: declared.start(1)], head[declared.end(1) :])
        if self._head is None or key != self._all_but_length:
            read = read_head(head)
            if read is None:
                return None
            self._all_but_length = key
            self._head, self._length = read
        return self._head, self._length if declared is None else int(declared[1])


def could_be_head(beginning: bytes) -> bool:
    """Whether these bytes, without an empty line, can be the beginning of a head."""
    return len(beginning) <= _LONGEST_HEAD and _BEGINNING.fullmatch(beginning) is not None


def read_head(head: bytes) -> tuple[RequestHead, int | None] | None:
    """As ``HeadReader``, of a head alone."""
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
    read = RequestHead(method, target.decode(), int(is_1_1), headers, _stays(headers, is_1_1))
    return read, None if length == _CHUNKED else length


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
    # What stands around an address, and between a name and its value, does not count.
    return max(map(len, head.split(b"\r\n"))) > LONGEST_LINE + len("OPTIONS  HTTP/1.1")
