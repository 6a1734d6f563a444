"""What stands behind every gateway in a measurement: cheap, so that it is never what is measured.

It knows as much HTTP as its clients here speak: requests with ``Content-Length``, one after the other.

* ``POST …/api/chat`` answers the small exchange: one JSON object, keep-alive;
* ``POST …/api/chat?chunks=N&interval=S`` answers a stream: N lines of 131 bytes, one chunk every S seconds;
* ``POST …/v1/chat/completions`` the same in OpenAI's form, where the body says how a stream should come;
* ``POST …/loki/api/v1/push`` is taken with 204; anything else is answered with an empty object.

``python -m tests.benchmarks.upstream`` prints its port and serves until it is ended.
"""

import argparse
import asyncio
import json
import sys
from contextlib import suppress
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import orjson
import uvloop

from tests.benchmarks import openai_messages
from tests.benchmarks.messages import CHAT_ANSWER, LAST_CHUNK, LAST_LINE_CHUNK, TOKEN_CHUNK

_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
_EVENTS_HEAD = _STREAM_HEAD.replace(b"application/x-ndjson", b"text/event-stream")
_LINES = TOKEN_CHUNK, LAST_LINE_CHUNK + LAST_CHUNK
_EVENTS = openai_messages.TOKEN_EVENT_CHUNK, openai_messages.LAST_EVENTS_CHUNK + LAST_CHUNK


def _with_length(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    return head + b"Date: Sat, 21 Nov 2026 00:27:42 GMT\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


_SMALL = _with_length(CHAT_ANSWER)
_SMALL_OPENAI = _with_length(openai_messages.ANSWER)
_EMPTY = _with_length(json.dumps({"version": "0.17.4", "models": []}).encode())
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Upstream(asyncio.Protocol):
    """One connection of a gateway."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self._next_chunk: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._next_chunk:
            self._next_chunk.cancel()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        while (end := received.find(b"\r\n\r\n")) >= 0:
            total = end + 4 + _content_length(received[:end])
            if len(received) < total:
                break
            self._answer(received[: received.index(b"\r\n")], received[end + 4 : total])
            received = received[total:]
        self._received = received

    def _answer(self, request_line: bytes, body: bytes) -> None:
        if b"/api/chat " in request_line:
            self._transport.write(_SMALL)
        elif b"/api/chat?" in request_line:
            asked = parse_qs(urlsplit(request_line.split(b" ")[1].decode()).query)
            self._transport.write(_STREAM_HEAD)
            self._stream(_LINES, int(asked["chunks"][0]), float(asked["interval"][0]), self._loop.time())
        elif b"/v1/chat/completions " in request_line:
            self._answer_openai(orjson.loads(body))
        elif b"/loki/api/v1/push" in request_line:
            self._transport.write(_NO_CONTENT)
        else:
            self._transport.write(_EMPTY)

    def _answer_openai(self, chat: dict[str, Any]) -> None:
        if chat.get("stream"):
            self._transport.write(_EVENTS_HEAD)
            self._stream(_EVENTS, chat["max_tokens"], chat["seed"] / 1000, self._loop.time())
        else:
            self._transport.write(_SMALL_OPENAI)

    def _stream(self, pieces: tuple[bytes, bytes], left: int, interval: float, due: float) -> None:
        """Send one chunk, and the rest on a fixed schedule: a late chunk does not delay those after it."""
        if left == 1:
            self._transport.write(pieces[1])
            return
        self._transport.write(pieces[0])
        due += interval
        self._next_chunk = self._loop.call_at(due, self._stream, pieces, left - 1, interval, due)


def _content_length(head: bytes) -> int:
    at = head.lower().find(b"\r\ncontent-length:")
    return int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def _main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The upstream of the measurements.")
    parser.add_argument("--port", type=int, default=0)
    with suppress(KeyboardInterrupt):
        uvloop.run(_main(parser.parse_args().port))
