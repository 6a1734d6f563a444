"""The shipped NGINX configuration in the real NGINX, between raw sockets on both sides."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from tests.fakes.connections import listening
from tests.servers.nginx import SHIPPED, rendered
from tests.servers.process import RunningServer

SECONDS = 10.0
StartNginx = Callable[..., RunningServer]
Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Upstream:
    """A scripted recorder: what it was sent, and where it listens."""

    address: str = ""
    heads: list[bytes] = field(default_factory=list)


@contextlib.asynccontextmanager
async def upstream(
    script: Callable[[Upstream], Conversation], host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Upstream]:
    """Listen (on a free port without ``port``), hold ``script`` on each connection and close it after that."""
    recorder = Upstream()
    converse = script(recorder)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            recorder.heads.append(await reader.readuntil(b"\r\n\r\n"))
            await converse(reader, writer)
        writer.close()

    async with listening(connected, host, port) as port:
        recorder.address = f"{host}:{port}"
        yield recorder


def answering(answer: bytes) -> Callable[[Upstream], Conversation]:
    """A script that sends ``answer`` at once and hangs up."""

    def script(_: Upstream) -> Conversation:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)
            await writer.drain()

        return converse

    return script


EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


async def exchange(nginx: RunningServer, request: bytes) -> bytes:
    """Send ``request`` (which asks to close) and read all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", nginx.port)
    writer.write(request)
    async with asyncio.timeout(SECONDS):
        answer = await reader.read()
    writer.close()
    return answer


def request(start: str, *headers: str, body: bytes = b"") -> bytes:
    """A whole request that closes the connection."""
    lines = [f"{start} HTTP/1.1", "Host: nginx:80", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def body_of(answer: bytes) -> bytes:
    """What follows the head."""
    return answer.split(b"\r\n\r\n", 1)[1]


def access_log(nginx: RunningServer) -> list[dict[str, object]]:
    """The access log's lines, as far as they are written; all others must not be JSON."""
    lines = nginx.log_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]


async def eventually(what: Callable[[], bool]) -> None:
    """Wait until ``what()`` is true, for a bounded time."""
    async with asyncio.timeout(SECONDS):
        while not what():
            await asyncio.sleep(0.01)


async def test_each_piece_of_an_answer_passes_before_the_next_is_made(start_nginx: StartNginx) -> None:
    passed = asyncio.Event()

    def script(_: Upstream) -> Conversation:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _piece in range(3):
                passed.clear()
                writer.write(b"3\r\n{}\n\r\n")
                async with asyncio.timeout(SECONDS):
                    await passed.wait()
            writer.write(b"0\r\n\r\n")
            await writer.drain()

        return converse

    async with upstream(script) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        reader, writer = await asyncio.open_connection("127.0.0.1", nginx.port)
        writer.write(request("POST /api/ollama/api/chat", "Content-Length: 2", body=b"{}"))
        async with asyncio.timeout(SECONDS):
            await reader.readuntil(b"\r\n\r\n")
            for _ in range(3):
                await reader.readuntil(b"{}\n\r\n")
                passed.set()
            assert await reader.read() == b"0\r\n\r\n"
        writer.close()


async def test_each_piece_of_a_request_passes_before_the_next_is_made(start_nginx: StartNginx) -> None:
    came = asyncio.Queue[bytes]()

    def script(_: Upstream) -> Conversation:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while (piece := await reader.readuntil(b"\n\r\n")) != b"4\r\nend\n\r\n":
                came.put_nowait(piece)
            writer.write(EMPTY)
            await writer.drain()

        return converse

    async with upstream(script) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        reader, writer = await asyncio.open_connection("127.0.0.1", nginx.port)
        writer.write(request("POST /api/ollama/api/blobs/sha256:0", "Transfer-Encoding: chunked"))
        async with asyncio.timeout(SECONDS):
            for number in range(3):
                writer.write(b"2\r\n%d\n\r\n" % number)
                assert await came.get() == b"2\r\n%d\n\r\n" % number
            writer.write(b"4\r\nend\n\r\n0\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()


@pytest.mark.parametrize(
    "broken_off",
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n", id="a chunked answer"),
        pytest.param(b"Content-Length: 100\r\n\r\n{}\n", id="an answer of known length"),
    ],
)
async def test_an_answer_that_breaks_off_looks_broken_off(start_nginx: StartNginx, broken_off: bytes) -> None:
    async with upstream(answering(b"HTTP/1.1 200 OK\r\n" + broken_off)) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        answer = await exchange(nginx, request("GET /api/ollama/api/tags"))
        assert body_of(answer).rstrip(b"\r\n").endswith(b"{}")
        assert b"0\r\n\r\n" not in answer


