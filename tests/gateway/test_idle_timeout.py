"""Giving up on silence: measured from the last that was heard, and never confused with another cancellation."""

import asyncio
import time

import pytest

from service.gateway.idle_timeout import IdleTimeout


async def wait_with(idle_timeout: IdleTimeout, seconds: float = 20.0) -> str:
    """What ends a task that watches: its own timeout, or the end of its waiting."""
    idle_timeout.watch()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if idle_timeout.was_the_reason():
            return "silence"
        raise
    finally:
        idle_timeout.end()
    return "over"


async def test_silence_ends_the_task_after_its_time() -> None:
    began = time.monotonic()
    assert await asyncio.create_task(wait_with(IdleTimeout(0.05))) == "silence"
    assert 0.04 < time.monotonic() - began < 20


async def test_zero_means_never() -> None:
    idle_timeout = IdleTimeout(0)
    assert await asyncio.create_task(wait_with(idle_timeout, 0.1)) == "over"
    assert not idle_timeout.has_expired


async def test_each_sound_begins_the_time_anew() -> None:
    idle_timeout = IdleTimeout(1.0)
    waiting = asyncio.create_task(wait_with(idle_timeout))
    for _ in range(6):
        await asyncio.sleep(0.2)
        idle_timeout.heard(time.monotonic())
    assert not waiting.done()
    assert await waiting == "silence"


async def test_a_slow_reader_is_not_silence() -> None:
    idle_timeout = IdleTimeout(0.05)
    idle_timeout.is_paused = True
    waiting = asyncio.create_task(wait_with(idle_timeout))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    idle_timeout.is_paused = False
    assert await waiting == "silence"


async def test_a_cancellation_by_somebody_else_is_not_silence() -> None:
    idle_timeout = IdleTimeout(5)
    waiting = asyncio.create_task(wait_with(idle_timeout))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not idle_timeout.has_expired


async def test_after_its_end_it_cancels_nobody() -> None:
    idle_timeout = IdleTimeout(0.02)

    async def watch_and_go_on() -> str:
        idle_timeout.watch()
        idle_timeout.end()
        await asyncio.sleep(0.1)
        return "went on"

    assert await asyncio.create_task(watch_and_go_on()) == "went on"
