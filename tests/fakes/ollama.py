"""A stand-in for Ollama that sends exactly what a script says, and notes everything it sees.

    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(b"half an ans"), RESET))
        ...  # let something call ollama.url + "/api/chat"
        request = await ollama.request()
        await request.hung_up.wait()

A script is a callable that talks to one request's connection; ``answer`` makes one from steps:
bytes are sent as they are, an ``asyncio.Event`` is waited for, a number is a pause in seconds,
and the words ``FIN``, ``RESET``, ``HOLD``, ``READ_UPLOAD`` do what they say. An address without
a script is answered with what a real Ollama sent (``tests/recordings``). A script whose client
hangs up is cancelled, as Ollama stops generating. A fault in a script is raised when the server ends.

``python -m tests.fakes.ollama --port 11434`` serves the same answers as a process of its own;
there ``--interval`` lets streamed chats and texts come word by word at that pace.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from tests.fakes.connections import Connections
from tests.fakes.conversation import CONTINUE, KEPT_BODY_BYTES, Conversation, Request, Script
from tests.fakes.scripts import (
    BAD_CHUNK,
    CHUNKED,
    FIN,
    HOLD,
    LAST_CHUNK,
    READ_UPLOAD,
    RESET,
    answer,
    chunk,
    done_line,
    early,
    head,
    json_answer,
    loaded_with,
    ndjson_stream,
    recorded,
    recording,
    sse_stream,
    token_line,
    usual_answer,
    whole,
)

__all__ = [
    "ANY",
    "BAD_CHUNK",
    "CHUNKED",
    "CONTINUE",
    "FIN",
    "HOLD",
    "KEPT_BODY_BYTES",
    "LAST_CHUNK",
    "READ_UPLOAD",
    "RESET",
    "Conversation",
    "FakeOllama",
    "Request",
    "Script",
    "answer",
    "chunk",
    "done_line",
    "early",
    "head",
    "json_answer",
    "loaded_with",
    "ndjson_stream",
    "recorded",
    "recording",
    "sse_stream",
    "token_line",
    "usual_answer",
    "whole",
]

ANY = "*"
LONGEST_HEAD = 1 << 18


class FakeOllama:
    """The server. ``requests`` holds what came in, in order of arrival, on every connection."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.requests: list[Request] = []
        self.connections_opened = 0
        self._scripts: dict[str, list[Script]] = {}
        self._faults: list[BaseException] = []
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._connections = Connections(self._serve)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._connections.tasks)

    def answers(self, path: str, *scripts: Script) -> None:
        """Answer requests for ``path`` (or ``ANY``) with these scripts, in order; the last one stays."""
        self._scripts[path] = list(scripts)

    async def request(self, number: int = 1, within: float = 5.0) -> Request:
        """Wait until request ``number`` (from 1) has arrived, and return it. Its body may still be on the way."""
        async with asyncio.timeout(within), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= number)
        return self.requests[number - 1]

    async def all_disconnected(self, within: float = 5.0) -> None:
        """Wait until every connection that is open now has ended."""
        async with asyncio.timeout(within):
            await asyncio.gather(*self._connections.tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._connections = Connections(self._serve)
        self._server = await loop.create_server(self._new_connection, self.host, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        if self._faults:
            raise self._faults[0]

    async def stop(self) -> None:
        """Stop listening and cut every connection, as when Ollama is ended."""
        assert self._server is not None
        await self._connections.end(self._server)

    def _new_connection(self) -> asyncio.StreamReaderProtocol:
        return _NotingProtocol(asyncio.StreamReader(limit=LONGEST_HEAD), self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = writer.transport.get_protocol()
        assert isinstance(protocol, _NotingProtocol)
        writer.transport.set_write_buffer_limits(high=0)  # so that "sent" means: handed to the kernel
        self.connections_opened += 1
        connection = self.connections_opened
        try:
            can_be_used_again = True
            while can_be_used_again:
                request = Request(await reader.readuntil(b"\r\n\r\n"), connection)
                async with self._arrived:
                    self.requests.append(request)
                    self._arrived.notify_all()
                can_be_used_again = await self._converse(Conversation(request, reader, writer), protocol)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client left between two requests
        except Exception as fault:  # noqa: BLE001 - whatever it is, it is raised when the server ends
            self._faults.append(fault)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _converse(self, conversation: Conversation, protocol: "_NotingProtocol") -> bool:
        """Run the script for one request; return whether the connection can be used again."""
        request = conversation.request
        script = asyncio.ensure_future(self._script_for(request.path)(conversation))

        def end_of_client() -> None:
            if conversation.note_end_of_client():
                script.cancel()

        protocol.on_end = end_of_client
        try:
            await asyncio.wait([script])
        finally:
            script.cancel()
            request.answered.set()
        if not script.cancelled() and (fault := script.exception()) and not request.hung_up.is_set():
            raise fault
        if not (conversation.is_closed or request.hung_up.is_set() or request.body_is_complete):
            await conversation.close()
        wants_close = "close" in (request.header("Connection") or "").lower() or request.version == "HTTP/1.0"
        return not (conversation.is_closed or request.hung_up.is_set() or wants_close)

    def _script_for(self, path: str) -> Script:
        scripts = self._scripts.get(path) or self._scripts.get(ANY)
        if not scripts:
            return usual_answer
        return scripts.pop(0) if len(scripts) > 1 else scripts[0]


class _NotingProtocol(asyncio.StreamReaderProtocol):
    """Notes when the client's side of the connection ends, without anybody having to read."""

    on_end: Callable[[], None] | None = None

    def eof_received(self) -> bool | None:
        if self.on_end:
            self.on_end()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.on_end:
            self.on_end()
        super().connection_lost(exc)


async def _main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Ollama with recorded answers.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--interval", type=float, default=0.0, help="seconds between the words of a streamed chat")
    arguments = parser.parse_args()
    async with FakeOllama(arguments.port, arguments.host) as ollama:
        if arguments.interval:
            ollama.answers("/api/chat", ndjson_stream(40, arguments.interval))
            ollama.answers("/v1/chat/completions", sse_stream(40, arguments.interval))
        sys.stdout.write(f"listening on {ollama.url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_main())
