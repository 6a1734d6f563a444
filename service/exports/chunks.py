"""Many small parts as few larger pieces: each piece costs a trip through a thread, a socket and a chunk of HTTP."""

from collections.abc import Iterable, Iterator

PIECE_BYTES = 65_536


def in_pieces(parts: Iterable[bytes], size: int = PIECE_BYTES) -> Iterator[bytes]:
    """The same bytes in pieces of ``size`` and a bit; the last may be smaller, none is empty."""
    held: list[bytes] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part)
        if length >= size:
            yield b"".join(held)
            held.clear()
            length = 0
    if length:
        yield b"".join(held)
