"""The connections of a test's own server: none outlives the test.

A transport that nobody closed is found when garbage is collected, and then fails whatever test runs at the time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
# So often the event loop goes round from a connection's arrival until it is served.
_TURNS_TO_ARRIVE = 5


class Connections:
    """Serves each connection that it is called with, and ends them all."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._writers: list[asyncio.StreamWriter] = []
        self.tasks: set[asyncio.Future[None]] = set()
        self.has_ended = False

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one, as ``asyncio.start_server`` asks for it."""
        if self.has_ended:
            writer.transport.abort()
            return
        self._writers.append(writer)
        task = asyncio.ensure_future(self._serve(reader, writer))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def end(self, server: asyncio.Server) -> None:
        """Close ``server``, and cut every connection, also those that are just arriving."""
        loop = asyncio.get_running_loop()
        # A server that is closed loses who was let in and is not served yet: an open socket that nobody has (3.11).
        for listens in server.sockets:
            loop.remove_reader(listens.fileno())
        for _ in range(_TURNS_TO_ARRIVE):
            await asyncio.sleep(0)
        server.close()
        self.has_ended = True
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        # Also of those whose service was cancelled before it began.
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def listening(serve: Serve, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """The port of a TCP server, a free one without ``port``, that holds ``serve`` on each connection."""
    connections = Connections(serve)
    server = await asyncio.start_server(connections, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        await connections.end(server)
