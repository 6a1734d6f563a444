import asyncio
import hashlib
import json
from collections.abc import AsyncIterator

import pytest

from tests.fakes.ollama import (
    CHUNKED,
    FIN,
    HOLD,
    RESET,
    FakeOllama,
    answer,
    chunk,
    early,
    head,
    json_answer,
    ndjson_stream,
    recorded,
    recording,
    whole,
)


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        yield fake


class Client:
    """A bare connection: what is sent and read are bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, ollama: FakeOllama) -> "Client":
        return cls(*await asyncio.open_connection(ollama.host, ollama.port))

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def read_all(self) -> bytes:
        async with asyncio.timeout(20):
            return await self.reader.read()

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def test_a_recording_is_replayed_byte_for_byte_whole_or_in_pieces(ollama: FakeOllama) -> None:
    ollama.answers("/api/chat", recording("chat_stream"), recording("chat_stream", piece=7))
    for _ in range(2):
        client = await Client.to(ollama)
        client.ask("POST", "/api/chat", b"{}")
        assert await client.read_all() == recorded("chat_stream")
        await client.leave()


async def test_a_request_is_noted_with_its_raw_head_and_the_hash_of_its_body(ollama: FakeOllama) -> None:
    client = await Client.to(ollama)
    body = bytes(range(256)) * 8192
    client.ask("POST", "/api/blobs/sha256:1?x=%2f", body, X_Odd="  spaced  ", Connection="close")
    assert (await client.read_all()).startswith(b"HTTP/1.1 201 Created\r\n")
    request = ollama.requests[0]
    assert request.head.startswith(b"POST /api/blobs/sha256:1?x=%2f HTTP/1.1\r\nHost: localhost\r\n")
    assert (request.method, request.target, request.header("x-odd")) == ("POST", "/api/blobs/sha256:1?x=%2f", "spaced")
    assert (request.body_length, request.body_sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert len(request.body_start) < len(body)
    await client.leave()


async def test_a_chunked_upload_after_expect_is_told_to_continue_and_read_to_its_end(ollama: FakeOllama) -> None:
    client = await Client.to(ollama)
    client.writer.write(
        b"POST /api/show HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.writer.write(b'3;x=y\r\n{"a\r\n4\r\n":1}\r\n0\r\nTrailer: yes\r\n\r\n')
    assert (await client.read_all()).startswith(b"HTTP/1.1 200 OK")
    assert ollama.requests[0].json() == {"a": 1}
    await client.leave()


async def test_an_early_answer_arrives_although_the_upload_was_not_read(ollama: FakeOllama) -> None:
    ollama.answers("/api/blobs/x", early(whole(b"known", 200)))
    client = await Client.to(ollama)
    client.ask("POST", "/api/blobs/x", b"x" * 4096, Expect="100-continue")
    assert (await client.read_all()).endswith(b"\r\n\r\nknown")
    assert not ollama.requests[0].body_is_complete
    await client.leave()


async def test_an_event_holds_the_answer_until_the_test_sets_it(ollama: FakeOllama) -> None:
    may_go_on = asyncio.Event()
    ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(b"one"), may_go_on, chunk(b"two"), FIN))
    client = await Client.to(ollama)
    client.ask("POST", "/api/chat")
    assert (await client.reader.readuntil(b"one\r\n")).endswith(b"3\r\none\r\n")
    may_go_on.set()
    assert await client.read_all() == b"3\r\ntwo\r\n"
    await client.leave()


async def test_a_reset_reaches_the_client_as_a_reset(ollama: FakeOllama) -> None:
    ollama.answers("/api/chat", answer(head(200, CHUNKED), chunk(b"one"), RESET))
    client = await Client.to(ollama)
    client.ask("POST", "/api/chat")
    with pytest.raises(ConnectionResetError):
        await client.read_all()


async def test_a_client_that_hangs_up_is_noted_with_the_time_and_ends_the_script(ollama: FakeOllama) -> None:
    ollama.answers("/api/chat", answer(head(200, CHUNKED), HOLD), ndjson_stream(10_000, interval=0.01))
    for number in (1, 2):
        client = await Client.to(ollama)
        client.ask("POST", "/api/chat")
        await client.reader.readuntil(b"\r\n\r\n")
        request = await ollama.request(number)
        assert not request.hung_up.is_set()
        left_at = asyncio.get_running_loop().time()
        await client.leave()
        async with asyncio.timeout(20):
            await request.hung_up.wait()
            await request.answered.wait()
        assert request.hung_up_at is not None
        assert request.hung_up_at >= left_at


async def test_a_client_that_leaves_after_the_answer_did_not_hang_up(ollama: FakeOllama) -> None:
    ollama.answers("/api/tags", json_answer({"models": []}))
    client = await Client.to(ollama)
    for number in (1, 2):
        client.ask("GET", "/api/tags")
        assert (await client.reader.readuntil(b"}")).endswith(b'{"models":[]}')
        assert (await ollama.request(number)).connection == 1
    await client.leave()
    await ollama.all_disconnected()
    assert not any(request.hung_up.is_set() for request in ollama.requests)


async def test_without_a_script_the_answer_is_what_a_real_ollama_sent(ollama: FakeOllama) -> None:
    client = await Client.to(ollama)
    client.ask("POST", "/api/chat", json.dumps({"model": "tiny", "stream": False}).encode())
    expected = recorded("chat_once", close=False)
    assert await client.reader.readexactly(len(expected)) == expected
    client.ask("POST", "/api/chat", json.dumps({"model": "tiny"}).encode())
    expected = recorded("chat_stream", close=False)
    assert await client.reader.readexactly(len(expected)) == expected
    client.ask("GET", "/debug/pprof", Connection="close")
    assert (await client.read_all()).startswith(b"HTTP/1.1 404 Not Found")
    await client.leave()


async def test_a_fault_in_a_script_is_raised_when_the_server_ends() -> None:
    async def faulty(_: object) -> None:
        raise ZeroDivisionError

    ollama = await FakeOllama().__aenter__()
    ollama.answers("/api/chat", faulty)
    client = await Client.to(ollama)
    client.ask("POST", "/api/chat")
    assert await client.read_all() == b""
    await client.leave()
    with pytest.raises(ZeroDivisionError):
        await ollama.__aexit__()
