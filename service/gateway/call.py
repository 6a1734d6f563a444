"""What a round trip is given: the call, the ways out of the gateway, the settings; and what it gives back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from service.gateway.capture import CopyRoom
from service.gateway.error_responses import Refusal
from service.gateway.loop_quantum import LoopQuantum
from service.gateway.upstream import Failure, RequestBody, Send
from service.record.exchange import Body, Exchange, OpenExchange

if TYPE_CHECKING:
    from aiohttp import web

Committed = asyncio.Future[None]
Open = Callable[[OpenExchange], None]
Close = Callable[[Exchange], Committed | None]


class Turn(Protocol):
    """A call's turn at an Ollama that many share. ``end`` is called once it is over, however it ended."""

    @property
    def has_facts(self) -> bool:
        """Whether ``waited``, ``behind``, ``changed`` or ``upstream`` may say something."""

    def take_at_once(self, body: RequestBody | None) -> bool:
        """Take a place at the one Ollama that there is, where one is free and the request goes on as it is.

        False: nothing was taken; ``read`` and ``take`` are asked for.
        """

    async def read(self, body: RequestBody | None) -> RequestBody | None:
        """Take the request in, so that nobody has a place who still sends."""

    async def take(self, opened: OpenExchange, body: RequestBody | None) -> RequestBody | Refusal | None:
        """Wait for a place: the request as it goes to Ollama, or why it does not."""

    def end(self) -> None: ...
    @property
    def waited(self) -> float | None:
        """Seconds in the queue; None where there was no wait."""

    @property
    def behind(self) -> str | None:
        """Who was served meanwhile, in words."""

    @property
    def changed(self) -> tuple[str, ...]:
        """The fields that were put into the request."""

    @property
    def send(self) -> Send | None:
        """How to ask the Ollama whose turn it is; None: there is but one."""

    @property
    def upstream(self) -> str | None:
        """The name of that Ollama, None where there is but one or none was chosen."""

    @property
    def url(self) -> str | None:
        """Its address."""

    def goes_on(self, failure: Failure) -> bool:
        """Whether the call may ``take`` another turn, as nothing of it went out."""


Share = Callable[[OpenExchange, str | None], Turn | None]
"""The turn of a call that has begun, its request still to be read; None: it need not wait for one.

The text is the name of the Ollama that the call asks for.
"""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Seconds: ``idle_seconds`` that nothing may be heard of Ollama, ``body_seconds`` of a request's body (0: for any
    time), ``hold`` that an answer may wait for its record (0: it does not wait; infinite: it never goes without it).
    """

    ollama_url: str
    idle_seconds: float
    body_seconds: float
    keep_body_bytes: int
    hold: float = 0.25


@dataclass(slots=True)
class Hooks:
    """How to reach Ollama, and who hears that an exchange opens and ends.

    ``close`` may return a future that is done when the record is on disk. ``released`` is called for each answer that
    did not wait for that any longer. ``copy_room`` is for the copies of all exchanges in
    flight, ``quantum`` for their large pieces. ``share`` None: every
    call goes to Ollama at once.
    """

    send: Send
    open: Open
    close: Close
    released: Callable[[], None]
    settings: RelaySettings
    copy_room: CopyRoom
    quantum: LoopQuantum
    is_stopping: bool = False
    share: Share | None = None


# Not frozen, which takes longer to make; nobody sets a field later. A named tuple takes longer to read.
@dataclass(slots=True)
class Call:
    """A request that was admitted: what goes to Ollama. ``open_with`` makes the open exchange of its body.

    ``upstream`` names the Ollama, of several, that it asks for.
    """

    id: str
    method: str
    path: str
    target: str
    header_lines: list[bytes]
    open_with: Callable[[Body], OpenExchange]
    cors: tuple[tuple[str, str], ...] = ()
    upstream: str | None = None


class AlreadySent:
    """Tells aiohttp that the answer has gone out (by ``ResponseWriter``).

    ``prepare``, ``write_eof`` and ``keep_alive`` are all that aiohttp's ``RequestHandler`` asks of a response.
    """

    __slots__ = ("keep_alive",)

    def __init__(self, keep_alive: bool) -> None:
        self.keep_alive = keep_alive

    async def prepare(self, request: "web.BaseRequest") -> None:
        pass

    async def write_eof(self) -> None:
        pass
