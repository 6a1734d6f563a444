"""What a round trip is given: the call, the ways out of the gateway, the settings; and what it gives back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from service.gateway.upstream import Send
from service.record.exchange import Body, Exchange, OpenExchange

Committed = asyncio.Future[None]
Open = Callable[[OpenExchange], None]
Close = Callable[[Exchange], Committed | None]


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """``idle_seconds``: how long nothing may be heard. ``hold``: seconds that an answer may wait for its record.

    An ``idle_seconds`` of 0 means for any time; a ``hold`` of 0 lets answers go before their record is kept,
    an infinite one never lets them go without it.
    """

    ollama_url: str
    idle_seconds: float
    keep_body_bytes: int
    hold: float = 0.25


@dataclass(slots=True)
class Hooks:
    """How to reach Ollama, and who hears that an exchange opens and ends.

    ``close`` may return a future that is done when the record is on disk. ``released`` is called for each answer that
    did not wait for that any longer.
    """

    send: Send
    open: Open
    close: Close
    released: Callable[[], None]
    settings: RelaySettings
    is_stopping: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was admitted: what goes to Ollama. ``open_with`` makes the open exchange of its body."""

    id: str
    method: str
    path: str
    target: str
    header_lines: list[bytes]
    open_with: Callable[[Body], OpenExchange]
    cors: tuple[tuple[str, str], ...] = ()


class AlreadySent:
    """Tells aiohttp that the answer has gone out (by ``ResponseWriter``).

    ``prepare``, ``write_eof`` and ``keep_alive`` are all that aiohttp's ``RequestHandler`` asks of a response.
    """

    __slots__ = ("keep_alive",)

    def __init__(self, keep_alive: bool) -> None:
        self.keep_alive = keep_alive

    async def prepare(self, request: web.BaseRequest) -> None:
        pass

    async def write_eof(self) -> None:
        pass
