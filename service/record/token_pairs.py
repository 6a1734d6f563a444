"""The pairs of tokens that become one, in their order, and the joining of a word."""

import heapq
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from itertools import pairwise
from typing import Final, NamedTuple

# A pair is looked up as one number: the first id above the bits of the second one.
_BITS: Final = 21
_MOST: Final = (1 << _BITS) - 1
_NEVER: Final = 1 << 62
# Up to here looking through all pairs of a word for the best one is the fastest way.
_LONG_WORD: Final = 200


class PairRow(NamedTuple):
    """``first`` and ``second`` become ``joined``, before all pairs with a higher ``rank``. All are ids."""

    first: int
    second: int
    rank: int
    joined: int


class TokenPairs:
    """Sorted arrays, as a dict of so many pairs would take ten times the memory."""

    def __init__(self, keys: "array[int]", ranks: "array[int]", joined: "array[int]") -> None:
        self._keys, self._ranks, self._joined = keys, ranks, joined

    def __len__(self) -> int:
        return len(self._keys)

    @classmethod
    def of(cls, rows: Iterable[PairRow]) -> "TokenPairs":
        """Of two rows with the same pair the one of the lower rank counts."""
        # A row as one number takes a fifth of the memory.
        sorted_rows = sorted(
            ((first << _BITS | second) << _BITS | rank) << _BITS | joined for first, second, rank, joined in rows
        )
        keys, ranks, joined_ids = array("Q"), array("I"), array("I")
        for row in sorted_rows:
            key = row >> 2 * _BITS
            if not keys or keys[-1] != key:
                keys.append(key)
                ranks.append(row >> _BITS & _MOST)
                joined_ids.append(row & _MOST)
        return cls(keys, ranks, joined_ids)

    def join(self, ids: list[int]) -> list[int]:
        """``ids`` with its pairs joined, the lowest rank first and of equal ones the leftmost. -1: never joined."""
        if len(ids) < 2:
            return ids
        if len(ids) > _LONG_WORD:
            return self._join_long(ids)
        found = [self._find(first, second) for first, second in pairwise(ids)]
        ranks = [rank for rank, _ in found]
        joined = [both for _, both in found]
        ids = [*ids]
        while ranks and (lowest := min(ranks)) != _NEVER:
            at = ranks.index(lowest)
            ids[at] = joined[at]
            del ids[at + 1], ranks[at], joined[at]
            if at < len(ranks):
                ranks[at], joined[at] = self._find(ids[at], ids[at + 1])
            if at:
                ranks[at - 1], joined[at - 1] = self._find(ids[at - 1], ids[at])
        return ids

    def _join_long(self, ids: list[int]) -> list[int]:
        count = len(ids)
        ids, before, after = [*ids], [*range(-1, count - 1)], [*range(1, count + 1)]
        waiting: list[tuple[int, int, int, int, int]] = []

        def note(left: int, right: int) -> None:
            rank, both = self._find(ids[left], ids[right])
            if rank != _NEVER:
                heapq.heappush(waiting, (rank, left, ids[left], ids[right], both))

        for at in range(count - 1):
            note(at, at + 1)
        gone = bytearray(count)
        while waiting:
            _, left, first, second, both = heapq.heappop(waiting)
            right = after[left]
            if gone[left] or right >= count or ids[left] != first or ids[right] != second:
                continue
            ids[left], gone[right], after[left] = both, 1, after[right]
            if after[right] < count:
                before[after[right]] = left
                note(left, after[left])
            if before[left] >= 0:
                note(before[left], left)
        return [identifier for identifier, is_gone in zip(ids, gone, strict=True) if not is_gone]

    def has(self, first: int, second: int) -> bool:
        """Whether the two ids are a pair."""
        return self._find(first, second)[0] != _NEVER

    def _find(self, first: int, second: int) -> tuple[int, int]:
        if first < 0 or second < 0:
            return _NEVER, 0
        key = first << _BITS | second
        at = bisect_left(self._keys, key)
        if at < len(self._keys) and self._keys[at] == key:
            return self._ranks[at], self._joined[at]
        return _NEVER, 0

    def to_bytes(self) -> bytes:
        """The arrays, in the order of bytes of this machine."""
        size = len(self._keys).to_bytes(8, sys.byteorder)
        return b"".join((size, self._keys.tobytes(), self._ranks.tobytes(), self._joined.tobytes()))

    @classmethod
    def from_bytes(cls, data: bytes) -> "TokenPairs":
        """Raises ValueError for anything but what ``to_bytes`` wrote on such a machine."""
        count = int.from_bytes(data[:8], sys.byteorder)
        arrays = array("Q"), array("I"), array("I")
        at = 8
        for one in arrays:
            size = count * one.itemsize
            one.frombytes(data[at : at + size])
            at += size
        if at != len(data) or any(len(one) != count for one in arrays):
            raise ValueError("these are no pairs of tokens")
        return cls(*arrays)
