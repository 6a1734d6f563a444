"""A bounded copy of a body while it passes: its first and its last bytes, and its length."""

from collections import deque

from service.record.exchange import Body


class Capture:
    """Copies at most ``limit`` bytes. The last eighth of the limit is kept for a body's end,
    because that is where a stream of Ollama's says how it went."""

    __slots__ = ("_head", "_head_room", "_tail", "_tail_length", "_tail_limit", "length")

    def __init__(self, limit: int) -> None:
        self.length = 0
        self._tail_limit = limit // 8
        self._head_room = limit - self._tail_limit
        self._head: list[bytes] = []
        self._tail: deque[bytes] | None = None
        self._tail_length = 0

    def add(self, piece: bytes) -> None:
        size = len(piece)
        self.length += size
        if size <= self._head_room:
            self._head_room -= size
            self._head.append(piece)
        else:
            self._add_beyond_head(piece)

    def _add_beyond_head(self, piece: bytes) -> None:
        if self._head_room:
            self._head.append(piece[: self._head_room])
            piece = piece[self._head_room :]
            self._head_room = 0
        if len(piece) > self._tail_limit:
            # A slice, so that a large piece is not kept alive by its end.
            piece = piece[len(piece) - self._tail_limit :]
        if self._tail is None:
            self._tail = deque()
        self._tail.append(piece)
        self._tail_length += len(piece)
        while self._tail and self._tail_length - len(self._tail[0]) >= self._tail_limit:
            self._tail_length -= len(self._tail.popleft())

    def body(self, content_type: str, content_encoding: str) -> Body:
        head = self._head[0] if len(self._head) == 1 else b"".join(self._head)
        tail = b""
        if self._tail:
            tail = b"".join(self._tail)
            tail = tail[max(0, len(tail) - self._tail_limit) :]
            if len(head) + len(tail) >= self.length:
                head, tail = head + tail, b""
        return Body(self.length, head, tail, content_type, content_encoding)
