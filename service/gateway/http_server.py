"""The server: it makes the protocol of each connection, and ends those that wait for too long or are to stop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from service.gateway.client_connection import ClientConnection, Handle
from service.gateway.malformed import AiohttpProtocol, AiohttpServer

_LOOK_SECONDS: Final = 1.0


class HttpServer:
    """A protocol factory for ``loop.create_server``.

    ``handle`` answers what is asked of the gateway, ``handle_others`` all else. A request's head has to be whole within
    ``head_seconds`` (0: whenever it likes).
    """

    def __init__(
        self,
        handle: Handle,
        handle_others: Callable[[web.BaseRequest], Awaitable[Any]],
        head_seconds: float = 30.0,
    ) -> None:
        self.handle = handle
        self.head_seconds = head_seconds
        self._loop = asyncio.get_running_loop()
        self._aiohttp = AiohttpServer(handle_others)
        self._connections: set[ClientConnection] = set()
        self._looking: asyncio.TimerHandle | None = None

    def __call__(self) -> ClientConnection:
        connection = ClientConnection(self, self._loop)
        self._connections.add(connection)
        if self._looking is None:
            self._look()
        return connection

    def aiohttp_protocol(self, answered: Callable[[bool], None]) -> AiohttpProtocol:
        return self._aiohttp.protocol(answered)

    def forget(self, connection: ClientConnection) -> None:
        """It is lost."""
        self._connections.discard(connection)

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
