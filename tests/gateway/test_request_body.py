"""A request's body on its way in: what is copied, when its end is told, and what is still read when nobody sends it."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import StreamReader, web

from service.gateway.idle_timeout import IdleTimeout
from service.gateway.request_body import RequestBodyReader


class Arriving:
    """A request whose body arrives as the test says."""

    def __init__(self, keep_bytes: int = 1000) -> None:
        protocol = cast(
            "Any", SimpleNamespace(connected=True, _reading_paused=False, resume_reading=lambda *_, **__: None)
        )
        self.content = StreamReader(protocol, 1 << 16, loop=asyncio.get_running_loop())
        request = SimpleNamespace(content=self.content, headers={"Content-Type": "application/json"})
        self.idle_timeout = IdleTimeout(0.0)
        self.reader = RequestBodyReader(cast("web.BaseRequest", request), self.idle_timeout, keep_bytes)
        self.reader.is_incomplete = True
        self.told: list[bytes] = []

    async def read(self) -> bytes:
        pieces = [piece async for piece in self.reader.pieces(lambda: self.told.append(self.reader.body().head))]
        return b"".join(pieces)


async def test_pieces_are_copied_as_they_come_and_the_end_is_told_once() -> None:
    arriving = Arriving()
    reading = asyncio.create_task(arriving.read())
    for piece in (b'{"a"', b": 1}"):
        arriving.content.feed_data(piece)
        await asyncio.sleep(0.01)
        assert arriving.idle_timeout.waits_for_client
        assert arriving.reader.body().is_incomplete
    assert arriving.told == []
    arriving.content.feed_eof()
    assert await reading == b'{"a": 1}'
    assert arriving.told == [b'{"a": 1}']
    assert not arriving.idle_timeout.waits_for_client
    assert not arriving.reader.body().is_incomplete


@pytest.mark.parametrize("comes_at_once", [True, False])
async def test_a_small_body_is_read_whole(comes_at_once: bool) -> None:
    arriving = Arriving()
    arriving.content.feed_data(b"{}")
    if comes_at_once:
        arriving.content.feed_eof()
    else:
        asyncio.get_running_loop().call_later(0.01, arriving.content.feed_eof)
    assert await arriving.reader.whole(lambda: arriving.told.append(arriving.reader.body().head)) == b"{}"
    assert arriving.told == [b"{}"]
    assert not arriving.reader.body().is_incomplete


async def test_what_nobody_waits_for_any_more_is_read_on_as_far_as_it_is_kept() -> None:
    arriving = Arriving(keep_bytes=6)
    arriving.content.feed_data(b"0123")
    arriving.content.feed_data(b"4567")
    assert await arriving.reader.read_on(1.0)
    assert arriving.reader.body().length == 8
    assert arriving.reader.is_incomplete
    arriving.content.feed_eof()


async def test_a_body_that_does_not_end_is_not_waited_for() -> None:
    arriving = Arriving()
    arriving.content.feed_data(b"half")
    begun = time.monotonic()
    assert not await arriving.reader.read_on(0.05)
    assert time.monotonic() - begun < 5
    assert (arriving.reader.body().length, arriving.reader.body().is_incomplete) == (4, True)


@pytest.mark.parametrize("error", [ConnectionResetError(), web.RequestPayloadError("no chunk")])
async def test_a_sender_that_goes_ends_it(error: Exception) -> None:
    arriving = Arriving()
    arriving.content.feed_data(b"half")
    asyncio.get_running_loop().call_later(0.01, arriving.content.set_exception, error)
    assert await arriving.reader.read_on(5.0)
    assert arriving.reader.body().is_incomplete
