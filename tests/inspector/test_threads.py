import asyncio
import os
import sys
import threading

import pytest

from service.inspector.threads import aside


async def test_many_questions_are_answered_by_two_threads_at_most() -> None:
    release, started, lock = threading.Event(), [0], threading.Lock()

    def question(number: int) -> int:
        with lock:
            started[0] += 1
        release.wait(10)
        return number

    asked = [asyncio.ensure_future(aside(question, number)) for number in range(8)]
    async with asyncio.timeout(5):
        while started[0] < 2:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    assert started[0] == 2
    release.set()
    assert await asyncio.gather(*asked) == list(range(8))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows the priority of a thread")
async def test_they_give_way_and_the_event_loop_does_not() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    assert await aside(niceness) == 5
    assert niceness() == before


async def test_what_goes_wrong_reaches_who_asked() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await aside(int, "no number")
