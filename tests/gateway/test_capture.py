"""The bounded copy of a body."""

import random

import pytest

from service.gateway.capture import Capture


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


def test_memory_is_bounded_by_the_limit() -> None:
    copy = Capture(8000)
    for _ in range(1000):
        copy.add(bytes(999))
    assert sum(len(piece) for piece in copy._head) + sum(len(piece) for piece in copy._tail or ()) < 8000 + 999