async def test_a_client_that_leaves_is_gone_for_the_recorder_too(start_nginx: StartNginx) -> None:
    hung_up = asyncio.Event()

    def script(_: Upstream) -> Conversation:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            hung_up.set()

        return converse

    async with upstream(script) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        _, writer = await asyncio.open_connection("127.0.0.1", nginx.port)
        writer.write(request("GET /api/ollama/api/tags"))
        await eventually(lambda: bool(recorder.heads))
        writer.close()
        async with asyncio.timeout(SECONDS):
            await hung_up.wait()


async def test_a_body_of_any_size_passes(start_nginx: StartNginx) -> None:
    size = 8_000_000

    def script(_: Upstream) -> Conversation:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            body = await reader.readexactly(size)
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size + body)
            await writer.drain()

        return converse

    async with upstream(script) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        body = b"x" * size
        answer = await exchange(nginx, request("POST /api/ollama/api/chat", f"Content-Length: {size}", body=body))
        assert body_of(answer) == body


@pytest.mark.parametrize(
    "target",
    [
        "/api/ollama/api/tags",
        "/api/ollama",
        "/api/ollama/",
        "/api/ollama/%65cho/a%2Fb%2f..%2F/c//d///e?q=%41&r=a+b//",
        "/api/ollama/~workflow=R%C3%A9sum%C3%A9;node=a%3Bb;execution=231/api/chat",
        "/api/ollama/x/../api/tags",
        "//api/ollama//api/tags",
        "/exchanges.json?q=%22a%22",
        "/api/ollama/" + "~" + "n" * 40_000,
    ],
)
async def test_the_address_passes_byte_for_byte(start_nginx: StartNginx, target: str) -> None:
    async with upstream(answering(EMPTY)) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        answer = await exchange(nginx, request(f"POST {target}", "Content-Length: 2", body=b"{}"))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert recorder.heads[0].split(b"\r\n")[0] == f"POST {target} HTTP/1.1".encode()


async def test_the_recorder_learns_who_asks_and_cannot_be_told_otherwise(start_nginx: StartNginx) -> None:
    async with upstream(answering(EMPTY)) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        told = ["X-Forwarded-For: 203.0.113.9", "X-Real-IP: 203.0.113.9", "X_Own_Name: yes", "TE: trailers"]
        await exchange(nginx, request("GET /", *told, "X-N8N-Workflow-Name: R%C3%A9sum%C3%A9"))
        head = recorder.heads[0].lower().split(b"\r\n")
        assert b"host: nginx:80" in head
        assert [line for line in head if line.startswith(b"x-forwarded-for:")] == [b"x-forwarded-for: 127.0.0.1"]
        assert [line for line in head if line.startswith(b"x-real-ip:")] == [b"x-real-ip: 127.0.0.1"]
        assert b"x_own_name: yes" in head
        assert b"x-n8n-workflow-name: r%c3%a9sum%c3%a9" in head


async def test_a_client_without_host_is_passed_on_with_one(start_nginx: StartNginx) -> None:
    async with upstream(answering(EMPTY)) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        await exchange(nginx, b"GET / HTTP/1.0\r\n\r\n")
        assert b"host: nginx\r\n" in recorder.heads[0].lower()


async def test_nothing_is_added_to_an_answer_or_taken_from_it(start_nginx: StartNginx) -> None:
    head = (
        b"HTTP/1.1 418 I'm a teapot\r\nServer: ollama\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n"
        b"Location: http://127.0.0.1:11434/x\r\nX-Exchange-Id: abc\r\nX-Accel-Redirect: /secret\r\n"
    )
    async with upstream(answering(head + b"\r\nhi")) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        answer = await exchange(nginx, request("GET /api/ollama/api/tags", "Accept-Encoding: gzip"))
        assert body_of(answer) == b"hi"
        received = sorted(answer.split(b"\r\n\r\n")[0].split(b"\r\n"))
        sent = sorted(line for line in head.split(b"\r\n") if line and not line.startswith(b"X-Accel"))
        assert received == sent


async def test_an_error_of_the_recorder_keeps_its_own_body(start_nginx: StartNginx) -> None:
    error = b'HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{"error":"x"}'
    async with upstream(answering(error)) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        assert body_of(await exchange(nginx, request("GET /api/ollama/api/ps"))) == b'{"error":"x"}'


