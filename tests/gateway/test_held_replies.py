"""How long answers wait for their records."""

import asyncio

from service.gateway.held_replies import HeldReplies

LONG = 1000.0


async def test_each_is_let_go_in_its_turn_and_those_that_are_done_are_not() -> None:
    loop = asyncio.get_running_loop()
    ended: list[str] = []
    held = HeldReplies(lambda: ended.append("released"))
    first, done, second, last = (loop.create_future() for _ in range(4))
    first.add_done_callback(lambda _: ended.append("first"))
    second.add_done_callback(lambda _: ended.append("second"))
    now = loop.time()
    held.add(first, now + 0.01)
    held.add(done, now + 0.02)
    held.add(second, now + 0.3)
    held.add(last, now + LONG)
    done.set_result(None)
    async with asyncio.timeout(20):
        await second
    assert [one for one in ended if one != "released"] == ["first", "second"]
    assert ended.count("released") == 2
    assert not last.done()


async def test_one_that_may_wait_for_less_is_not_behind_the_others() -> None:
    loop = asyncio.get_running_loop()
    held = HeldReplies(lambda: None)
    long, short = loop.create_future(), loop.create_future()
    held.add(long, loop.time() + LONG)
    held.add(short, loop.time() + 0.01)
    async with asyncio.timeout(20):
        await short
    assert not long.done()
    # Also where the other one is over.
    long.set_result(None)
    shorter = loop.create_future()
    held.add(shorter, loop.time() + 0.01)
    async with asyncio.timeout(20):
        await shorter


async def test_one_whose_client_left_is_not_released() -> None:
    loop = asyncio.get_running_loop()
    released: list[str] = []
    held = HeldReplies(lambda: released.append("released"))
    left, last = loop.create_future(), loop.create_future()
    held.add(left, loop.time() + 0.01)
    held.add(last, loop.time() + 0.02)
    left.cancel()
    async with asyncio.timeout(20):
        await last
    assert released == ["released"]
