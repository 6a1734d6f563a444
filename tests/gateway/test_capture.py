"""The bounded copy of a body."""

import random

import pytest

from service.gateway.capture import Capture, CopyRoom
from service.record.exchange import Body
from tests.fakes.ollama import done_line, token_line


@pytest.mark.parametrize("limit", [0, 1, 7, 8, 64, 1000])
def test_a_copy_is_whole_up_to_its_limit_and_keeps_both_ends_beyond(limit: int) -> None:
    chance = random.Random(limit)
    for _ in range(200):
        whole = chance.randbytes(chance.randrange(3 * limit + 2))
        copy, rest = Capture(limit), whole
        while rest:
            size = chance.randrange(1, limit + 20)
            copy.add(rest[:size])
            rest = rest[size:]
        body = copy.body("text/plain", "gzip")
        assert body.length == len(whole)
        assert (body.content_type, body.content_encoding) == ("text/plain", "gzip")
        assert whole.startswith(body.head)
        assert whole.endswith(body.tail)
        if len(whole) <= limit:
            assert body.head + body.tail == whole
            assert not body.is_shortened
        else:
            assert len(body.head) + len(body.tail) == limit
            assert body.is_shortened


@pytest.mark.parametrize("limit", [1_000, 2_000, 10_000, 32_768, 1 << 20])
def test_the_line_with_the_counts_is_in_a_small_copy_too(limit: int) -> None:
    end = done_line(20)
    copy = Capture(limit)
    piece = token_line() * 100
    for _ in range(200):
        copy.add(piece)
    copy.add(end)
    body = copy.body("application/x-ndjson", "")
    assert body.tail.endswith(b"\n" + end)
    assert body.head.startswith(token_line())
    assert len(body.tail) == max(limit // 8, min(limit // 2, 4096))


def test_memory_is_bounded_by_the_limit() -> None:
    copy = Capture(8000)
    for _ in range(1000):
        copy.add(bytes(999))
    assert sum(len(piece) for piece in copy._head) + sum(len(piece) for piece in copy._tail or ()) < 8000 + 999


def test_copies_share_their_room_and_give_it_back() -> None:
    room = CopyRoom(100_000)
    first, second = Capture(80_000, room), Capture(80_000, room)
    first.add(b"a" * 60_000)
    assert room.left == 40_000
    for _ in range(7):
        second.add(b"b" * 10_000)
    second.add(b"the end")
    body = second.body("", "")
    assert body.length == 70_007
    assert body.head == b"b" * 40_000
    assert body.tail.endswith(b"bthe end")
    assert len(body.tail) == 4096
    assert first.body("", "").head == b"a" * 60_000
    assert room.left == -4096
    first.release()
    second.release()
    assert room.left == 100_000
    third = Capture(80_000, room)
    third.add(b"c" * 70_000)
    assert not third.body("", "").is_shortened


def test_without_any_room_ends_are_kept() -> None:
    copy = Capture(80_000, CopyRoom(0))
    copy.add(b"short")
    assert copy.body("", "") == Body(5, b"short")
    copy.add(b"x" * 10_000)
    assert copy.body("", "").tail == b"x" * 4096
