"""The client towards Ollama. The relay knows only ``Send``, so another client can take its place.

What goes wrong comes back as a ``Failure`` or as the answer's ``failure``: foreign exceptions end here.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from service.gateway.connection import Connection, Take
from service.record.exchange import Outcome

CONNECT_SECONDS: Final = 5.0
_KEPT_CONNECTIONS: Final = 512
_HAVE_NO_BODY: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Failure:
    """Ollama could not be asked."""

    outcome: Outcome
    reason: str


class UpstreamResponse(Protocol):
    """An answer whose head has come. ``length`` is its declared length, None when it is chunked or ends with EOF."""

    @property
    def status(self) -> int: ...
    @property
    def reason(self) -> bytes: ...
    @property
    def headers(self) -> Sequence[tuple[bytes, bytes]]: ...
    @property
    def length(self) -> int | None: ...
    @property
    def failure(self) -> str | None:
        """Why the body ended early; None while it did not."""

    @property
    def has_begun(self) -> bool:
        """Whether something of the body is here to be read."""

    async def forward(self, take: Take) -> bool:
        """Give the body to ``take``, piece by piece, as it comes. False: it ended, or broke off (``failure``).

        True: ``take`` asked for a pause by returning True; the rest comes when this is called again.
        """

    def finish(self) -> None:
        """Keep the connection for the next exchange. Only after the end was read."""

    def abort(self) -> None:
        """Hang up at once: Ollama stops generating when it sees that."""


# Not frozen, which takes longer to make; nobody sets a field later. A named tuple takes longer to make and to read.
@dataclass(slots=True)
class RequestBody:
    """A request's body: ``content`` is all of it, or its pieces as they come. ``length`` None: nobody knows."""

    content: bytes | AsyncIterator[bytes]
    length: int | None


Send = Callable[[str, str, Sequence[bytes], RequestBody | None], Awaitable[UpstreamResponse | Failure]]


class Upstream:
    """Ollama at ``url``, over connections that are kept. ``send`` is a ``Send``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._base = parts.path.rstrip("/")
        self._host_line = f"Host: {parts.netloc}\r\n".encode()
        self._idle: list[Connection] = []

    async def send(
        self, method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
    ) -> UpstreamResponse | Failure:
        """Ask Ollama. ``target`` is the encoded path with its query, ``lines`` are header lines without framing.

        Nothing is sent twice, but for a request without a body on a kept connection that turns
        out to be dead before a byte came back.
        """
        head, is_chunked = self._head(method, target, lines, body)
        content = body.content if body is not None else b""
        while True:
            connection = self._take_idle()
            is_kept = connection is not None
            if connection is None:
                try:
                    connection = await self._connect()
                except OSError as error:
                    return Failure(Outcome.UPSTREAM_UNREACHABLE, _reason(error))
            try:
                await connection.ask(method, head, content, is_chunked)
            except BaseException:
                connection.abort()
                raise
            if connection.failure is None or connection.status:
                return connection
            connection.abort()
            if not (is_kept and method in _HAVE_NO_BODY and body is None and not connection.received):
                return Failure(Outcome.UPSTREAM_BROKE_OFF, connection.failure)

    def close(self) -> None:
        """End the connections that nobody uses."""
        while self._idle:
            self._idle.pop().abort()

    def _head(self, method: str, target: str, lines: Sequence[bytes], body: RequestBody | None) -> tuple[bytes, bool]:
        parts = [
            f"{method} {self._base}{target} HTTP/1.1\r\n".encode("utf-8", "surrogateescape"),
            self._host_line,
            *lines,
        ]
        is_chunked = False
        if body is None:
            if method not in _HAVE_NO_BODY:
                parts.append(b"Content-Length: 0\r\n")
        elif body.length is None:
            is_chunked = True
            parts.append(b"Transfer-Encoding: chunked\r\n")
        else:
            parts.append(b"Content-Length: %d\r\n" % body.length)
        parts.append(b"\r\n")
        return b"".join(parts), is_chunked

    def _take_idle(self) -> Connection | None:
        # The one used last is the least likely to have been closed by the other side.
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    def _keep(self, connection: Connection) -> None:
        if len(self._idle) < _KEPT_CONNECTIONS:
            self._idle.append(connection)
        else:
            connection.abort()

    async def _connect(self) -> Connection:
        """Raises OSError (TimeoutError is one)."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await loop.create_connection(
                lambda: Connection(self._keep), self._host, self._port, ssl=self._tls
            )
        return connection


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_SECONDS:g} s"
    # The error's own text names the address once more, in Python's way.
    return os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
