"""Small parts become larger pieces."""

from collections.abc import Iterator

from service.exports.chunks import in_pieces


def test_every_byte_comes_once_and_in_its_order() -> None:
    parts = [bytes([number % 256]) * (number % 50) for number in range(1000)]
    pieces = list(in_pieces(parts, 100))
    assert b"".join(pieces) == b"".join(parts)
    assert all(100 <= len(piece) < 150 for piece in pieces[:-1])
    assert pieces[-1]


def test_nothing_becomes_no_piece_at_all() -> None:
    assert list(in_pieces([])) == []
    assert list(in_pieces([b"", b""])) == []


def test_no_more_is_taken_than_the_next_piece_needs() -> None:
    taken = []

    def parts() -> Iterator[bytes]:
        for number in range(100):
            taken.append(number)
            yield b"12345"

    next(in_pieces(parts(), 20))
    assert taken == [0, 1, 2, 3]
