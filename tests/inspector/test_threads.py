import asyncio
import os
import sys
import threading
import time

import pytest

from service.inspector.threads import aside, aside_at_length, aside_waiting, may_wait


async def test_many_questions_of_a_kind_are_answered_one_after_the_other() -> None:
    running, most = [0], [0]

    def question(number: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.002)
        running[0] -= 1
        return number

    assert await asyncio.gather(*(aside(question, number) for number in range(20))) == list(range(20))
    assert most == [1]


async def test_a_list_does_not_wait_for_sums() -> None:
    release = threading.Event()
    sums = asyncio.ensure_future(aside_at_length(release.wait, 10))
    async with asyncio.timeout(20):
        assert await aside(sum, [1, 2]) == 3
    assert not sums.done()
    release.set()
    assert await sums


async def test_only_so_many_wait_for_another_server() -> None:
    release = threading.Event()
    waiting = [asyncio.ensure_future(aside_waiting(release.wait, 20)) for _ in range(16)]
    await asyncio.sleep(0)
    assert not may_wait()
    # Who leaves makes room, unless the question has been asked already.
    waiting[-1].cancel()
    await asyncio.sleep(0)
    assert may_wait()
    after = asyncio.ensure_future(aside_waiting(release.wait, 20))
    await asyncio.sleep(0)
    release.set()
    assert await asyncio.gather(*waiting[:-1], after) == [True] * 16


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux knows the priority of a thread")
async def test_they_give_way_and_the_event_loop_does_not() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    assert [await aside(niceness), await aside_at_length(niceness)] == [5, 5]
    assert niceness() == before


async def test_what_goes_wrong_reaches_who_asked() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await aside(int, "no number")
