"""Heads with one byte wrong: what reaches Ollama is what was asked, or nothing."""

import random

import pytest

from tests.hostile.attacked import CHAT, Attacked, post

pytestmark = pytest.mark.hostile

BYTES = (0x00, 0x01, 0x09, 0x0A, 0x0B, 0x0D, 0x20, 0x2F, 0x3A, 0x3B, 0x7F, 0x80, 0xA0, 0xC0, 0xFF)
GOOD = post(b"Content-Length: 16", b"User-Agent: curl/8.1", b"X-N8N-Node: a%20b", b"Connection: close", body=CHAT)


async def test_no_changed_byte_makes_another_request(attacked: Attacked) -> None:
    dice = random.Random(2)
    head = GOOD.index(b"\r\n\r\n") + 4
    attacks: dict[str, bytes] = {}
    for place in range(head):
        for byte in dice.sample(BYTES, 5):
            changed = bytearray(GOOD)
            changed[place] = byte
            attacks[f"{place} is {byte:02x}"] = bytes(changed)
            inserted = GOOD[:place] + bytes([byte]) + GOOD[place:]
            attacks[f"{byte:02x} before {place}"] = inserted
    answers = await attacked.send_all(attacks, seconds=1.5)
    odd = {name: got for name, got in answers.items() if len(got) > 1 or any(status >= 500 for status in got)}
    assert odd == {}
    for request in attacked.reached():
        assert (request.method, request.path) == ("POST", "/api/chat"), request.head
        # An empty line may end early, and then the body begins with what is left of it.
        bodies = (CHAT, CHAT[:1], b"", b"\n" + CHAT[:-1])
        assert not request.body_is_complete or request.body in bodies, request.head


@pytest.mark.parametrize(
    ("head", "statuses"),
    [
        (post(*[b"X-%d: a" % number for number in range(300)]), {400, 431}),
        (post(b"X-A: " + b"a" * 200_000), {400, 431}),
        (post(b"X-" + b"a" * 200_000 + b": a"), {400, 431}),
        (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 414}),
        (b"A" * 200_000 + b" / HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 405, 414}),
        (b"\r\n" * 50_000, {400}),
        (b"\x00" * 200_000, {400}),
        (b"GET / HTTP/1.1" + b" " * 200_000 + b"\r\n\r\n", {400, 414, 431}),
    ],
    ids=["300 headers", "a value", "a name", "an address", "a method", "empty lines", "zeros", "spaces"],
)
async def test_a_head_that_is_too_long_is_refused(attacked: Attacked, head: bytes, statuses: set[int]) -> None:
    got = await attacked.send(head)
    # Empty lines before a request are nothing yet.
    assert set(got) <= statuses
    assert attacked.reached() == []
