"""An exchange is given up when nothing was heard for too long."""

import asyncio
import time
from functools import cache
from typing import Final

_NEVER: Final = 0.0


class IdleTimeout:
    """Cancels the task that called ``watch`` after ``seconds`` without ``heard`` (0: never).

    One timer an exchange, set again when it fires: a piece of a body costs one assignment. ``waits_for_client``: the
    silence is the client's, else Ollama's. While ``is_paused``, because a client reads slowly, it is nobody's.
    """

    __slots__ = (
        "_client_seconds",
        "_last",
        "_seconds",
        "_step",
        "_task",
        "_timer",
        "has_expired",
        "is_paused",
        "waits_for_client",
    )

    def __init__(self, seconds: float, client_seconds: float | None = None) -> None:
        """``client_seconds``: how long the client may be silent; None: for as long as Ollama."""
        self._seconds = seconds
        self._client_seconds = seconds if client_seconds is None else client_seconds
        self._step = _shorter(seconds, self._client_seconds)
        self._last = time.monotonic()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self.has_expired = False
        self.is_paused = False
        self.waits_for_client = False

    def watch(self) -> None:
        if self._step != _NEVER:
            self._task = asyncio.current_task()
            self._timer = asyncio.get_running_loop().call_later(self._step, self._check)

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
        seconds = self._client_seconds if self.waits_for_client else self._seconds
        left = self._last + seconds - now if seconds != _NEVER else self._step
        if left > 0:
            # Whose silence it is may change before that.
            self._timer = asyncio.get_running_loop().call_later(min(left, self._step), self._check)
        elif self._task is not None:
            self.has_expired = True
            self._task.cancel()


@cache
def _shorter(seconds: float, client_seconds: float) -> float:
    """The time that is over first, of the settings' two."""
    return min(filter(None, (seconds, client_seconds)), default=_NEVER)
