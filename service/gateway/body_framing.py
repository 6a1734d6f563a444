"""Where a body ends: after its declared length, or after its last chunk (RFC 9112 section 7.1)."""

import re
from typing import Final

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n")
_LONGEST_LINE: Final = 4096
_MOST_TRAILERS: Final = 64


class LengthFraming:
    """The end of a body whose length was declared."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    @property
    def is_whole(self) -> bool:
        return self._left == 0

    def take(self, data: bytes) -> tuple[bytes, int]:
        """The bytes of the body that ``data`` begins with, and how many bytes of ``data`` they are."""
        if len(data) > self._left:
            data = data[: self._left]
        self._left -= len(data)
        return data, len(data)


class ChunkedFraming:
    """The end of a chunked body. Trailers are read and dropped."""

    __slots__ = ("_left", "_line", "_trailers", "is_whole")

    def __init__(self) -> None:
        self.is_whole = False
        # Of this chunk: bytes still to come, with the two that end it. 0: a size line is next.
        self._left = 0
        self._line = b""
        # How many came; -1 before the last chunk.
        self._trailers = -1

    def take(self, data: bytes) -> tuple[bytes, int]:
        """The bytes of the body that ``data`` holds, and how many bytes of ``data`` were read for that.

        Raises ValueError where it is not chunked as it has to be.
        """
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self.is_whole:
            at = self._take_chunk(data, at, pieces) if self._left else self._take_line(data, at)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), at

    def _take_chunk(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        taken = min(self._left, len(data) - at)
        of_body = min(taken, max(0, self._left - 2))
        if of_body:
            pieces.append(data[at : at + of_body])
        end = data[at + of_body : at + taken]
        if end and end != b"\r\n"[2 - self._left + of_body :][: len(end)]:
            raise ValueError("a chunk is longer than its size")
        self._left -= taken
        return at + taken

    def _take_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at) + 1
        line = self._line + data[at : end or len(data)]
        if len(line) > _LONGEST_LINE:
            raise ValueError("a line between chunks is too long")
        if not end:
            self._line = line
            return len(data)
        self._line = b""
        if self._trailers < 0:
            self._begin_chunk(line)
        elif line == b"\r\n":
            self.is_whole = True
        else:
            self._trailers += 1
            if not _TRAILER.fullmatch(line) or self._trailers > _MOST_TRAILERS:
                raise ValueError("a trailer is malformed")
        return end

    def _begin_chunk(self, line: bytes) -> None:
        matched = _SIZE_LINE.fullmatch(line)
        if matched is None:
            raise ValueError("the size of a chunk is malformed")
        size = int(matched[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailers = 0
