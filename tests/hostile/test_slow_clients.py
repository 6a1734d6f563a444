"""Clients that take their time, or never come to an end: nobody else waits for them, and they leave nothing behind."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, head
from tests.hostile.attacked import GOOD, Attacked, post
from tests.integration.load import Client, chat
from tests.integration.recorder_process import Kept, eventually, reached, start
from tests.servers.process import RunningServer

pytestmark = pytest.mark.hostile


async def test_hundreds_of_half_requests_keep_nobody_waiting(attacked: Attacked) -> None:
    halves = [
        b"",
        b"P",
        GOOD[:40],
        GOOD[:-20],
        post(b"Content-Length: 999", body=b"{"),
        post(b"Transfer-Encoding: chunked", body=b"5\r\n{"),
    ]
    writers = []
    for number in range(300):
        _, writer = await asyncio.open_connection("127.0.0.1", attacked.recorder.port)
        writer.write(halves[number % len(halves)])
        writers.append(writer)
    await asyncio.sleep(0.2)
    began = time.monotonic()
    for _ in range(10):
        assert await attacked.send(GOOD) == [200]
    # Ten exchanges take some 20 ms by themselves.
    assert time.monotonic() - began < 5
    for number, writer in enumerate(writers):
        writer.transport.abort() if number % 2 else writer.close()


async def test_a_client_that_never_reads_its_answer_is_given_up(
    start_recorder: Callable[..., RunningServer], tmp_path: Path
) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", answer(head(200, CHUNKED), *[chunk(b"x" * 500_000)] * 40, LAST_CHUNK))
        recorder = await start(start_recorder, tmp_path, ollama.url, ANSWER_READ_TIMEOUT="1")
        client = await Client.connect(recorder.port, receive_buffer=4096)
        client.writer.write(chat("please go on for ever"))
        request = await reached(ollama)
        try:
            async with asyncio.timeout(20):
                await request.hung_up.wait()
        finally:
            client.vanish()

        async def ended() -> list[Kept]:
            return [kept for kept in await recorder.records() if kept.line.get("operation") == "chat"]

        [kept] = await eventually(ended)
        assert kept.outcome == "client_left"
        assert kept.line["failed"]
        assert kept.line["error"] == "The client took nothing of its answer for 1 s."


async def test_clients_that_leave_at_any_moment_leave_a_record_or_nothing(attacked: Attacked) -> None:
    for place in range(0, len(GOOD), 3):
        _, writer = await asyncio.open_connection("127.0.0.1", attacked.recorder.port)
        writer.write(GOOD[:place])
        await writer.drain()
        if place % 2:
            await asyncio.sleep(0.002)
        writer.transport.abort()
    assert [request for request in attacked.reached() if request.body_is_complete] == []


async def test_a_body_that_trickles_in_arrives(attacked: Attacked) -> None:
    body = b'{"model":"tiny","prompt":"' + b"x" * 60 + b'"}'
    request = post(b"Content-Length: %d" % len(body), b"Connection: close", body=body)
    assert await attacked.send(*[request[place : place + 1] for place in range(len(request))], pause=0.004) == [200]
    assert attacked.reached()[0].body == body
