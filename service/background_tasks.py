"""What goes on beside requests, and is ended in order."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, Final

from service.events import DefectFound, emit

Work = Callable[[], Coroutine[Any, Any, None]]
"""What is begun, and goes on until it is cancelled or has nothing more to do."""

_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0


async def to_its_end(work: Callable[..., None], *arguments: Any) -> None:
    """Do ``work`` on a thread. It is waited for even when this is cancelled, so that what it began can be undone."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise


def start_task(begun: AsyncExitStack, work: Work, name: str) -> None:
    """Do ``work`` until ``begun`` ends. A fault in it is told, and after a pause it is begun again."""
    begun.push_async_callback(_cancel, asyncio.create_task(_keep_up(work, name), name=name))


async def _keep_up(work: Work, name: str) -> None:
    pause = _FIRST_PAUSE
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next model or caller must not miss it
            emit(DefectFound(name, repr(error)[:200]))
        else:
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
