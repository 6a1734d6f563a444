"""aiohttp answers all that is no call of Ollama. It is loaded for the first request of that kind."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from service.events import DefectFound, emit
from service.gateway.error_responses import FAULT, last_answer
from service.loaded_late import LoadedLate

if TYPE_CHECKING:
    from aiohttp import web

    from service.gateway.malformed import AiohttpServer

# Of a request that waits for aiohttp; what is longer stays in the kernel meanwhile.
_MOST_WAITING: Final = 64 * 1024


class AiohttpSide(Protocol):
    """What a client's connection asks of aiohttp's protocol. ``refuses``: what it can read is refused nevertheless."""

    refuses: bool

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, exc: BaseException | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def refuse_body(self, status: int, fault: str) -> None: ...


class WaitingSide:
    """Stands for aiohttp's protocol until that is loaded, and passes everything on to it afterwards."""

    def __init__(self) -> None:
        self._aiohttp: AiohttpSide | None = None
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._size = 0
        self._refused: tuple[int, str] | None = None
        self._writes = True
        self._refuses = False

    @property
    def refuses(self) -> bool:
        return self._refuses

    @refuses.setter
    def refuses(self, value: bool) -> None:
        self._refuses = value
        if self._aiohttp is not None:
            self._aiohttp.refuses = value

    def go_on(self, make: Callable[[], AiohttpSide]) -> None:
        """It is loaded."""
        transport = self._transport
        if transport is None:
            return
        aiohttp = self._aiohttp = make()
        aiohttp.refuses = self._refuses
        aiohttp.connection_made(transport)
        if not self._writes:
            aiohttp.pause_writing()
        if self._size > _MOST_WAITING and not transport.is_closing():
            transport.resume_reading()
        waiting, self._waiting = b"".join(self._waiting), []
        aiohttp.data_received(waiting)
        if self._refused is not None:
            aiohttp.refuse_body(*self._refused)

    def give_up(self) -> None:
        """It cannot be loaded or made."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(last_answer(500, FAULT))
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a TCP connection's transport reads and writes

    def connection_lost(self, exc: BaseException | None) -> None:
        self._transport = None
        self._waiting.clear()
        if self._aiohttp is not None:
            self._aiohttp.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._aiohttp is not None:
            self._aiohttp.data_received(data)
            return
        self._waiting.append(data)
        self._size += len(data)
        if self._size > _MOST_WAITING and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._writes = False
        if self._aiohttp is not None:
            self._aiohttp.pause_writing()

    def resume_writing(self) -> None:
        self._writes = True
        if self._aiohttp is not None:
            self._aiohttp.resume_writing()

    def refuse_body(self, status: int, fault: str) -> None:
        if self._aiohttp is not None:
            self._aiohttp.refuse_body(status, fault)
        else:
            self._refused = status, fault


class LateAiohttp:
    """``handle`` answers what aiohttp has read."""

    def __init__(self, handle: Callable[["web.BaseRequest"], Awaitable[Any]]) -> None:
        self._server: LoadedLate[AiohttpServer] = LoadedLate(partial(_load, handle))
        self._waiting: set[asyncio.Task[None]] = set()

    def protocol(self, answered: Callable[[bool], None]) -> AiohttpSide:
        """The side of one connection. ``answered`` is called after each answer: whether the connection goes on."""
        if self._server.now is not None:
            return self._server.now.protocol(answered)
        side = WaitingSide()
        task = asyncio.get_running_loop().create_task(self._go_on(side, answered), name="load aiohttp")
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return side

    async def shutdown(self, seconds: float) -> None:
        """End what is being answered, within so many seconds."""
        for task in self._waiting:
            task.cancel()
        if self._server.now is not None:
            await self._server.now.shutdown(seconds)

    async def _go_on(self, side: WaitingSide, answered: Callable[[bool], None]) -> None:
        try:
            server = await self._server.get()
            side.go_on(partial(server.protocol, answered))
        except Exception as error:  # noqa: BLE001 - whatever keeps it from being there, exchanges go on
            emit(DefectFound("http", repr(error)[:200]))
            side.give_up()


def _load(handle: Callable[["web.BaseRequest"], Awaitable[Any]]) -> Callable[[], "AiohttpServer"]:
    from aiohttp import http_parser

    from service.gateway.malformed import AiohttpServer

    # The start looked whether the other one is there; that it can be loaded is known only now.
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ImportError("aiohttp's C parser cannot be loaded")
    return partial(AiohttpServer, handle)
