"""Whether a client's connection is read: not while what came waits for its reader, nor while others have their turn."""

import asyncio

from service.gateway.loop_quantum import LoopQuantum


class InputFlow:
    """Stops and starts what comes over ``transport``, which is None before the connection is made."""

    __slots__ = ("_gives_way", "_is_stopped", "_quantum", "transport")

    def __init__(self, quantum: LoopQuantum) -> None:
        self._quantum = quantum
        self._is_stopped = False
        self._gives_way = False
        self.transport: asyncio.Transport | None = None

    def stop(self) -> None:
        """Read nothing until ``start``."""
        self._is_stopped = True
        if self.transport is not None:
            # Also where this side did so before: aiohttp's may have resumed meanwhile.
            self.transport.pause_reading()

    def start(self) -> None:
        """Read on, if it was stopped."""
        if self._is_stopped:
            self._is_stopped = False
            self._resume()

    def give_way(self) -> None:
        """So much came that others have their turn before more of it is read."""
        if not self._gives_way and self.transport is not None and not self.transport.is_closing():
            self._gives_way = True
            self.transport.pause_reading()
            self._quantum.call(self._go_on)

    def _go_on(self) -> None:
        self._gives_way = False
        if not self._is_stopped:
            self._resume()

    def _resume(self) -> None:
        if not self._gives_way and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
