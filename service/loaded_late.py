"""What few runs need is loaded when it is first asked for: until then it takes no memory, and the start no time."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LoadedLate(Generic[T]):
    """``load`` imports, on a thread: so the event loop goes on meanwhile. What it returns then makes the thing itself,
    in the event loop. ``now`` is that, None until somebody asked for it.
    """

    def __init__(self, load: Callable[[], Callable[[], T]]) -> None:
        self._load = load
        self._one_at_a_time = asyncio.Lock()
        self.now: T | None = None

    async def get(self) -> T:
        """It, once it is there. Raises what went wrong; the next one to ask has it tried again."""
        if self.now is not None:
            return self.now
        async with self._one_at_a_time:
            if self.now is None:
                make = await asyncio.to_thread(self._load)
                self.now = make()
            return self.now
