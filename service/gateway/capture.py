"""A bounded copy of a body while it passes: its first and its last bytes, and its length."""

from collections import deque
from typing import Final

from service.events import CopyShortened, emit
from service.record.exchange import Body

# What is kept of an end where no room is left: a stream says there how it went.
_SHORTEST_TAIL: Final = 4096


class CopyRoom:
    """The bytes that are ``left`` for the copies of all exchanges in flight."""

    __slots__ = ("left",)

    def __init__(self, size: int) -> None:
        self.left = size


_BOUNDLESS: Final = CopyRoom(1 << 62)


class Capture:
    """Copies at most ``limit`` bytes. The last eighth of the limit, of a small one half, is kept for a body's end,
    because that is where a stream of Ollama's says how it went. Where ``room`` runs out, less is kept."""

    __slots__ = ("_head", "_head_room", "_held", "_room", "_tail", "_tail_length", "_tail_limit", "length")

    def __init__(self, limit: int, room: CopyRoom = _BOUNDLESS) -> None:
        self.length = 0
        self._room = room
        self._held = 0
        # Of a small limit half, so that the line with the counts, of some 300 bytes, is in it.
        self._tail_limit = max(limit // 8, min(limit // 2, _SHORTEST_TAIL))
        self._head_room = limit - self._tail_limit
        self._head: list[bytes] = []
        self._tail: deque[bytes] | None = None
        self._tail_length = 0

    def add(self, piece: bytes) -> None:
        size = len(piece)
        self.length += size
        room = self._room
        if size <= self._head_room and size <= room.left:
            self._head_room -= size
            self._held += size
            room.left -= size
            self._head.append(piece)
        elif size:
            self._add_beyond_head(piece)

    def release(self) -> None:
        """Its bytes are no longer those of an exchange in flight."""
        self._room.left += self._held
        self._held = 0

    def _hold(self, size: int) -> None:
        self._held += size
        self._room.left -= size

    def _add_beyond_head(self, piece: bytes) -> None:
        tail = self._tail
        if tail is None:
            tail, piece = self._begin_tail(piece)
        if len(piece) > self._tail_limit:
            # A slice, so that a large piece is not kept alive by its end.
            piece = piece[len(piece) - self._tail_limit :]
        tail.append(piece)
        self._tail_length += len(piece)
        while tail and self._tail_length - len(tail[0]) >= self._tail_limit:
            self._tail_length -= len(tail.popleft())

    def _begin_tail(self, piece: bytes) -> tuple[deque[bytes], bytes]:
        """Fill the head. Returns where all that follows goes, and what of ``piece`` follows."""
        of_head = min(self._head_room, max(0, self._room.left))
        if of_head:
            self._head.append(piece[:of_head])
            self._hold(of_head)
        if of_head < self._head_room or self._room.left < self._tail_limit:
            emit(CopyShortened())
            self._tail_limit = min(self._tail_limit, _SHORTEST_TAIL)
        self._head_room = 0
        self._tail = tail = deque[bytes]()
        self._hold(self._tail_limit)
        return tail, piece[of_head:]

    def body(self, content_type: str, content_encoding: str) -> Body:
        head = self._head[0] if len(self._head) == 1 else b"".join(self._head)
        tail = b""
        if self._tail:
            tail = b"".join(self._tail)
            tail = tail[max(0, len(tail) - self._tail_limit) :]
            if len(head) + len(tail) >= self.length:
                head, tail = head + tail, b""
        return Body(self.length, head, tail, content_type, content_encoding)
