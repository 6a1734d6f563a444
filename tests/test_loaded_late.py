"""What is loaded late: once, beside the event loop, and once more after a failure."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from service.loaded_late import LoadedLate


async def test_all_who_ask_at_once_get_the_same_and_the_event_loop_goes_on_meanwhile() -> None:
    may_go_on = threading.Event()
    loads: list[bool] = []

    def load() -> Callable[[], object]:
        loads.append(threading.current_thread() is threading.main_thread())
        assert may_go_on.wait(20)
        return object

    late = LoadedLate(load)
    assert late.now is None
    asking = [asyncio.create_task(late.get()) for _ in range(5)]
    while not loads:
        await asyncio.sleep(0.001)
    assert not any(one.done() for one in asking)
    may_go_on.set()
    first, *others = await asyncio.gather(*asking)
    assert all(other is first for other in others)
    assert await late.get() is late.now is first
    assert loads == [False]


async def test_it_is_made_in_the_event_loop() -> None:
    assert await LoadedLate(lambda: asyncio.get_running_loop).get() is asyncio.get_running_loop()


async def test_after_a_failure_the_next_one_to_ask_has_it_tried_again() -> None:
    tries: list[int] = []

    def load() -> Callable[[], int]:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("the disk does not answer")
        return lambda: 7

    late = LoadedLate(load)
    with pytest.raises(OSError, match="disk"):
        await late.get()
    assert late.now is None
    assert await late.get() == 7


async def test_whoever_leaves_meanwhile_keeps_nobody_from_it() -> None:
    may_go_on = threading.Event()
    late = LoadedLate(lambda: str if may_go_on.wait(20) else None)  # type: ignore[arg-type,return-value]
    leaving, staying = asyncio.create_task(late.get()), asyncio.create_task(late.get())
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    may_go_on.set()
    assert await staying == ""
