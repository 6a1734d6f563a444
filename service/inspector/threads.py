"""The threads in which readers' questions are answered: two, and behind the exchanges in the queue for a core.

One is for what has an answer within a tenth of a second, the other for what takes longer the more there is, so that
nobody's list waits for somebody's sums. With a thread for each question, ten people who search made the slowest of a
hundred exchanges take 1.5 to 2 times as long on two cores; with these, little more than any other program does that
computes as much (``make bench BENCH=--readers``). A process of its own was no better.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")
_NICENESS: Final = 5


def _give_way() -> None:
    # Linux counts threads as it counts processes; elsewhere this would be the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _lane(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix=name, initializer=_give_way)


_glances: Final = _lane("glances")
_sums: Final = _lane("sums")


async def aside(function: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> _T:
    """What ``function`` returns or raises, computed beside the event loop: for what takes a tenth of a second."""
    return await asyncio.get_running_loop().run_in_executor(_glances, lambda: function(*arguments, **named))


async def aside_at_length(function: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> _T:
    """The same for what may take longer the more there is: sums, exports. Nobody's list waits for it."""
    return await asyncio.get_running_loop().run_in_executor(_sums, lambda: function(*arguments, **named))
