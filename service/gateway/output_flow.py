"""Whether a client takes its answer: who writes waits meanwhile, and nobody waits for ever."""

import asyncio
import fcntl
import struct
import termios
from math import inf
from typing import Any


class OutputFlow:
    """Room for what goes out over ``transport``, which is None before and after the connection.

    A client that takes nothing for ``seconds`` (0: for any time) has stalled.
    """

    __slots__ = ("_left", "_loop", "_seconds", "_taken_at", "_writable", "has_stalled", "transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._writable: asyncio.Future[None] | None = None
        self._left: float = inf
        self._taken_at = 0.0
        self.transport: asyncio.Transport | None = None
        self.has_stalled = False

    @property
    def is_full(self) -> bool:
        """Whether more waits to go out than should."""
        return self._writable is not None

    def stop(self) -> None:
        """More waits now than should."""
        if self._writable is None:
            self._writable = self._loop.create_future()
        self._left = inf

    def start(self) -> bool:
        """There is room again. Returns whether there was none before."""
        if self._writable is None:
            return False
        self._writable.set_result(None)
        self._writable = None
        return True

    async def drain(self) -> None:
        """Wait for room. Raises TimeoutError when the client has stalled, ConnectionResetError when it is gone."""
        if self._writable is not None:
            await asyncio.shield(self._writable)
        if self.has_stalled:
            raise TimeoutError(f"The client took nothing of its answer for {self._seconds:g} s.")
        if self.transport is None:
            raise ConnectionResetError("the client is gone")

    def stalls(self, now: float) -> bool:
        """Look whether the client takes anything; whether it has just been given up. ``now`` is the loop's time."""
        if self._writable is None or self.transport is None or not self._seconds or self.has_stalled:
            return False
        unacknowledged = _unacknowledged(self.transport.get_extra_info("socket"))
        left = float(self.transport.get_write_buffer_size() + unacknowledged)
        if left < self._left:
            self._left, self._taken_at = left, now
        elif now - self._taken_at >= self._seconds:
            self.has_stalled = True
            self.start()
        return self.has_stalled


def _unacknowledged(connected: Any) -> int:
    """The bytes of an answer that the kernel has and the client's does not: a slow one takes these for long."""
    if connected is None:
        return 0
    try:
        (left,) = struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
    except OSError:
        return 0  # a system that does not tell
    return int(left)
