"""A body that is no HTTP is the same refusal at every door, however its bytes are cut, and leaves one record."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama
from tests.hostile.attacked import CHAT, Attacked
from tests.hostile.framing import CHUNKS
from tests.integration.recorder_process import Kept, start
from tests.servers.process import RunningServer

pytestmark = pytest.mark.hostile

MALFORMED: dict[str, bytes] = {
    **{name: sent for name, (sent, meaning) in CHUNKS.items() if meaning is None},
    "a trailer without a name": b"10\r\n%s\r\n0\r\n: b\r\n\r\n" % CHAT,
    "a trailer without a colon": b"10\r\n%s\r\n0\r\nX-A\r\n\r\n" % CHAT,
    "a trailer with a NUL": b"10\r\n%s\r\n0\r\nX-A: \x00\r\n\r\n" % CHAT,
    "a folded trailer": b"10\r\n%s\r\n0\r\nX-A: a\r\n b\r\n\r\n" % CHAT,
    "a hundred trailers": b"10\r\n%s\r\n0\r\n" % CHAT + b"X-A: a\r\n" * 100 + b"\r\n",
    "a trailer of 5 kB": b"10\r\n%s\r\n0\r\nX-A: " % CHAT + b"a" * 5000 + b"\r\n\r\n",
    "an extension of 5 kB": b"10;a=" + b"b" * 5000 + b"\r\n%s\r\n0\r\n\r\n" % CHAT,
    "a request behind a chunk": b"10\r\n%sGET / HTTP/1.1\r\nHost: localhost\r\n\r\n" % CHAT,
    "no chunks at all": CHAT + b"\r\n\r\n",
    "noise": bytes(range(128, 256)) * 4 + b"\r\n",
}
RECORDED = ("/api/ollama/api/chat", "/api/ollama/v1/chat/completions", "/api/ollama/v1/messages", "/generate")
OTHERS = ("/exchanges/0123456789abcdef0123456789abcdef/replay", "/healthz", "/sign-in")
# In one packet with the head, behind it, and after the bytes that still were right.
CUTS: tuple[int | None, ...] = (None, 0, 3, 20)


def request(door: str) -> bytes:
    lines = b"POST %s HTTP/1.1", b"Host: localhost", b"Content-Type: application/json", b"Transfer-Encoding: chunked"
    return b"\r\n".join([*lines, b"", b""]) % door.encode()


async def send(attacked: Attacked, door: str, body: bytes, cut: int | None) -> list[int]:
    if cut is None:
        return await attacked.send(request(door) + body)
    return await attacked.send(*filter(None, (request(door), body[:cut], body[cut:])), pause=0.03)


@pytest.mark.parametrize("cut", CUTS, ids=["one packet", "after the head", "after 3 bytes", "after 20 bytes"])
async def test_a_malformed_body_is_refused_and_recorded_the_same_at_every_door(
    attacked: Attacked, cut: int | None
) -> None:
    number = len(await attacked.recorder.records())
    for name, body in MALFORMED.items():
        answers = await asyncio.gather(*(send(attacked, door, body, cut) for door in RECORDED))
        assert answers == [[400]] * len(RECORDED), name
    kept = (await records(attacked, number + len(MALFORMED) * len(RECORDED)))[number:]
    told = {(one.outcome, one.line["status"], one.line["failed"]) for one in kept}
    assert told == {("refused", 400, True)}
    sentence = re.compile(r"The request's body is no valid HTTP: [a-z ]+\. The program .+")
    assert [one.line["error"] for one in kept if not sentence.fullmatch(one.line["error"])] == []
    assert not [asked for asked in attacked.reached() if asked.body_is_complete]


async def test_a_malformed_body_at_an_address_that_leads_elsewhere_is_refused_too(attacked: Attacked) -> None:
    for name, body in MALFORMED.items():
        for door in OTHERS:
            for cut in CUTS[:2]:
                assert await send(attacked, door, body, cut) in ([400], [403], [404], [405]), (name, door, cut)
    assert attacked.reached() == []


async def test_a_body_that_stays_shorter_than_its_length_is_the_same_refusal_at_every_door(
    start_recorder: Callable[..., RunningServer], tmp_path: Path
) -> None:
    async with FakeOllama() as ollama:
        recorder = await start(start_recorder, tmp_path, ollama.url, REQUEST_BODY_TIMEOUT="1")
        attacked = Attacked(recorder, ollama, 0, 0.0)
        sent = [request(door).replace(b"Transfer-Encoding: chunked", b"Content-Length: 99") + CHAT for door in RECORDED]
        for _ in range(3):
            assert await asyncio.gather(*map(attacked.send, sent)) == [[408]] * len(RECORDED)
        kept = await records(attacked, 3 * len(RECORDED))
        assert {(one.outcome, one.line["status"]) for one in kept} == {("refused", 408)}
        assert {one.line["error"].partition(":")[0] for one in kept} == {"The request's body stopped arriving for 1 s"}
        assert attacked.reached() == []


async def records(attacked: Attacked, number: int) -> list[Kept]:
    async with asyncio.timeout(20):
        while len(kept := await attacked.recorder.records()) < number:
            await asyncio.sleep(0.05)
    return kept
