"""Every way of saying how long a body is, well-formed or not, and what RFC 9112 (sections 6 and 7) makes of it."""

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from tests.hostile.attacked import CHAT, post

LENGTHS: tuple[bytes, ...] = (
    *(b"16", b"016", b"0", b"15", b"+16", b"-16", b"0x10", b"1e1", b"16.0", b"16 16", b"16,16", b"16, 0", b"1 6"),
    *(b"16;a", b"16\x00", b"16\x0b", b"16\x0c", b"\xa016", b"", b" ", b"9" * 25, "１６".encode(), b"16\x85", b"a"),
)
CODINGS: tuple[bytes, ...] = (
    *(
        b"chunked",
        b"Chunked",
        b"CHUNKED",
        b"xchunked",
        b"chunkedx",
        b"chunke",
        b"chunked;a=b",
        b'"chunked"',
        b"'chunked'",
    ),
    *(b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"identity", b"identity, chunked", b"chunked identity"),
    *(b"\x0bchunked", b"chunked\x0b", b"\x0cchunked", b"chunked\x00", b"\x00chunked", b"chu\x00nked", b"\xa0chunked"),
    *(b"chun ked", b"", b" ", b"cow", b"chunked\x85", b"chunked,,", b",chunked", b"chunked;", b"gzip", b"deflate"),
)
NAMES: tuple[bytes, ...] = (
    *(
        b"%s: ",
        b"%s:",
        b"%s:\t",
        b"%s :",
        b"%s\t:",
        b" %s: ",
        b"\t%s: ",
        b"X%s: ",
        b"%s\x00: ",
        b"%s\x0b: ",
        b"%s\xa0: ",
    ),
    *(b"X: y\r%s: ", b"X: y\n%s: ", b"X: y\r\r\n%s: ", b"X: y\x00%s: ", b"X: y\r\n\t%s: ", b"%s;: ", b'"%s": '),
)
CHUNKS: dict[str, tuple[bytes, bytes | None]] = {
    # What is sent after ``Transfer-Encoding: chunked``, and the body that it is; None: it is none.
    "one": (b"10\r\n%s\r\n0\r\n\r\n" % CHAT, CHAT),
    "two": (b"1\r\n{\r\nF\r\n%s\r\n0\r\n\r\n" % CHAT[1:], CHAT),
    "zeros before a size": (b"0000000010\r\n%s\r\n0\r\n\r\n" % CHAT, CHAT),
    "several zeros at the end": (b"10\r\n%s\r\n000\r\n\r\n" % CHAT, CHAT),
    "an extension": (b"10;a=b\r\n%s\r\n0\r\n\r\n" % CHAT, CHAT),
    "a trailer": (b"10\r\n%s\r\n0\r\nX-A: b\r\n\r\n" % CHAT, CHAT),
    "no size": (b"\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a size with 0x": (b"0x10\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a plus": (b"+10\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a minus": (b"-10\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "an underscore": (b"1_0\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a space before the size": (b" 10\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a NUL after the size": (b"10\x00\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "no hexadecimal": (b"1g\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a size beyond all numbers": (b"f" * 33 + b"\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a size that wraps around to sixteen": (b"10000000000000010\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a line feed alone after the size": (b"10\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a carriage return alone after the size": (b"10\r%s\r\n0\r\n\r\n" % CHAT, None),
    "a line feed within an extension": (b"10;a\nb\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "a chunk without its line end": (b"10\r\n%s0\r\n\r\n" % CHAT, None),
    "another line end after a chunk": (b"10\r\n%sxx0\r\n\r\n" % CHAT, None),
    "a line feed alone after a chunk": (b"10\r\n%s\n0\r\n\r\n" % CHAT, None),
    "a chunk that is longer": (b"8\r\n%s\r\n0\r\n\r\n" % CHAT, None),
    "line feeds alone at the end": (b"10\r\n%s\r\n0\n\n" % CHAT, None),
}


class Framing(NamedTuple):
    """One request: its head's lines, what follows the head, and the body that it has; None: it must be refused.

    ``is_open``: both are right, as the grammar leaves room.
    """

    lines: tuple[bytes, ...]
    body: bytes
    meaning: bytes | None
    version: bytes = b"HTTP/1.1"
    is_open: bool = False

    def request(self, number: int) -> bytes:
        """Its bytes; ``number`` tells it apart in what Ollama got."""
        return post(*self.lines, body=self.body, path=b"/api/chat?case=%d" % number, version=self.version)


def framings() -> Iterator[tuple[str, Framing]]:
    """All of them, each with its name. Chunked ones have a body in one chunk."""
    whole = CHUNKS["one"][0]
    for length in LENGTHS:
        yield f"length {length!r}", Framing((b"Content-Length: " + length,), CHAT, _by_length(length))
    for coding in CODINGS:
        # An empty element of a list is to be passed over, and may be refused.
        is_open = coding in (b"chunked,,", b",chunked")
        meaning = CHAT if is_open or coding.lower() == b"chunked" else None
        yield f"coding {coding!r}", Framing((b"Transfer-Encoding: " + coding,), whole, meaning, is_open=is_open)
        yield f"coding {coding!r} in 1.0", Framing((b"Transfer-Encoding: " + coding,), whole, None, b"HTTP/1.0")
    for length, coding in product((b"16", b"0", b"31"), CODINGS):
        lines = b"Content-Length: " + length, b"Transfer-Encoding: " + coding
        yield f"{lines!r}", Framing(lines, whole, None)
        yield f"{lines[::-1]!r}", Framing(lines[::-1], whole, None)
    for first, second in product((b"16", b"0", b"016"), repeat=2):
        yield (
            f"lengths {first!r} and {second!r}",
            Framing((b"Content-Length: " + first, b"content-length: " + second), CHAT, None),
        )
    for name in NAMES:
        is_well = name in (b"%s: ", b"%s:", b"%s:\t")
        chunked, length = name % b"Transfer-Encoding" + b"chunked", name % b"Content-Length" + b"0"
        other = b"X%s" in name or b"X: y\x00" in name
        if not other:
            yield f"{chunked!r} beside a length", Framing((chunked, b"Content-Length: 16"), whole, None)
            yield f"{length!r} beside chunks", Framing((length, b"Transfer-Encoding: chunked"), whole, None)
        if is_well:
            yield f"{chunked!r} alone", Framing((chunked,), whole, CHAT)
    for named, (sent, meaning) in CHUNKS.items():
        yield f"chunks: {named}", Framing((b"Transfer-Encoding: chunked",), sent, meaning)


def _by_length(value: bytes) -> bytes | None:
    written = value.strip(b" \t")
    return CHAT[: int(written)] if re.fullmatch(rb"[0-9]{1,18}", written) else None
