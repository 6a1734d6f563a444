"""Large bodies give way to each other: in one turn of the event loop only so many of their pieces are moved.

Without that, hundreds of large bodies at once are all moved on before the loop gets to anybody else.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

PIECE_BYTES: Final = 64 * 1024
"""The most that is read from a connection at once."""

_PIECES_A_TURN: Final = 8
# What makes a turn longer than this, other threads or bytes that are dear to read, comes one at a time.
_LONG_TURN_SECONDS: Final = 0.02


class LoopQuantum:
    """The large pieces that may still be moved in this turn of the loop. Who waits is served in order."""

    __slots__ = ("_began", "_is_running", "_left", "_loop", "_waiting")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[Callable[[], None]] = deque()
        self._left = _PIECES_A_TURN
        self._began = 0.0
        self._is_running = False

    async def take(self) -> None:
        """Wait until one more large piece may be moved."""
        moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call(lambda: None if moved.done() else moved.set_result(None))
        await moved

    def call(self, go_on: Callable[[], None]) -> None:
        """Call ``go_on`` when one more large piece may be moved: at once, or in a later turn."""
        if not self._is_running:
            self._loop = self._loop or asyncio.get_running_loop()
            self._is_running = True
            self._left = _PIECES_A_TURN
            self._next_turn(self._loop)
        if self._left:
            self._left -= 1
            go_on()
        else:
            self._waiting.append(go_on)

    def _next_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._began = loop.time()
        loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        was_long = loop.time() - self._began > _LONG_TURN_SECONDS
        self._left = 1 if was_long else _PIECES_A_TURN
        if not self._waiting:
            self._is_running = False
            return
        while self._waiting and self._left:
            self._left -= 1
            self._waiting.popleft()()
        self._next_turn(loop)
