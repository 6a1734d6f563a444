"""The threads in which readers' questions are answered: one for fast ones, one for slow ones, some that wait for Loki.

The fast lane takes what has an answer within a tenth of a second. The slow lane takes what takes longer the more there
is, so that nobody's list waits for somebody's totals. Both stand behind the exchanges in the queue for a core.

A thread for each question is worse: ten people who search then make the slowest of a hundred exchanges take 1.5 to 2
times as long on two cores. ``make bench BENCH=--readers`` measures it. A process of its own is no better.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from service.shipping.asking import Asker

_P = ParamSpec("_P")
_T = TypeVar("_T")
_NICENESS: Final = 5


def _give_way() -> None:
    # Linux counts threads as it counts processes; elsewhere this would be the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _lane(name: str, threads: int = 1) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=_give_way)


_fast_lane: Final = _lane("fast lane")
_slow_lane: Final = _lane("slow lane")
# These mostly wait. A Loki that hangs keeps so many of them, and nobody else.
_waiting_lane: Final = _lane("waiting lane", 4)
_MOST_WAITING: Final = 16
_waiting: Final[set[Future[Any]]] = set()


async def aside(function: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> _T:
    """What ``function`` returns or raises, computed beside the event loop: for what takes a tenth of a second."""
    return await asyncio.get_running_loop().run_in_executor(_fast_lane, lambda: function(*arguments, **named))


async def aside_at_length(function: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> _T:
    """The same for what takes longer the more there is: totals, exports. Nobody's list waits for it."""
    return await asyncio.get_running_loop().run_in_executor(_slow_lane, lambda: function(*arguments, **named))


def may_wait() -> bool:
    """Whether there is room among those who wait for another server: one more may have to wait for minutes."""
    return len(_waiting) < _MOST_WAITING


async def aside_waiting(function: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> _T:
    """The same for what waits for another server, for those who ``may_wait``: nobody's list or totals wait with it."""
    asker = Asker()
    asked = _waiting_lane.submit(asker.run, lambda: function(*arguments, **named))
    _waiting.add(asked)
    asked.add_done_callback(_waiting.discard)
    try:
        return await asyncio.wrap_future(asked)
    except asyncio.CancelledError:
        # One that has not begun never does. The other server is asked no further, and the thread is free again.
        asker.leave()
        raise
