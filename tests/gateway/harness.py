"""A gateway on a real socket whose exchanges are collected in lists, and a client that speaks raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from service.gateway.admission import Policy
from service.gateway.call import Committed, Hooks, RelaySettings
from service.gateway.capture import CopyRoom
from service.gateway.error_responses import Refusal
from service.gateway.gateway import Gateway
from service.gateway.generate import PATH, Generate
from service.gateway.http_server import Bounds, HttpServer
from service.gateway.loop_quantum import LoopQuantum
from service.gateway.relay import Relay
from service.gateway.upstream import Upstream
from service.record.exchange import Exchange, OpenExchange
from service.settings import TABLE


@dataclass
class RunningGateway:
    """What a test sees of the gateway: its port, what opened and ended, and a way to delay the journal."""

    port: int = 0
    opened: list[OpenExchange] = field(default_factory=list)
    ended: list[Exchange] = field(default_factory=list)
    released: int = 0
    commit: Callable[[Exchange], Committed | None] = lambda exchange: None
    relay: Relay | None = None
    _ended: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def exchange(self, number: int = 1) -> Exchange:
        """Wait until ``number`` exchanges have ended, and return the last of them."""
        async with asyncio.timeout(20):
            while len(self.ended) < number:
                await asyncio.sleep(0.005)
        return self.ended[number - 1]

    def close(self, exchange: Exchange) -> Committed | None:
        self.ended.append(exchange)
        return self.commit(exchange)

    def was_released(self) -> None:
        self.released += 1


@asynccontextmanager
async def running_gateway(
    ollama_url: str,
    *,
    policy: Policy | None = None,
    idle_seconds: float = 30.0,
    keep: int = 1 << 20,
    hold: float = 0.25,
    copy_bytes: int = 1 << 27,
    choose_model: Callable[[], Awaitable[str | Refusal]] | None = None,
) -> AsyncIterator[RunningGateway]:
    """``choose_model``: serve ``/generate`` too."""
    running = RunningGateway()
    upstream = Upstream(ollama_url)
    hooks = Hooks(
        upstream.send,
        running.opened.append,
        running.close,
        running.was_released,
        RelaySettings(ollama_url, idle_seconds, idle_seconds, keep, hold),
        CopyRoom(copy_bytes),
        LoopQuantum(),
    )
    running.relay = Relay(hooks)
    trusted = TABLE["trusted_proxies"].read("loopback,private")
    gateway = Gateway(running.relay, policy or Policy(), trusted)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert request.path == PATH
        return await generate.handle(request)  # type: ignore[return-value]  # AlreadySent acts as one

    server = HttpServer(gateway.handle, handle, Bounds(), hooks.quantum)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    running.port = listening.sockets[0].getsockname()[1]
    own_door = Upstream(running.url)
    generate = Generate(gateway, policy or Policy(), trusted, own_door.send, choose_model or _no_model, idle_seconds)
    try:
        yield running
    finally:
        own_door.close()
        listening.close()
        await server.shutdown(1)
        upstream.close()


async def _no_model() -> Refusal:
    return Refusal(503, "Ollama has no model yet. Fetch one: ollama pull llama3.2", "GENERATE_MODEL")


@dataclass(frozen=True)
class RawAnswer:
    """The bytes of one answer until the connection ended or the answer was whole."""

    head: bytes
    rest: bytes

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    def header(self, name: str) -> str | None:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.decode().lower() == name.lower():
                return value.decode().strip()
        return None

    @property
    def body(self) -> bytes:
        if self.header("Transfer-Encoding") != "chunked":
            return self.rest
        body, rest = b"", self.rest
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]
        return body

    @property
    def is_complete(self) -> bool:
        if self.header("Transfer-Encoding") == "chunked":
            return self.rest.endswith(b"0\r\n\r\n")
        length = self.header("Content-Length")
        return length is not None and len(self.rest) == int(length)


def request_bytes(method: str, target: str, body: bytes = b"", host: str = "localhost:8080", **headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def talk(port: int, sent: bytes, within: float = 20.0) -> RawAnswer:
    """Send bytes on a new connection, ask for its end, and return all that was answered."""
    if b"\r\nConnection:" not in sent and b" HTTP/1.1\r\n" in sent:
        sent = sent.replace(b" HTTP/1.1\r\n", b" HTTP/1.1\r\nConnection: close\r\n", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(within):
            writer.write(sent)
            received = await reader.read()
    except ConnectionResetError:
        received = b""
    finally:
        writer.close()
    head, _, rest = received.partition(b"\r\n\r\n")
    return RawAnswer(head, rest)
