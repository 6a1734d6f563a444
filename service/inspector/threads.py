"""The threads in which readers' questions are answered: few, and behind the exchanges in the queue for a core.

With a thread for each question, ten people who search made the slowest of a hundred exchanges take 1.5 to 2 times as
long on two cores; with these, 1.2 to 1.4 times (``make bench BENCH=--readers``). A search waits for one of them.
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
_AT_ONCE: Final = 2
_NICENESS: Final = 5


def _give_way() -> None:
    # Linux counts threads as it counts processes; elsewhere this would be the whole process.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


_threads: Final = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="reading", initializer=_give_way)


async def aside(function: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> _T:
    """What ``function`` returns or raises, computed beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads, lambda: function(*arguments, **named))
