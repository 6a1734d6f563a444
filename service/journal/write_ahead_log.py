"""A write-ahead log of SQLite, read frame by frame: a damaged frame costs itself and none behind it.

SQLite stops at the first frame whose checksum is wrong, and forgets every commit behind it. A frame's checksum goes on
from that of the frame before, and both stand in the frames' heads. So each frame can be judged by itself.
"""

import errno
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24
_BIG_ENDIAN_MAGIC: Final = 0x377F0683
_WORD: Final = 0xFFFFFFFF
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class LoggedPages:
    """The newest sound and committed version of each page: where its bytes begin in the log.

    ``page_count`` is how many pages the file has by the last commit, 0 when none is known. ``is_sound`` is False where
    frames of this log had to be passed over before its last commit.
    """

    descriptor: int
    page_size: int
    page_count: int
    offsets: dict[int, int]
    is_sound: bool

    def page(self, number: int) -> bytes:
        """Empty when the log has no version of the page."""
        start = self.offsets.get(number)
        if start is None:
            return b""
        page = read_at(self.descriptor, self.page_size, start)
        return page if len(page) == self.page_size else b""

    def close(self) -> None:
        os.close(self.descriptor)


def read_log(path: Path) -> LoggedPages | None:
    """The log at ``path``; None when there is none, or nothing in it. Raises OSError when it cannot be opened or begun.

    A frame that cannot be read counts as a damaged one.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    header = read_at(descriptor, _HEADER_BYTES, 0)
    if not header and os.fstat(descriptor).st_size:
        os.close(descriptor)
        raise OSError(errno.EIO, "the head of the write-ahead log cannot be read")
    log = None
    if len(header) == _HEADER_BYTES:
        magic, _, page_size, _, *salts, first, second = struct.unpack(">8I", header)
        if page_size in (1 << power for power in range(9, 17)):
            order = ">" if magic == _BIG_ENDIAN_MAGIC else "<"
            log = _frames(descriptor, page_size, (salts[0], salts[1]), (first, second), order)
    if log is None or not log.offsets:
        os.close(descriptor)
        return None
    return log


def _frames(
    descriptor: int, page_size: int, salts: tuple[int, int], checksum: tuple[int, int], order: str
) -> LoggedPages:
    committed: dict[int, int] = {}
    since_commit: dict[int, int] = {}
    page_count = 0
    is_sound = is_sound_so_far = True
    size = os.fstat(descriptor).st_size
    for start in range(_HEADER_BYTES, size - _FRAME_HEADER_BYTES - page_size + 1, _FRAME_HEADER_BYTES + page_size):
        # A frame that the disk does not give is one that is damaged.
        head = read_at(descriptor, _FRAME_HEADER_BYTES, start).ljust(_FRAME_HEADER_BYTES, b"\0")
        number, pages_after_commit, *frame_salts, first, second = struct.unpack(">6I", head)
        # What lies behind the last frame is of an older log: it begins anew without being emptied.
        page = read_at(descriptor, page_size, start + _FRAME_HEADER_BYTES)
        if (frame_salts[0], frame_salts[1]) == salts and len(page) == page_size:
            if checksum_of(head[:8] + page, checksum, order) == (first, second):
                since_commit[number] = start + _FRAME_HEADER_BYTES
                if pages_after_commit:
                    committed |= since_commit
                    since_commit, page_count, is_sound = {}, pages_after_commit, is_sound_so_far
            else:
                is_sound_so_far = False
            checksum = first, second
        else:
            is_sound_so_far = False
    return LoggedPages(descriptor, page_size, page_count, committed, is_sound)


def read_at(descriptor: int, size: int, start: int) -> bytes:
    """Up to ``size`` bytes of a file, fewer at its end; none where the disk does not give them."""
    for _ in range(_TRIES):
        try:
            return os.pread(descriptor, size, start)
        except OSError:
            # A disk or a cable that is going bad fails now and then; a sector that is bad always does.
            continue
    return b""


def checksum_of(content: bytes, begin: tuple[int, int], order: str) -> tuple[int, int]:
    """SQLite's checksum of ``content`` (a multiple of 8 bytes), going on from ``begin``; ``order`` is "<" or ">"."""
    first, second = begin
    words = struct.unpack(f"{order}{len(content) // 4}I", content)
    for index in range(0, len(words), 2):
        first = (first + words[index] + second) & _WORD
        second = (second + words[index + 1] + first) & _WORD
    return first, second
