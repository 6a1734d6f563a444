"""Bodies of random damage: they pass byte for byte, and each leaves one readable record."""

import random

import pytest

from tests.hostile.attacked import Attacked, post
from tests.integration.hostile import PLAIN
from tests.integration.watching import read_record, records

pytestmark = pytest.mark.hostile

SEED = 15
CHAT = (
    '{"model":"tiny","messages":[{"role":"system","content":"Sé bref.\\n"},{"role":"user","content":"Wo ist \\u00e4'
    ' das?","images":["aGVsbG8="]}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],'
    '"options":{"num_ctx":4096,"temperature":0.2},"stream":false,"keep_alive":-1,"format":{"type":"object"}}'
).encode()


def damaged(dice: random.Random) -> bytes:
    """A request with some of its bytes changed, left out, doubled, or with another one's in their place."""
    body = bytearray(dice.choice([CHAT, CHAT, CHAT, *(text for text in PLAIN.values() if len(text) < 3000)]))
    for _ in range(dice.choice((1, 1, 2, 5, 20))):
        begin = dice.randrange(len(body) + 1)
        end = min(len(body), begin + dice.choice((0, 1, 1, 3, 30)))
        piece = bytes(body[begin:end])
        body[begin:end] = dice.choice(
            [b"", piece * 2, dice.randbytes(1), bytes([dice.choice(b'"\\[]{}:,0-eu')]), b"\\ud800", b"null", b"\xff"]
        )
    return bytes(body)


async def test_damaged_bodies_pass_unchanged_and_leave_a_record_each(attacked: Attacked) -> None:
    dice = random.Random(SEED)
    bodies = [damaged(dice) for _ in range(600)]
    attacks = {
        str(number): post(
            b"Content-Type: application/json",
            b"Content-Length: %d" % len(body),
            b"Connection: close",
            body=body,
            path=b"/api/chat?case=%d" % number,
        )
        for number, body in enumerate(bodies)
    }
    answers = await attacked.send_all(attacks)
    assert {tuple(got) for got in answers.values()} == {(200,)}
    reached = {int(request.target.partition("case=")[2]): request.body for request in attacked.reached()}
    assert [number for number, body in enumerate(bodies) if reached.get(number) != body] == []
    folder = attacked.recorder.data.parent
    kept = [read_record(record.row.line) for record in records(folder, len(bodies) + 1)]
    assert sum(line.get("request_bytes", 0) for line in kept[1:]) == sum(map(len, bodies))
