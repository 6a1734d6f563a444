"""The rows in one page of a SQLite file, read without the tree above it, and past cells that cannot be read."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from service.journal.file_pages import FIRST_OVERFLOW, HEADER_BYTES, NEXT_OVERFLOW, FilePages

_INDEX_INTERIOR: Final = 2
_TABLE_INTERIOR: Final = 5
_INDEX_LEAF: Final = 10
_TABLE_LEAF: Final = 13
# Far above what a row can have: both bodies and the line.
_LARGEST_ROW: Final = 1 << 30
_INTEGER_BYTES: Final = (0, 1, 2, 3, 4, 6, 8)


class _Missing:
    """The value of a column whose bytes could not be read."""


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True)
class LeafRow:
    """``number`` is the row's id in a table, 0 in a tree without such ids. Of ``values`` some may be MISSING."""

    number: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class LeafPage:
    """What could be read of a page; ``unread`` counts cells of which nothing could, or is 1 for a page of no kind."""

    rows: tuple[LeafRow, ...]
    unread: int


def read_leaf(pages: FilePages, number: int) -> LeafPage:
    """The rows that lie in page ``number``. Never raises for what is in it."""
    page = pages.page(number)
    start = HEADER_BYTES if number == 1 else 0
    if len(page) < start + 12:
        return LeafPage((), 1)
    kind, _, cells = struct.unpack_from(">BHH", page, start)
    if kind == _TABLE_INTERIOR:
        return LeafPage((), 0)
    if kind not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR):
        # Without a map it may well be a page of what is too long for a cell.
        return LeafPage((), int(pages.has_map))
    pointers = start + (12 if kind == _INDEX_INTERIOR else 8)
    if pointers + 2 * cells > len(page):
        return LeafPage((), 1)
    rows, unread = [], 0
    for at in struct.unpack_from(f">{cells}H", page, pointers):
        # A pointer into the list of pointers itself points at no cell.
        row = _read_cell(pages, number, page, at, kind) if at >= pointers + 2 * cells else None
        if row is None:
            unread += 1
        else:
            rows.append(row)
    return LeafPage(tuple(rows), unread)


def _read_cell(pages: FilePages, number: int, page: bytes, at: int, kind: int) -> LeafRow | None:
    try:
        if kind == _INDEX_INTERIOR:
            at += 4
        size, at = _varint(page, at)
        row_id = 0
        if kind == _TABLE_LEAF:
            row_id, at = _varint(page, at)
        if not 0 < size <= _LARGEST_ROW:
            return None
        local = _local_bytes(size, len(page), kind)
        payload = page[at : at + local]
        if len(payload) < local:
            return None
        if local < size:
            (following,) = struct.unpack_from(">I", page, at + local)
            payload += b"".join(_overflow(pages, number, following, size - local))
        values = _values(payload, size)
    except (IndexError, struct.error, ValueError):
        return None
    return LeafRow(row_id, values)


def _local_bytes(size: int, usable: int, kind: int) -> int:
    """How many bytes of a payload lie in the page itself."""
    most = usable - 35 if kind == _TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    return local if local <= most else least


def _overflow(pages: FilePages, parent: int, number: int, size: int) -> Iterator[bytes]:
    """The bytes behind a cell, page by page, up to the first that is not what it should be."""
    wanted = FIRST_OVERFLOW
    for _ in range(size // (pages.page_size - 4) + 1):
        page = pages.page(number)
        kind = pages.kind(number)
        if not page or (kind[0] and kind != (wanted, parent)):
            return
        (following,) = struct.unpack_from(">I", page)
        part = page[4 : 4 + size]
        size -= len(part)
        # Noise shows in what follows: nothing behind the last page, a page behind every other.
        if bool(size) != bool(following) or following > pages.count:
            return
        behind = pages.kind(following) if following else (0, 0)
        if behind[0] and behind != (NEXT_OVERFLOW, number):
            return
        yield part
        if not size:
            return
        parent, number, wanted = number, following, NEXT_OVERFLOW


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = content[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    value = value << 8 | content[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


def _values(payload: bytes, size: int) -> tuple[Any, ...]:
    """Raises ValueError and IndexError when the head of the row makes no sense."""
    end_of_head, at = _varint(payload, 0)
    if not 0 < end_of_head <= size:
        raise ValueError("the head of a row is longer than the row")
    kinds = []
    while at < end_of_head:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    if at != end_of_head or at + sum(map(_bytes_of, kinds)) != size:
        raise ValueError("a row has another length than its columns")
    values: list[Any] = []
    for kind in kinds:
        length = _bytes_of(kind)
        values.append(_value(kind, payload[at : at + length]) if at + length <= len(payload) else MISSING)
        at += length
    return tuple(values)


def _bytes_of(kind: int) -> int:
    if kind < 0 or kind in (10, 11):
        raise ValueError("a column is of a kind that no file has")
    if kind >= 12:
        return (kind - 12) // 2
    return _INTEGER_BYTES[kind] if kind < len(_INTEGER_BYTES) else 8 if kind == 7 else 0


def _value(kind: int, content: bytes) -> Any:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind == 7:
        return struct.unpack(">d", content)[0]
    if kind < 7:
        return int.from_bytes(content, "big", signed=True)
    if kind % 2 == 0:
        return content
    try:
        return content.decode()
    except UnicodeDecodeError:
        return MISSING
