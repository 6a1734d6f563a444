"""Answers that wait for their records, each for a bounded time: one timer for all, as one for each takes as long as
reading a head does."""

import asyncio
from collections import deque
from collections.abc import Callable

Committed = asyncio.Future[None]


class HeldReplies:
    """``released`` is called for each answer that does not wait any longer. Belongs to the event loop."""

    def __init__(self, released: Callable[[], None]) -> None:
        self._released = released
        # In the order in which they are let go, with those times, in the loop's time.
        self._waiting: deque[tuple[float, Committed]] = deque()
        self._latest = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, committed: Committed, until: float) -> None:
        """End the wait for ``committed``, should it last, at ``until`` of the loop's time."""
        loop, waiting = committed.get_loop(), self._waiting
        if until < self._latest:
            # Its request came slowly, and it waited for that already.
            loop.call_at(until, self._let_go, committed)
            return
        while waiting and waiting[0][1].done():
            waiting.popleft()
        waiting.append((until, committed))
        self._latest = until
        if self._timer is None:
            self._timer = loop.call_at(until, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now, waiting = loop.time(), self._waiting
        while waiting and (waiting[0][1].done() or waiting[0][0] <= now):
            self._let_go(waiting.popleft()[1])
        self._timer = loop.call_at(waiting[0][0], self._look, loop) if waiting else None

    def _let_go(self, committed: Committed) -> None:
        if not committed.done():
            committed.set_result(None)
            self._released()
