"""The client towards Ollama: what goes out, which connections are kept, and what is never sent twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from service.gateway.upstream import Failure, RequestBody, Upstream, UpstreamResponse
from service.record.exchange import Outcome
from tests.fakes.ollama import FIN, RESET, FakeOllama, answer, head, whole

LINES = (b"Content-Type: application/json\r\n", b"X-Mine: \xe9\r\n")
CHAT = RequestBody(b'{"model":"tiny"}', 16)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Upstream]:
    upstream = Upstream(url)
    try:
        yield upstream
    finally:
        upstream.close()
        await asyncio.sleep(0)


async def body_of(found: UpstreamResponse | Failure) -> bytes:
    assert not isinstance(found, Failure), found
    pieces: list[bytes] = []
    assert not await found.forward(lambda piece: bool(pieces.append(piece)))  # type: ignore[func-returns-value]  # None
    assert found.failure is None
    found.finish()
    return b"".join(pieces)


async def test_the_path_of_ollamas_address_comes_first_and_headers_stay_bytes() -> None:
    async with FakeOllama() as ollama, opened(ollama.url + "/behind/a/path/") as upstream:
        ollama.answers("/behind/a/path/api/chat", answer(whole(b"{}")))
        assert await body_of(await upstream.send("POST", "/api/chat?a=%20b", LINES, CHAT)) == b"{}"
        request = await ollama.request()
        assert request.target == "/behind/a/path/api/chat?a=%20b"
        assert request.header("X-Mine") == "\xe9"
        assert request.body == CHAT.content
        assert [name for name, _ in request.headers] == ["Host", "Content-Type", "X-Mine", "Content-Length"]


async def test_a_post_without_a_body_says_that_it_has_none() -> None:
    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        ollama.answers("/api/chat", answer(whole(b"{}")))
        await body_of(await upstream.send("POST", "/api/chat", (), None))
        await body_of(await upstream.send("GET", "/api/tags", (), None))
        assert ollama.requests[0].header("Content-Length") == "0"
        assert ollama.requests[1].header("Content-Length") is None


async def test_pieces_of_unknown_length_go_out_in_chunks() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two ", b"three"):
            yield piece
            await asyncio.sleep(0)

    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        ollama.answers("/api/chat", answer(whole(b"{}")))
        await body_of(await upstream.send("POST", "/api/chat", (), RequestBody(pieces(), None)))
        assert ollama.requests[0].header("Transfer-Encoding") == "chunked"
        assert ollama.requests[0].body == b"one two three"


async def test_a_connection_is_used_again_after_a_whole_answer_and_never_after_another() -> None:
    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        ollama.answers("/api/chat", answer(whole(b"{}")))
        for _ in range(3):
            await body_of(await upstream.send("POST", "/api/chat", (), CHAT))
        assert ollama.connections_opened == 1
        unread = await upstream.send("POST", "/api/chat", (), CHAT)
        assert not isinstance(unread, Failure)
        unread.abort()
        await body_of(await upstream.send("POST", "/api/chat", (), CHAT))
        assert ollama.connections_opened == 2


async def test_a_kept_connection_that_died_is_noticed_before_a_post_goes_out() -> None:
    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        ollama.answers("/api/chat", answer(whole(b"{}"), FIN), answer(whole(b"{}")))
        await body_of(await upstream.send("POST", "/api/chat", (), CHAT))
        await ollama.all_disconnected()
        assert await body_of(await upstream.send("POST", "/api/chat", (), CHAT)) == b"{}"
        assert len(ollama.requests) == 2


@pytest.mark.parametrize("how", [FIN, RESET])
async def test_a_post_that_may_have_arrived_is_not_sent_again(how: object) -> None:
    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        ollama.answers("/api/chat", answer(whole(b"{}")), answer(how))  # type: ignore[arg-type]  # a step
        await body_of(await upstream.send("POST", "/api/chat", (), CHAT))
        failed = await upstream.send("POST", "/api/chat", (), CHAT)
        assert isinstance(failed, Failure)
        assert failed.outcome is Outcome.UPSTREAM_BROKE_OFF
        assert len(ollama.requests) == 2


async def test_a_question_on_a_kept_connection_that_died_is_asked_again() -> None:
    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        ollama.answers("/api/tags", answer(whole(b"1")), answer(FIN), answer(whole(b"2")))
        assert await body_of(await upstream.send("GET", "/api/tags", (), None)) == b"1"
        assert await body_of(await upstream.send("GET", "/api/tags", (), None)) == b"2"
        assert len(ollama.requests) == 3


async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        elsewhere = {"Location": "http://169.254.169.254/", "Content-Length": "0", "Set-Cookie": "a=b"}
        ollama.answers("/api/tags", answer(head(302, elsewhere)))
        found = await upstream.send("GET", "/api/tags", (), None)
        assert not isinstance(found, Failure)
        assert found.status == 302
        found.finish()
        again = await upstream.send("GET", "/api/tags", (), None)
        assert not isinstance(again, Failure)
        again.finish()
        assert ollama.requests[1].header("Cookie") is None
        assert len(ollama.requests) == 2


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        ollama.answers("/api/tags", answer(whole(b"1")))
        assert await body_of(await upstream.send("GET", "/api/tags", (), None)) == b"1"


@pytest.mark.parametrize(
    ("url", "reason"),
    [("http://127.0.0.1:1", "connection refused"), ("http://ollama.invalid:11434", "")],
)
async def test_an_ollama_that_is_not_there_is_a_failure_with_a_reason(url: str, reason: str) -> None:
    async with opened(url) as upstream:
        failed = await upstream.send("POST", "/api/chat", (), CHAT)
        assert isinstance(failed, Failure)
        assert failed.outcome is Outcome.UPSTREAM_UNREACHABLE
        assert reason in failed.reason
        assert failed.reason


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_failure(sent: bytes) -> None:
    async with FakeOllama() as ollama, opened(ollama.url) as upstream:
        ollama.answers("/api/chat", answer(sent, FIN))
        failed = await upstream.send("POST", "/api/chat", (), CHAT)
        assert isinstance(failed, Failure)
        assert failed.outcome is Outcome.UPSTREAM_BROKE_OFF
