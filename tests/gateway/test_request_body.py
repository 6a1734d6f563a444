"""A request's body on its way in: what is copied, when its end is told, and what is still read when nobody sends it."""

import asyncio
import time

import pytest

from service.gateway.capture import CopyRoom
from service.gateway.idle_timeout import IdleTimeout
from service.gateway.request_body import BodyStream, RequestBodyReader
from service.gateway.request_head import read_head
from tests.gateway.harness import request_bytes


class Arriving:
    """A request whose body arrives as the test says."""

    def __init__(self, keep_bytes: int = 1000) -> None:
        self.paused: list[bool] = []
        self.content = BodyStream(lambda: self.paused.append(True), lambda: self.paused.append(False))
        read = read_head(request_bytes("POST", "/", Content_Type="application/json", Transfer_Encoding="chunked"))
        assert read is not None
        self.idle_timeout = IdleTimeout(0.0)
        self.reader = RequestBodyReader(read[0], self.content, self.idle_timeout, keep_bytes, CopyRoom(1 << 20))
        self.reader.is_incomplete = True
        self.told: list[bytes] = []

    async def read(self) -> bytes:
        pieces = [piece async for piece in self.reader.pieces(lambda: self.told.append(self.reader.body().head))]
        return b"".join(pieces)


async def test_pieces_are_copied_as_they_come_and_the_end_is_told_once() -> None:
    arriving = Arriving()
    reading = asyncio.create_task(arriving.read())
    for piece in (b'{"a"', b": 1}"):
        arriving.content.feed(piece)
        await asyncio.sleep(0.01)
        assert arriving.idle_timeout.waits_for_client
        assert arriving.reader.body().is_incomplete
    assert arriving.told == []
    arriving.content.feed(b"", is_last=True)
    assert await reading == b'{"a": 1}'
    assert arriving.told == [b'{"a": 1}']
    assert not arriving.idle_timeout.waits_for_client
    assert not arriving.reader.body().is_incomplete


@pytest.mark.parametrize("comes_at_once", [True, False])
async def test_a_small_body_is_read_whole(comes_at_once: bool) -> None:
    arriving = Arriving()
    arriving.content.feed(b"{}")
    if comes_at_once:
        arriving.content.feed(b"", is_last=True)
    else:
        asyncio.get_running_loop().call_later(0.01, lambda: arriving.content.feed(b"", is_last=True))
    assert await arriving.reader.whole(lambda: arriving.told.append(arriving.reader.body().head)) == b"{}"
    assert arriving.told == [b"{}"]
    assert not arriving.reader.body().is_incomplete


async def test_what_nobody_waits_for_any_more_is_read_on_as_far_as_it_is_kept() -> None:
    arriving = Arriving(keep_bytes=6)
    arriving.content.feed(b"0123")
    arriving.content.feed(b"4567")
    assert await arriving.reader.read_on(1.0)
    assert arriving.reader.body().length == 8
    assert arriving.reader.is_incomplete
    arriving.content.feed(b"", is_last=True)


async def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    arriving = Arriving()
    arriving.content.feed(b"half")
    begun = time.monotonic()
    assert not await arriving.reader.read_on(0.05)
    assert time.monotonic() - begun < 20
    assert (arriving.reader.body().length, arriving.reader.body().is_incomplete) == (4, True)


@pytest.mark.parametrize("error", [ConnectionResetError(), ConnectionAbortedError("no chunk")])
async def test_a_sender_that_goes_ends_it(error: OSError) -> None:
    arriving = Arriving()
    arriving.content.feed(b"half")
    asyncio.get_running_loop().call_later(0.01, arriving.content.fail, error)
    assert await arriving.reader.read_on(5.0)
    assert arriving.reader.body().is_incomplete


async def test_who_sends_faster_than_it_is_read_has_to_wait_and_loses_nothing() -> None:
    arriving = Arriving()
    for _ in range(4):
        arriving.content.feed(b"x" * 65_536)
    assert arriving.paused == [True]
    assert len(await arriving.content.read()) == 4 * 65_536
    assert arriving.paused == [True, False]


async def test_what_came_before_a_fault_is_read_before_it() -> None:
    arriving = Arriving()
    arriving.content.feed(b"half")
    arriving.content.fail(ConnectionAbortedError("no chunk"))
    assert await arriving.content.read() == b"half"
    with pytest.raises(ConnectionAbortedError):
        await arriving.content.read()
