"""An exchange is given up when nothing was heard for too long."""

import asyncio
import time
from typing import Final

_NEVER: Final = 0.0


class IdleTimeout:
    """Cancels the task that called ``watch`` after ``seconds`` without ``heard`` (0: never).

    One timer an exchange, set again when it fires: a piece of a body costs one assignment. ``waits_for_client``: the
    silence is the client's, else Ollama's. While ``is_paused``, because a client reads slowly, it is nobody's.
    """

    __slots__ = ("_last", "_seconds", "_task", "_timer", "has_expired", "is_paused", "waits_for_client")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self.has_expired = False
        self.is_paused = False
        self.waits_for_client = False

    def watch(self) -> None:
        if self._seconds != _NEVER:
            self._task = asyncio.current_task()
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._check)

    def heard(self, now: float) -> None:
        self._last = now

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._task = None

    def was_the_reason(self) -> bool:
        """Whether a task that was cancelled was cancelled for this, and for this alone."""
        task = asyncio.current_task()
        return self.has_expired and task is not None and task.uncancel() == 0

    def _check(self) -> None:
        now = time.monotonic()
        if self.is_paused:
            self._last = now
        left = self._last + self._seconds - now
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._check)
        elif self._task is not None:
            self.has_expired = True
            self._task.cancel()
