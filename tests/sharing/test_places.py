"""Places at Ollama for tasks: none is lost, whatever becomes of the task that has it."""

import asyncio
import random
import sys

import pytest

from service.sharing.fair_queue import FairQueue
from service.sharing.flows import Priority
from service.sharing.places import Place, Places
from tests.benchmarks.measure_queue import MOST_BYTES, MOST_SECONDS, cost_of_waiting


def places(most_active: int = 1) -> Places:
    return Places(FairQueue(most_active))


def take(found: Places, name: str = "a") -> Place:
    return found.take(found.queue.flow(name), "")


async def test_a_free_place_is_had_at_once_and_the_next_when_it_is_given_back() -> None:
    found = places()
    first, second = take(found), take(found)
    assert await first.wait(10)
    assert first.waited_until(found.now()) is None
    waits = asyncio.create_task(second.wait(10))
    await asyncio.sleep(0.01)
    assert not waits.done()
    first.give_back()
    first.give_back()
    assert await waits
    assert (second.waited or 0) >= 0.01
    assert [one.name for one in second.behind] == ["a"]
    second.give_back()
    assert (found.queue.active, found.queue.waiting) == (0, 0)


async def test_who_waits_too_long_leaves_the_queue_by_itself() -> None:
    found = places()
    first, second, third = take(found), take(found), take(found)
    waits = asyncio.create_task(third.wait(10))
    assert await second.wait(0.05) is False
    assert (second.waited or 0) >= 0.05
    assert found.queue.waiting == 1
    first.give_back()
    assert await waits
    assert third.is_ready


async def test_a_task_that_is_cancelled_at_the_moment_of_its_turn_loses_no_place() -> None:
    found = places()
    first, second, third = take(found), take(found), take(found)

    async def use(place: Place) -> None:
        try:
            await place.wait(10)
        finally:
            place.give_back()

    cancelled, last = asyncio.create_task(use(second)), asyncio.create_task(use(third))
    await asyncio.sleep(0)
    first.give_back()
    # Its turn has come, and before it hears of that it is ended.
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await last
    assert (found.queue.active, found.queue.waiting) == (0, 0)


async def test_thousands_of_calls_that_end_leave_fail_and_give_up() -> None:
    chance = random.Random(8)
    found = places(3)
    most = 0

    async def one(number: int) -> str:
        nonlocal most
        await asyncio.sleep(chance.random() * 0.3)
        priority = Priority.BATCH if number % 5 == 0 else Priority.INTERACTIVE
        place = found.take(found.queue.flow(f"caller {number % 9}", 2 if number % 9 == 3 else None, priority), "")
        try:
            if not await place.wait(chance.choice([0.02, 5, 0])):
                return "gave up"
            most = max(most, found.queue.active)
            assert found.queue.active <= 3
            await asyncio.sleep(chance.random() * 0.001)
            if number % 7 == 0:
                raise ValueError("failed")
        finally:
            place.give_back()
        return "ended"

    tasks = [asyncio.create_task(one(number)) for number in range(3000)]
    await asyncio.sleep(0.15)
    for task in chance.sample(tasks, 400):
        task.cancel()
    async with asyncio.timeout(30):
        endings = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(one) for one in endings} == {str, ValueError, asyncio.CancelledError}
    assert not [one for one in endings if isinstance(one, AssertionError)]
    assert most == 3
    assert (found.queue.active, found.queue.waiting) == (0, 0)
    assert not found._waiting


async def test_waits_are_counted_in_buckets() -> None:
    found = places()
    first, second = take(found), take(found)
    first.give_back()
    second.give_back()
    bounds = found.waits.buckets()
    assert bounds[0][0] == "0.1"
    assert bounds[-1] == ("+Inf", 2.0)


@pytest.mark.blocks("what is measured is the work itself, 50,000 times")
async def test_ten_thousand_who_wait_cost_little() -> None:
    """Under 5 µs of CPU an arrival and 4 kB each: measured here with room for a busy machine."""
    cost = cost_of_waiting()
    sys.stdout.write(f"an arrival: {cost.seconds * 1e6:.2f} µs of CPU, {cost.size:.0f} bytes\n")
    assert cost.size < MOST_BYTES
    assert cost.seconds < 4 * MOST_SECONDS


async def test_a_call_that_reached_nobody_waits_again_and_is_counted_once() -> None:
    found = places()
    flow = found.queue.flow("a")
    first = found.take(flow, "", ("gpu1",), min)
    second = found.take(flow, "", ("gpu2",), min)
    assert first.is_ready
    assert second.is_ready
    found.put_back(first, ("gpu2",))
    waits = asyncio.create_task(first.wait(10))
    await asyncio.sleep(0.01)
    assert not waits.done()
    second.give_back()
    assert await waits
    assert first.ticket.upstream == "gpu2"
    assert 0.01 <= (first.waited or 0) < 5
    before = first.waited
    found.put_back(first, ("gpu3",))
    assert first.is_ready
    assert first.waited == before
    first.give_back()
    assert (found.queue.active, found.queue.waiting, sum(found.waits.counts)) == (0, 0, 2)


async def test_who_waits_for_an_ollama_that_is_gone_has_a_place_elsewhere_at_once() -> None:
    found = places()
    flow = found.queue.flow("a")
    first, second = (found.take(flow, "", ("gpu1",), min) for _ in range(2))
    waits = asyncio.create_task(second.wait(10))
    await asyncio.sleep(0)
    found.move(lambda ticket: ("gpu2",))
    assert await waits
    assert [first.ticket.upstream, second.ticket.upstream] == ["gpu1", "gpu2"]
