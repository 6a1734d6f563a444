"""The client towards Ollama, at the level of its connections."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from service.gateway.connection import Connection
from service.gateway.upstream import Failure, RequestBody, Upstream, UpstreamResponse
from service.record.exchange import Outcome
from tests.fakes.ollama import (
    ANY,
    CHUNKED,
    FIN,
    HOLD,
    RESET,
    Conversation,
    FakeOllama,
    answer,
    chunk,
    early,
    head,
    json_answer,
    whole,
)


async def read_all(got: UpstreamResponse | Failure) -> bytes:
    assert not isinstance(got, Failure), got
    pieces: list[bytes] = []
    assert not await got.forward(lambda piece: bool(pieces.append(piece)))  # type: ignore[func-returns-value]  # None
    return b"".join(pieces)


async def ask(upstream: Upstream, method: str = "GET", content: bytes | None = None) -> UpstreamResponse | Failure:
    body = None if content is None else RequestBody(content, len(content))
    return await upstream.send(method, "/api/chat", (b"X-A: b\r\n",), body)


async def test_connections_are_kept_and_used_again_the_last_one_first() -> None:
    async with FakeOllama() as ollama:
        ollama.answers(ANY, json_answer({"a": 1}))
        upstream = Upstream(ollama.url)
        for _ in range(5):
            got = await ask(upstream)
            await read_all(got)
            assert not isinstance(got, Failure)
            got.finish()
        assert ollama.connections_opened == 1
        upstream.close()
        await ollama.all_disconnected()


@pytest.mark.parametrize("ending", [FIN, RESET])
async def test_a_post_is_never_sent_twice_and_a_get_on_a_dead_connection_is(ending: object) -> None:
    async with FakeOllama() as ollama:
        upstream = Upstream(ollama.url)
        ollama.answers(ANY, json_answer({}), answer(ending), json_answer({"second": 2}))  # type: ignore[arg-type]
        first = await ask(upstream)
        await read_all(first)
        first.finish()  # type: ignore[union-attr]
        again = await ask(upstream)
        assert await read_all(again) == b'{"second":2}'
        assert len(ollama.requests) == 3
        again.finish()  # type: ignore[union-attr]
        ollama.answers(ANY, answer(ending))  # type: ignore[arg-type]
        failed = await ask(upstream, "POST", b"{}")
        assert isinstance(failed, Failure)
        assert failed.outcome is Outcome.UPSTREAM_BROKE_OFF
        assert len(ollama.requests) == 4
        upstream.close()


async def test_nothing_there_is_unreachable_with_the_systems_own_words() -> None:
    failed = await ask(Upstream("http://127.0.0.1:1"))
    assert failed == Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused")
    unknown = await ask(Upstream("http://no-such-host.invalid"))
    assert isinstance(unknown, Failure)
    assert unknown.outcome is Outcome.UPSTREAM_UNREACHABLE


async def test_an_interim_answer_is_not_the_answer() -> None:
    async with FakeOllama() as ollama:
        ollama.answers(
            ANY, answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + whole(b"yes"))
        )
        got = await ask(Upstream(ollama.url))
        assert await read_all(got) == b"yes"
        assert not isinstance(got, Failure)
        assert (got.status, got.reason) == (200, b"OK")
        assert b"Link" not in dict(got.headers)
        got.abort()


async def test_bytes_after_an_answer_are_never_taken_for_the_next_one() -> None:
    async with FakeOllama() as ollama:
        ollama.answers(ANY, answer(whole(b"one") + whole(b"smuggled")), json_answer({"two": 2}))
        upstream = Upstream(ollama.url)
        got = await ask(upstream)
        assert await read_all(got) == b"one"
        assert not isinstance(got, Failure)
        got.finish()
        assert await read_all(await ask(upstream)) == b'{"two":2}'
        assert ollama.connections_opened == 2
        upstream.close()


async def test_an_answer_without_length_ends_with_the_connection() -> None:
    async with FakeOllama() as ollama:
        ollama.answers(ANY, answer(b"HTTP/1.1 200 OK\r\n\r\n", b"part one, ", b"part two", FIN))
        got = await ask(Upstream(ollama.url))
        assert await read_all(got) == b"part one, part two"
        assert not isinstance(got, Failure)
        assert got.failure is None


@pytest.mark.parametrize(
    "broken",
    [
        b"\x16\x03\x01 no http",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ],
)
async def test_what_is_no_answer_is_a_failure(broken: bytes) -> None:
    async with FakeOllama() as ollama:
        ollama.answers(ANY, answer(broken, HOLD))
        async with asyncio.timeout(20):
            failed = await ask(Upstream(ollama.url))
        assert isinstance(failed, Failure)
        assert failed.outcome is Outcome.UPSTREAM_BROKE_OFF


async def test_all_bytes_before_a_broken_chunk_are_given_out_first() -> None:
    async with FakeOllama() as ollama:
        ollama.answers(ANY, answer(head(200, CHUNKED) + chunk(b"good") + b"zz\r\nbad\r\n", HOLD))
        got = await ask(Upstream(ollama.url))
        async with asyncio.timeout(20):
            assert await read_all(got) == b"good"
        assert not isinstance(got, Failure)
        assert "no valid HTTP" in (got.failure or "")


async def test_an_unread_answer_makes_ollama_wait_instead_of_filling_memory() -> None:
    sent = 0

    async def endless(conversation: Conversation) -> None:
        nonlocal sent
        await conversation.send(head(200, CHUNKED))
        piece = chunk(bytes(65_536))
        while True:
            await conversation.send(piece)
            sent += len(piece)

    async with FakeOllama() as ollama:
        ollama.answers(ANY, endless)
        got = await ask(Upstream(ollama.url))
        assert isinstance(got, Connection)
        before = -1
        async with asyncio.timeout(20):
            while sent != before:
                before = sent
                await asyncio.sleep(0.2)
        assert got._waiting < 4 << 20
        assert sent < 64 << 20
        got.abort()


async def test_an_upload_waits_for_a_slow_ollama_and_arrives_whole() -> None:
    piece = bytes(range(256)) * 1024

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield piece

    async with FakeOllama() as ollama:
        ollama.answers(ANY, json_answer({}))
        upstream = Upstream(ollama.url)
        for length in (64 * len(piece), None):
            got = await upstream.send("POST", "/api/chat", (), RequestBody(pieces(), length))
            await read_all(got)
            request = ollama.requests[-1]
            assert request.body_length == 64 * len(piece)
            assert request.body_sha256 == hashlib.sha256(piece * 64).hexdigest()
            got.finish()  # type: ignore[union-attr]


async def test_an_answer_that_comes_before_the_upload_has_ended_is_given_out_at_once() -> None:
    stopped = asyncio.Event()

    async def never_ends() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with FakeOllama() as ollama:
        ollama.answers(ANY, early(whole(b"known already")))
        upstream = Upstream(ollama.url)
        async with asyncio.timeout(20):
            got = await upstream.send("POST", "/api/chat", (), RequestBody(never_ends(), 1000))
            assert await read_all(got) == b"known already"
            got.finish()  # type: ignore[union-attr]
            await stopped.wait()
        assert not upstream._idle


async def test_an_upload_that_fails_is_never_completed() -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"first"
        raise ConnectionResetError("the client is gone")

    async with FakeOllama() as ollama:
        failed = await Upstream(ollama.url).send("POST", "/api/chat", (), RequestBody(breaks(), None))
        assert isinstance(failed, Failure)
        assert "ended early" in failed.reason
        async with asyncio.timeout(20):
            await (await ollama.request()).hung_up.wait()
        assert not ollama.requests[0].body_is_complete


async def test_a_taker_that_asks_for_a_pause_gets_the_rest_when_it_asks_again() -> None:
    sent = [chunk(b"%d" % number) for number in range(10)]
    taken: list[bytes] = []

    def take(piece: bytes) -> bool:
        taken.append(piece)
        return True

    async with FakeOllama() as ollama:
        ollama.answers(ANY, answer(head(200, CHUNKED), *[step for one in sent for step in (one, 0.01)], b"0\r\n\r\n"))
        upstream = Upstream(ollama.url)
        got = await ask(upstream)
        assert not isinstance(got, Failure)
        async with asyncio.timeout(20):
            while await got.forward(take):
                await asyncio.sleep(0.02)
        assert b"".join(taken) == b"0123456789"
        assert len(taken) > 1
        got.finish()
        assert await read_all(await ask(upstream)) == b"0123456789"
        assert ollama.connections_opened == 1
        upstream.close()


async def test_what_a_taker_raises_ends_the_forwarding() -> None:
    def gone(piece: bytes) -> bool:
        raise ConnectionResetError("the client is gone")

    async with FakeOllama() as ollama:
        ollama.answers(ANY, answer(head(200, CHUNKED), 0.05, chunk(b"one"), HOLD))
        got = await ask(Upstream(ollama.url))
        assert not isinstance(got, Failure)
        with pytest.raises(ConnectionResetError):
            await got.forward(gone)
        got.abort()
        async with asyncio.timeout(20):
            await ollama.requests[0].hung_up.wait()
