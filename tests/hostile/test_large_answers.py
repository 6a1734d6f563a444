"""Hundreds of large answers at once, and hundreds of clients that ask for one and read nothing: nobody else waits.

What is bounded is the work of the event loop before a small request is answered, not a clock of a busy machine.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.journal.write_queue import MAX_QUEUED_BYTES
from tests.benchmarks.counters import usage
from tests.fakes.ollama import CHUNKED, LAST_CHUNK, Conversation, FakeOllama, chunk, head, json_answer
from tests.hostile.loop_lag import watched_lag
from tests.integration.load import CHAT, INCOMPLETE, Client, chat, connected, percentile, request_bytes
from tests.integration.recorder_process import MEGABYTE, RecorderProcess, eventually, start
from tests.servers.process import RunningServer

pytestmark = [
    pytest.mark.hostile,
    pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it"),
]

CLIENTS = 300
PIECE, PIECES = chunk(b"x" * 100_000), 20
# Of all copies in flight together.
COPIES_MEGABYTES = 32
# What 300 clients that read nothing take besides, and what the writer holds while 300 answers end at once.
MOST_FOR_SLOW_READERS, MOST_FOR_ENDED = 48, 160
# How many large ones are moved as a whole before a small request is answered; of twenty small ones one may wait longer.
MOST_LARGE_BEFORE = 4
MOST_SECONDS = 5.0


async def two_megabytes(conversation: Conversation) -> None:
    await conversation.read_upload()
    await conversation.send(head(200, CHUNKED))
    for _ in range(PIECES):
        await conversation.send(PIECE)
    await conversation.send(LAST_CHUNK)


@asynccontextmanager
async def large_answers(
    start_recorder: Callable[..., RunningServer], folder: Path
) -> AsyncIterator[tuple[RecorderProcess, FakeOllama]]:
    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", two_megabytes)
        yield (
            await start(
                start_recorder,
                folder,
                ollama.url,
                MAX_CONNECTIONS_PER_ADDRESS="0",
                IN_FLIGHT_BODY_BYTES=str(COPIES_MEGABYTES * MEGABYTE),
            ),
            ollama,
        )


async def read_all(port: int) -> int:
    """How many bytes of a large answer came."""
    client = await Client.connect(port)
    try:
        return len((await client.ask(chat("please"))).body)
    except INCOMPLETE:
        return 0
    finally:
        await client.leave()


async def ask_and_read_nothing(port: int) -> Client:
    client = await Client.connect(port, receive_buffer=4096)
    transport = client.writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    client.writer.write(chat("please"))
    return client


async def test_large_answers_and_slow_readers_keep_no_small_request_waiting(
    start_recorder: Callable[..., RunningServer], tmp_path: Path
) -> None:
    async with large_answers(start_recorder, tmp_path) as (recorder, ollama):
        before, worked_before = recorder.resident(), usage(recorder.pid)
        async with watched_lag(recorder.pid, recorder.port) as lag:
            slow = await asyncio.gather(*(ask_and_read_nothing(recorder.port) for _ in range(CLIENTS)))
            await eventually(lambda: len(asked_for(ollama)) == CLIENTS, 60)
            await asyncio.sleep(0.5)
            for_slow = recorder.peak() - before
            got = await asyncio.gather(*(read_all(recorder.port) for _ in range(CLIENTS)))
        for_all, worked = recorder.peak() - before, usage(recorder.pid) - worked_before
        for client in slow:
            client.vanish()
        answers_before = percentile(lag.worked, 0.95) / (worked.main_thread / CLIENTS)
        print(
            f"{len(lag.seconds)} small answers, {max(lag.seconds) * 1e3:.0f} ms at most, behind {answers_before:.1f}"
            f" large ones; {for_slow:.0f} MB for slow readers, {for_all:.0f} MB in all"
        )
        assert got == [PIECES * 100_000] * CLIENTS
        assert len(lag.seconds) > 20
        assert answers_before < MOST_LARGE_BEFORE
        assert max(lag.seconds) < MOST_SECONDS
        assert for_slow < COPIES_MEGABYTES + MOST_FOR_SLOW_READERS
        assert for_all < COPIES_MEGABYTES + MAX_QUEUED_BYTES / MEGABYTE + MOST_FOR_ENDED


async def upload(port: int, body: bytes) -> int:
    """The status of the answer to a large request."""
    async with connected(port) as client:
        return (await client.ask(request_bytes("POST", CHAT, body))).status


async def test_large_uploads_keep_no_small_request_waiting(
    start_recorder: Callable[..., RunningServer], tmp_path: Path
) -> None:
    body = b'{"model":"tiny","stream":false,"prompt":"' + b"x" * 2_000_000 + b'"}'
    async with large_answers(start_recorder, tmp_path) as (recorder, ollama):
        ollama.answers("/api/chat", json_answer({"model": "tiny", "done": True}))
        before, worked_before = recorder.resident(), usage(recorder.pid)
        async with watched_lag(recorder.pid, recorder.port) as lag:
            got = await asyncio.gather(*(upload(recorder.port, body) for _ in range(CLIENTS)))
        for_all, worked = recorder.peak() - before, usage(recorder.pid) - worked_before
        requests_before = percentile(lag.worked, 0.95) / (worked.main_thread / CLIENTS)
        print(
            f"{len(lag.seconds)} small answers, {max(lag.seconds) * 1e3:.0f} ms at most, behind {requests_before:.1f}"
            f" large requests; {for_all:.0f} MB"
        )
        assert got == [200] * CLIENTS
        assert len(lag.seconds) > 20
        assert requests_before < MOST_LARGE_BEFORE
        assert max(lag.seconds) < MOST_SECONDS
        assert for_all < COPIES_MEGABYTES + MAX_QUEUED_BYTES / MEGABYTE + MOST_FOR_ENDED


def asked_for(ollama: FakeOllama) -> list[object]:
    return [request for request in ollama.requests if request.path == "/api/chat"]
