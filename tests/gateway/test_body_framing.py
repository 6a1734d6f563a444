"""Where bodies end."""

import random

import pytest

from service.gateway.body_framing import ChunkedFraming, LengthFraming

NEXT = b"GET / HTTP/1.1\r\n"
CHUNKED = {
    "one chunk": (b"4\r\nabcd\r\n0\r\n\r\n", b"abcd"),
    "two chunks": (b"1\r\na\r\n00a\r\n0123456789\r\n0\r\n\r\n", b"a0123456789"),
    "no chunk": (b"0\r\n\r\n", b""),
    "extensions": (b'3;name=value;x="y z"\r\nabc\r\n0;last\r\n\r\n', b"abc"),
    "trailers": (b"3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-B: c\r\n\r\n", b"abc"),
    "ends of lines within": (b"6\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n\r\n"),
}


def test_a_declared_length_ends_exactly_there() -> None:
    framing = LengthFraming(5)
    assert framing.take(b"abc") == (b"abc", 3)
    assert not framing.is_whole
    assert framing.take(b"de" + NEXT) == (b"de", 2)
    assert framing.is_whole


@pytest.mark.parametrize("form", CHUNKED)
@pytest.mark.parametrize("seed", [None, *range(8)])
def test_chunks_end_at_the_same_byte_however_they_arrive(form: str, seed: int | None) -> None:
    sent, body = CHUNKED[form]
    framing, got, rest, dice = ChunkedFraming(), b"", sent + NEXT, random.Random(seed)
    taken_of_all = 0
    while not framing.is_whole:
        size = 1 if seed is None else dice.randint(1, len(sent))
        piece, taken = framing.take(rest[:size])
        got += piece
        taken_of_all += taken
        rest = rest[taken:]
    assert (got, taken_of_all, rest) == (body, len(sent), NEXT)


@pytest.mark.parametrize(
    "sent",
    [
        b"zz\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b" 1\r\n",
        b"1 \r\n",
        b"1 ;a\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b"1\n",
        b"1\r\r\n",
        b"1;a\nb\r\n",
        b"1;\x00\r\n",
        b"f" * 16 + b"\r\n",
        b"1" + b";a" * 4000,
        b"3\r\nabcd\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\rx",
        b"0\r\nno trailer\r\n",
        b"0\r\nA: b\n\r\n",
        b"0\r\n A: b\r\n",
        b"0\r\n" + b"A: b\r\n" * 100,
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_chunks_that_are_none_are_refused(sent: bytes, at_once: bool) -> None:
    framing = ChunkedFraming()
    pieces = [sent] if at_once else [bytes((byte,)) for byte in sent]
    with pytest.raises(ValueError, match=r"chunk|trailer"):
        [framing.take(piece) for piece in pieces]