async def test_without_a_recorder_the_client_is_told_what_to_do(start_nginx: StartNginx) -> None:
    nginx = await asyncio.to_thread(start_nginx, "127.0.0.1:1")
    answer = await exchange(nginx, request("POST /api/ollama/api/chat", "Content-Length: 2", body=b"{}"))
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"\r\nContent-Type: application/json\r\n" in answer
    assert "docker compose logs recorder" in json.loads(body_of(answer))["error"]


async def test_a_recorder_that_moved_is_found_again(start_nginx: StartNginx) -> None:
    at = ["127.0.0.1"]
    asked = 0

    class NameServer(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast(asyncio.DatagramTransport, transport)

        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            nonlocal asked
            asked += 1
            question = data[12 : data.index(b"\0", 12) + 5]
            address = bytes(map(int, at[0].split(".")))
            answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x01\0\x04" + address
            self.transport.sendto(data[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + question + answer, addr)

    loop = asyncio.get_running_loop()
    names, _ = await loop.create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    name_server = "127.0.0.1:{}".format(names.get_extra_info("sockname")[1])
    async with upstream(answering(EMPTY)) as before:
        port = before.address.split(":")[1]
        nginx = await asyncio.to_thread(start_nginx, f"recorder:{port}", NGINX_LOCAL_RESOLVERS=name_server)
        assert (await exchange(nginx, request("GET /healthz"))).startswith(b"HTTP/1.1 200")
        assert asked == 1
    at[0] = "127.0.0.2"
    async with upstream(answering(EMPTY), "127.0.0.2", int(port)), asyncio.timeout(2 * SECONDS):
        while not (await exchange(nginx, request("GET /healthz"))).startswith(b"HTTP/1.1 200"):
            await asyncio.sleep(0.1)
    names.close()


async def test_the_access_log_is_json_that_names_the_exchange_and_holds_no_body(start_nginx: StartNginx) -> None:
    answer = b"HTTP/1.1 200 OK\r\nX-Exchange-Id: abc123\r\nContent-Length: 6\r\nConnection: close\r\n\r\nanswer"
    async with upstream(answering(answer)) as recorder:
        nginx = await asyncio.to_thread(start_nginx, recorder.address)
        await exchange(nginx, request("POST /api/ollama/api/chat?a=%22", "Content-Length: 6", body=b"prompt"))
        # A line is written when the client already has its answer: another worker's could come before it.
        await eventually(lambda: len(access_log(nginx)) == 1)
        await exchange(nginx, b'GET /\xff" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        await eventually(lambda: len(access_log(nginx)) == 2)
        first, second = access_log(nginx)
        assert (first["exchange"], first["status"], first["response_bytes"]) == ("abc123", 200, 6)
        assert first["request_uri"] == "/api/ollama/api/chat?a=%22"
        assert second["request_uri"] == "(unreadable)"
        assert not {"job", "service"} & first.keys()
        assert "prompt" not in nginx.log_text()
        assert "answer" not in nginx.log_text()


@pytest.mark.parametrize(
    ("given", "waits"),
    [
        ({}, "330s"),
        ({"OLLAMA_TIMEOUT": "300"}, "330s"),
        ({"OLLAMA_TIMEOUT": "0.5"}, "31s"),
        ({"OLLAMA_TIMEOUT": "0"}, "20d"),
    ],
)
def test_nginx_waits_longer_than_the_recorder(given: dict[str, str], waits: str) -> None:
    assert rendered("${NGINX_TIMEOUT}", given) == waits


def test_a_wrong_timeout_stops_the_start_with_what_is_expected() -> None:
    with pytest.raises(ValueError, match="OLLAMA_TIMEOUT=soon: expected seconds"):
        rendered("", {"OLLAMA_TIMEOUT": "soon"})


def test_the_timeouts_stand_where_the_guide_says_they_do() -> None:
    template = (SHIPPED / "proxy.conf.template").read_text()
    block = template[template.index("location /api/ollama/ {") :].split("}\n")[0]
    for directive in ("proxy_connect_timeout", "proxy_send_timeout", "proxy_read_timeout"):
        assert directive in block


def test_every_name_in_braces_is_replaced_and_every_other_kept() -> None:
    template = (SHIPPED / "proxy.conf.template").read_text()
    text = rendered(template, {"RECORDER": "recorder:8080", "NGINX_LOCAL_RESOLVERS": "127.0.0.11"})
    assert "${" not in text
    assert "$client_host" in text
