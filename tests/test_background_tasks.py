"""What goes on beside requests outlives its own faults, and ends when it is to end."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from service import background_tasks
from service.background_tasks import start_task
from service.events import DefectFound, Event


async def test_a_fault_is_told_and_the_work_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Event] = []
    monkeypatch.setattr(background_tasks, "emit", told.append)
    monkeypatch.setattr(background_tasks, "_FIRST_PAUSE", 0.001)
    times, goes_on, is_cancelled = 0, asyncio.Event(), False

    async def work() -> None:
        nonlocal times, is_cancelled
        times += 1
        if times < 3:
            raise TypeError("a value of another kind")
        goes_on.set()
        try:
            await asyncio.Event().wait()
        finally:
            is_cancelled = True

    async with asyncio.timeout(20), AsyncExitStack() as begun:
        start_task(begun, work, "look")
        await goes_on.wait()
    assert told == [DefectFound("look", "TypeError('a value of another kind')")] * 2
    assert (times, is_cancelled) == (3, True)


async def test_what_has_come_to_its_end_is_not_begun_again() -> None:
    times, is_done = 0, asyncio.Event()

    async def work() -> None:
        nonlocal times
        times += 1
        is_done.set()

    async with asyncio.timeout(20), AsyncExitStack() as begun:
        start_task(begun, work, "learn")
        await is_done.wait()
        for _ in range(10):
            await asyncio.sleep(0)
    assert times == 1
