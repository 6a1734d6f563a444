import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from service.shipping.loki.judge import judge
from service.shipping.receiver import Batch, Decision, Verdict
from service.shipping.sending import HttpEndpoint
from tests.fakes.connections import listening

BATCH = Batch(b"{}", 2)


@asynccontextmanager
async def server(*pieces: bytes, endless: bytes = b"", is_patient: bool = False) -> AsyncIterator[str]:
    """Answers every request with ``pieces`` and then, when there is something, with ``endless`` again and again.

    A patient one then waits for the client to hang up.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.writelines(pieces)
            while endless:
                writer.write(endless)
                await writer.drain()
            if is_patient:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with listening(answer) as port:
        yield f"http://127.0.0.1:{port}"


async def sent_to(url: str, patience: float = 5.0) -> Verdict:
    async with HttpEndpoint(url, {}, judge, patience).connect() as send, asyncio.timeout(20):
        return await send(BATCH)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01\x02",
        b"HTTP/1.1",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 204 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_not_a_whole_answer_is_a_reason_to_try_again(answer: bytes) -> None:
    async with server(answer) as url:
        verdict = await sent_to(url)
    assert (verdict.decision, verdict.reason) == (Decision.RETRY, "unreachable")


async def test_a_receiver_that_is_not_there_is_tried_again() -> None:
    async with server() as url:
        pass
    verdict = await sent_to(url)
    assert (verdict.decision, verdict.reason) == (Decision.RETRY, "unreachable")
    # As the system says it, and not as Python shows its own objects.
    assert verdict.detail == f"{urlsplit(url).netloc}: connection refused"


async def test_a_receiver_that_does_not_answer_in_time_is_tried_again() -> None:
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", is_patient=True) as url:
        verdict = await sent_to(url, patience=0.2)
    assert (verdict.decision, verdict.reason) == (Decision.RETRY, "timed_out")


async def test_an_endless_answer_is_not_listened_to_for_ever() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with server(head, endless=b"1000\r\n" + b"x" * 4096 + b"\r\n") as url:
        verdict = await sent_to(url)
    assert verdict.decision is Decision.ACCEPTED


async def test_a_compressed_answer_is_not_unpacked() -> None:
    answer = b"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\noops"
    async with server(answer) as url:
        verdict = await sent_to(url)
    assert verdict.detail == "HTTP 500: oops"


async def test_redirects_are_not_followed() -> None:
    async with server(b"HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n") as url:
        verdict = await sent_to(url)
    assert (verdict.decision, verdict.reason) == (Decision.REFUSED, "redirected")


async def test_proxy_variables_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    async with server(b"HTTP/1.1 204 OK\r\n\r\n") as url:
        verdict = await sent_to(url)
    assert verdict.decision is Decision.ACCEPTED


async def test_a_batch_of_many_megabytes_is_sent_whole_and_in_parts() -> None:
    body = bytes(range(256)) * 20_000
    came: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.readuntil(b"\r\n\r\n"))
        came.append(await reader.readexactly(len(body)))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()

    async with listening(answer) as port:
        url = f"http://127.0.0.1:{port}"
        # The HTTP client warns of a large body that it would have to write at once, and warnings are errors here.
        async with HttpEndpoint(url, {"Content-Type": "text/x"}, judge).connect() as send, asyncio.timeout(20):
            assert (await send(Batch(body, len(body)))).decision is Decision.ACCEPTED
    head, got = came
    assert got == body
    assert f"Content-Length: {len(body)}".encode() in head
    assert b"Content-Type: text/x" in head
    assert b"Content-Disposition" not in head
    assert b"Transfer-Encoding" not in head
