"""What goes on beside requests, and is ended in order."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any


async def to_its_end(work: Callable[..., None], *arguments: Any) -> None:
    """Do ``work`` on a thread. It is waited for even when this is cancelled, so that what it began can be undone."""
    running = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.gather(running, return_exceptions=True)
        raise


def start_task(begun: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    """Do ``work`` until ``begun`` ends."""
    begun.push_async_callback(_cancel, asyncio.create_task(work, name=name))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
