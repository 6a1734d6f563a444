"""The server: it makes the protocol of each connection, and ends those that wait for too long or are to stop."""

import asyncio
import resource
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from service.events import ConnectionRefused, emit
from service.gateway.client_connection import ClientConnection
from service.gateway.late_aiohttp import AiohttpSide, LateAiohttp
from service.gateway.loop_quantum import LoopQuantum
from service.gateway.request import Handle

if TYPE_CHECKING:
    from aiohttp import web

_LOOK_SECONDS: Final = 1.0
FILES_OF_OUR_OWN: Final = 64
"""The journal, standard output, receivers, and readers."""
_MOST_FILES: Final = 1 << 20
_NEARLY_ALL: Final = 0.9


def raise_file_limit() -> None:
    """Let this process open as many files as the system allows it. Many shells allow 1,024 unless asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections(setting: int, kept_open: int = 0) -> int:
    """MAX_CONNECTIONS, or what is left of the files that may be open: each exchange needs two.

    ``kept_open`` are connections to Ollamas that are there without any exchange.
    """
    return setting or max(1, (most_files() - FILES_OF_OUR_OWN - kept_open) // 2)


def most_files() -> int:
    """How many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_FILES if soft == resource.RLIM_INFINITY else min(soft, _MOST_FILES)


class Bounds(NamedTuple):
    """A request's head has to be whole within ``head_seconds``; of a body, something comes every ``body_seconds``.

    0: never. ``most`` connections are held at once, and ``most_of_one`` of one address; 0: what the system allows, and
    three quarters of ``most``. Of an answer its client takes something every ``read_seconds``; 0: never. ``kept_open``
    connections to Ollamas are there without any exchange.
    """

    head_seconds: float = 30.0
    body_seconds: float = 60.0
    most: int = 0
    most_of_one: int = 0
    read_seconds: float = 300.0
    kept_open: int = 0


class HttpServer:
    """A protocol factory for ``loop.create_server``.

    ``handle`` answers what is asked of the gateway, ``polled`` what is asked of the paths in it, ``handle_others`` all
    else, which aiohttp reads.
    """

    def __init__(
        self,
        handle: Handle,
        handle_others: Callable[["web.BaseRequest"], Awaitable[Any]],
        bounds: Bounds,
        quantum: LoopQuantum,
        polled: Mapping[str, Handle] | None = None,
    ) -> None:
        self.handle = handle
        self.polled = polled or {}
        self.quantum = quantum
        self.head_seconds = bounds.head_seconds
        self.body_seconds = bounds.body_seconds
        self.read_seconds = bounds.read_seconds
        self._most = most_connections(bounds.most, bounds.kept_open)
        self._most_of_one = bounds.most_of_one or max(1, self._most * 3 // 4)
        self._loop = asyncio.get_running_loop()
        self._aiohttp = LateAiohttp(handle_others)
        self._connections: set[ClientConnection] = set()
        self._of_address: Counter[str] = Counter()
        self._looking: asyncio.TimerHandle | None = None

    def __call__(self) -> ClientConnection:
        connection = ClientConnection(self, self._loop)
        self._connections.add(connection)
        if self._looking is None:
            self._look()
        return connection

    def admits(self, address: str) -> bool:
        """Count a connection that was made, and tell whether there is room for it."""
        self._of_address[address] += 1
        if len(self._connections) > self._most:
            emit(ConnectionRefused("all", address))
            return False
        if self._of_address[address] > self._most_of_one:
            emit(ConnectionRefused("address", address))
            return False
        return True

    def trouble(self) -> str | None:
        """That there is hardly room for more connections; None while there is."""
        if len(self._connections) < self._most * _NEARLY_ALL:
            return None
        return f"{len(self._connections)} of {self._most} connections are open. MAX_CONNECTIONS allows more."

    def aiohttp_protocol(self, answered: Callable[[bool], None]) -> AiohttpSide:
        return self._aiohttp.protocol(answered)

    def forget(self, connection: ClientConnection) -> None:
        """It is lost."""
        self._connections.discard(connection)
        self._of_address[connection.remote] -= 1
        if self._of_address[connection.remote] <= 0:
            del self._of_address[connection.remote]

    def _look(self) -> None:
        self._looking = None
        now = self._loop.time()
        for connection in tuple(self._connections):
            connection.end_if_due(now)
        if self._connections:
            seconds = min(_LOOK_SECONDS, self.head_seconds / 4 or _LOOK_SECONDS)
            self._looking = self._loop.call_later(seconds, self._look)

    async def shutdown(self, seconds: float) -> None:
        """End all connections. Answers that are on their way get ``seconds``; then they are cut off."""
        connections = tuple(self._connections)
        for connection in connections:
            connection.close_when_idle()
        exchanges = [connection.exchange for connection in connections if connection.exchange is not None]
        if exchanges:
            _, cut_off = await asyncio.wait(exchanges, timeout=seconds)
            for exchange in cut_off:
                exchange.cancel()
            if cut_off:
                await asyncio.wait(cut_off, timeout=seconds)
        await self._aiohttp.shutdown(seconds)
        for connection in tuple(self._connections):
            connection.close()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
