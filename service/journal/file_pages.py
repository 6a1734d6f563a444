"""The pages of a SQLite file that may be damaged, each by itself: of the file and of its write-ahead log.

Nothing here asks SQLite, which refuses a whole file for one bad byte of its header. What the file's own structures say
(its length, its pointer map, its list of free pages) is believed where it can be, and each page is read without the
others. The forms are those of https://www.sqlite.org/fileformat2.html.
"""

import os
import struct
from pathlib import Path
from typing import Final, Self

from service.journal.schema import PAGE_SIZE
from service.journal.write_ahead_log import LoggedPages, read_at, read_log

MAGIC: Final = b"SQLite format 3\0"
HEADER_BYTES: Final = 100
# Kinds of pages in the pointer map, which a file with auto_vacuum has.
ROOT, FREE, FIRST_OVERFLOW, NEXT_OVERFLOW, IN_TREE = range(1, 6)
_ENTRY_BYTES: Final = 5
# SQLite locks bytes from here on; the page that holds them is never used.
_PENDING_BYTE: Final = 0x40000000
_PAGE_SIZES: Final = frozenset(1 << power for power in range(9, 17))


class FilePages:
    """Numbered from 1. Reads ``path`` and ``path``-wal, changes neither. Raises OSError when the file cannot be read.

    ``count`` is how many pages there can be. Of these, ``page`` gives an empty one where none could be read.
    ``has_map`` tells whether the kind of each page stands in a map. ``is_shorter``: some pages at the end are gone, or
    the log cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        header = self._read(0, HEADER_BYTES)
        log, is_log_lost = None, False
        try:
            log = read_log(path.with_name(path.name + "-wal"))
        except OSError:
            is_log_lost = True
        self.page_size = _page_size(header, log)
        self._log = log if log is not None and log.page_size == self.page_size else None
        in_file = os.fstat(self._file).st_size // self.page_size
        self.count = in_file if self._log is None else max(self._log.page_count, *self._log.offsets, 0)
        # Of a file that was cut off here, or whose first sector cannot be read, there is less.
        first = (self.page(1) or header).ljust(HEADER_BYTES, b"\0")
        says_pages, says_map = struct.unpack_from(">I", first, 28)[0], struct.unpack_from(">I", first, 52)[0]
        is_header_sound = first.startswith(MAGIC)
        self.is_shorter = is_log_lost or (is_header_sound and in_file < says_pages and self._log is None)
        # All of our files have the map; one whose header cannot be read is taken for one of ours.
        self.has_map = bool(says_map) or not is_header_sound
        self._maps: dict[int, bytes] = {}
        self._free = self._free_pages(first) if is_header_sound else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._file)
        if self._log is not None:
            self._log.close()

    def page(self, number: int) -> bytes:
        """The bytes of a page, from the log where that has it."""
        if not 0 < number <= self.count:
            return b""
        if self._log is not None and (logged := self._log.page(number)):
            return logged
        page = self._read((number - 1) * self.page_size, self.page_size)
        return page if len(page) == self.page_size else b""

    def kind(self, number: int) -> tuple[int, int]:
        """What the pointer map says of a page: (kind, parent page); kind 0 where it says nothing that can be."""
        if not self.has_map or number < 3:
            return 0, 0
        at = self._map_of(number)
        if at == number:
            return 0, 0
        if at not in self._maps:
            self._maps[at] = self.page(at)
        entry = self._maps[at][_ENTRY_BYTES * (number - at - 1) :][:_ENTRY_BYTES]
        if len(entry) < _ENTRY_BYTES:
            return 0, 0
        kind, parent = struct.unpack(">BI", entry)
        return (kind, parent) if ROOT <= kind <= IN_TREE and parent <= self.count else (0, 0)

    def is_free(self, number: int) -> bool:
        """Whether a page holds nothing but what was deleted. One flipped bit does not make a page free."""
        kind, _ = self.kind(number)
        if self._free is not None and (kind == FREE or not self.has_map):
            return number in self._free
        return kind == FREE

    def is_outside_trees(self, number: int) -> bool:
        """Whether a page is none of a table's or an index's own: a map, locked bytes, what is too long for a cell."""
        if number == _PENDING_BYTE // self.page_size + 1:
            return True
        if self.has_map and number > 1 and self._map_of(number) == number:
            return True
        return self.kind(number)[0] in (FIRST_OVERFLOW, NEXT_OVERFLOW)

    def _map_of(self, number: int) -> int:
        between = self.page_size // _ENTRY_BYTES + 1
        at = (number - 2) // between * between + 2
        return at + (at == _PENDING_BYTE // self.page_size + 1)

    def _free_pages(self, first: bytes) -> set[int] | None:
        """The pages of the list of free ones; None when it cannot be followed to its end."""
        trunk, count = struct.unpack_from(">II", first, 32)
        free: set[int] = set()
        while trunk:
            page = self.page(trunk)
            if not page or trunk in free:
                return None
            following, leaves = struct.unpack_from(">II", page)
            if leaves > self.page_size // 4 - 2:
                return None
            free.add(trunk)
            free.update(struct.unpack_from(f">{leaves}I", page, 8))
            trunk = following
        return free if len(free) == count else None

    def _read(self, start: int, size: int) -> bytes:
        return read_at(self._file, size, start)


def _page_size(header: bytes, log: LoggedPages | None) -> int:
    if header.startswith(MAGIC):
        (size,) = struct.unpack_from(">H", header, 16)
        size = 65536 if size == 1 else size
        if size in _PAGE_SIZES:
            return int(size)
    if log is not None and log.page_size in _PAGE_SIZES:
        return log.page_size
    return PAGE_SIZE
