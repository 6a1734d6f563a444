"""Any number of stand-ins for Ollama in one process, each at a loopback address of its own.

``python -m tests.benchmarks.many_ollamas N`` prints the port of all of them and serves until it is ended: 127.1.0.2 is
the first, 127.1.0.3 the second. Each has the model ``shared``, which is in its memory, and one of its own,
``model-1`` at the first. It answers chats at once, with the small exchange of the other measurements.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

from service.gateway.http_server import raise_file_limit
from tests.benchmarks.messages import CHAT_ANSWER

_A_MODEL = {
    "modified_at": "2026-11-21T00:27:42.455996959Z",
    "size": 2019393189,
    "digest": "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
    "details": {"format": "gguf", "family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"},
}


def address_of(number: int) -> str:
    """Where the stand-in with this ``number``, from 1 on, listens."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def _numbered(address: str) -> int:
    *_, third, fourth = map(int, address.split("."))
    return 250 * third + fourth - 1


def _models(*names: str) -> bytes:
    return json.dumps({"models": [{"name": name, "model": name, **_A_MODEL} for name in names]}).encode()


class _Ollama(asyncio.Protocol):
    """One connection to one of them."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._number = _numbered(transport.get_extra_info("sockname")[0])
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            _, found, length = head.partition(b"content-length:")
            total = end + 4 + (int(length.split(b"\r\n")[0]) if found else 0)
            if len(self._received) < total:
                return
            body = self._body(self._received.split(b" ", 2)[1].split(b"?")[0])
            self._received = self._received[total:]
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            self._transport.write(answer % (len(body), body))

    def _body(self, path: bytes) -> bytes:
        if path == b"/api/tags":
            return _models("shared:latest", f"model-{self._number}:latest")
        if path == b"/api/ps":
            return _models("shared:latest")
        return CHAT_ANSWER if path == b"/api/chat" else b'{"version": "0.34.0"}'


async def _serve(count: int) -> None:
    loop = asyncio.get_running_loop()
    raise_file_limit()
    first, *others = [address_of(number) for number in range(1, count + 1)]
    server = await loop.create_server(_Ollama, first, 0)
    port = server.sockets[0].getsockname()[1]
    if others:
        await loop.create_server(_Ollama, others, port)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
