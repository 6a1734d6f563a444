"""Large pieces take turns: few in each turn of the event loop, in order, and nobody is forgotten."""

import asyncio
import time

from service.gateway.loop_quantum import LoopQuantum


class Turns:
    """Counts the turns of the running loop, and which of them each piece was moved in."""

    def __init__(self) -> None:
        self.number = 0
        self.moved: list[tuple[str, int]] = []
        self._loop = asyncio.get_running_loop()
        self._next()

    def _next(self) -> None:
        self.number += 1
        self._loop.call_soon(self._next)

    async def move(self, quantum: LoopQuantum, name: str, pieces: int) -> None:
        for _ in range(pieces):
            await quantum.take()
            self.moved.append((name, self.number))

    def most_in_one(self) -> int:
        numbers = [number for _, number in self.moved]
        return max(numbers.count(number) for number in numbers)


async def test_a_turn_of_the_loop_moves_few_pieces_however_many_wait() -> None:
    quantum, turns = LoopQuantum(), Turns()
    await asyncio.gather(*(turns.move(quantum, str(number), 3) for number in range(200)))
    assert len(turns.moved) == 600
    assert turns.most_in_one() <= 16


async def test_who_waits_is_served_in_order() -> None:
    quantum, served = LoopQuantum(), list[int]()
    for number in range(50):
        quantum.call(lambda number=number: served.append(number))  # type: ignore[misc]  # a default that binds it
    assert len(served) < 50
    while len(served) < 50:
        await asyncio.sleep(0)
    assert served == list(range(50))


async def test_alone_nobody_waits() -> None:
    quantum, called = LoopQuantum(), []
    quantum.call(lambda: called.append(1))
    assert called == [1]
    for _ in range(5):
        await asyncio.sleep(0)
    quantum.call(lambda: called.append(2))
    assert called == [1, 2]


async def test_pieces_that_are_dear_come_one_at_a_time() -> None:
    quantum, turns = LoopQuantum(), Turns()

    async def move_slowly() -> None:
        await turns.move(quantum, "slow", 1)
        # As another thread that has Python's lock does, or a body in the smallest of chunks.
        asyncio.get_running_loop().call_soon(time.sleep, 0.025)

    await asyncio.gather(*(move_slowly() for _ in range(40)))
    late = [number for _, number in turns.moved[-8:]]
    assert len(set(late)) == len(late)


async def test_who_leaves_while_waiting_keeps_nobody_up() -> None:
    quantum, turns = LoopQuantum(), Turns()
    tasks = [asyncio.create_task(turns.move(quantum, str(number), 1)) for number in range(40)]
    await asyncio.sleep(0)
    for task in tasks[10:30]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert len(turns.moved) >= 20
    async with asyncio.timeout(20):
        await turns.move(quantum, "after", 20)
