"""Many streams at once, and clients that read slowly: every byte arrives, one record each, and memory stays flat."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.fakes.ollama import CHUNKED, LAST_CHUNK, Conversation, FakeOllama, Script, chunk, done_line, head, token_line
from tests.integration.load import Client, chat, connected, header, percentile
from tests.integration.recorder_process import RecorderProcess, StartRecorder, eventually, start

pytestmark = pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it")

CHUNKS_A_SECOND = 20
MOST_RESIDENT_MB = 150
LARGE_PIECE = bytes(range(256)) * 256
LARGE_PIECES = 3200  # 200 MB in all
# What may lie in the recorder for one client that does not read, beside what the kernel's sockets hold.
KEPT_FOR_A_SLOW_READER_MB = 3


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        yield fake


def paced_stream(chunks: int, sent: dict[str, bytes]) -> Script:
    """A stream whose every line says when it was sent; ``sent`` keeps the body of each prompt's answer."""

    async def script(conversation: Conversation) -> None:
        await conversation.read_upload()
        prompt = conversation.request.json()["messages"][0]["content"]
        lines: list[bytes] = []
        await conversation.send(head(200, CHUNKED, "application/x-ndjson"))
        due = time.monotonic()
        for number in range(chunks):
            # On a fixed schedule: what comes late does not delay what comes after it.
            due += 1 / CHUNKS_A_SECOND
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            lines.append(token_line(f" {prompt}/{number}", model=f"{time.monotonic():.6f}"))
            await conversation.send(chunk(lines[-1]))
        lines.append(done_line(chunks))
        sent[prompt] = b"".join(lines)
        await conversation.send(chunk(lines[-1]) + LAST_CHUNK)

    return script


@pytest.mark.parametrize(
    ("streams", "seconds"), [(60, 3), pytest.param(300, 20, marks=pytest.mark.long)], ids=["60 for 3 s", "300 for 20 s"]
)
async def test_every_byte_of_many_streams_arrives_in_time_and_each_leaves_one_record(
    start_recorder: StartRecorder,
    tmp_path: Path,
    ollama: FakeOllama,
    streams: int,
    seconds: int,
    measured: Callable[[str], None],
) -> None:
    chunks = CHUNKS_A_SECOND * seconds
    sent: dict[str, bytes] = {}
    delays: list[float] = []
    ollama.answers("/api/chat", paced_stream(chunks, sent))
    recorder = await start(start_recorder, tmp_path, ollama.url)
    idle = recorder.resident()

    async def one(number: int) -> str:
        prompt = f"stream {number}"
        async with connected(recorder.port) as client:
            client.writer.write(chat(prompt))
            answered = await client.reader.readuntil(b"\r\n\r\n")
            body = b""
            async for piece in client.pieces(answered):
                now = time.monotonic()
                body += piece
                if b'"done":true' not in piece:
                    # The recorder may send several lines in one piece; the last of them is the youngest.
                    delays.append(now - float(piece.rpartition(b'{"model":"')[2].partition(b'"')[0]))
            assert body == sent[prompt]
            return header(answered, "X-Exchange-Id") or ""

    begun = time.monotonic()
    async with asyncio.timeout(seconds * 2 + 30):
        ids = await asyncio.gather(*map(one, range(streams)))
    took = time.monotonic() - begun
    peak = recorder.peak()
    measured(
        f"{streams} streams of {chunks} chunks in {took:.1f} s; a chunk takes p50 {percentile(delays, 0.5) * 1000:.1f},"
        f" p99 {percentile(delays, 0.99) * 1000:.1f} ms; idle {idle:.0f} MB, peak {peak:.0f} MB"
    )

    assert len(set(ids)) == streams
    at_once = {record.id for record in await recorder.records()}
    metrics = await recorder.metrics()
    # All end in the same moment. Only an answer that was let go after 250 ms may be ahead of its record.
    released = metrics.get("ollama_recorder_replies_released_total", 0)
    measured(f"{streams - len(at_once)} records came after their answer, {released:.0f} answers were let go")
    assert streams - len(at_once) <= released
    kept = {identifier: await recorder.record(identifier) for identifier in ids}
    assert len(await recorder.records()) == streams
    for number, identifier in enumerate(ids):
        line = kept[identifier].line
        assert line["outcome"] == "completed"
        assert line["response_bytes"] == len(sent[f"stream {number}"])
        assert line["completion_tokens"] == chunks
        assert line["response_text"].startswith(f" stream {number}/0 stream {number}/1")
    assert peak < MOST_RESIDENT_MB
    assert metrics["ollama_recorder_lost_records_total"] == metrics["ollama_recorder_lost_bodies_total"] == 0


@pytest.mark.long
async def test_clients_that_do_not_read_make_ollama_wait_and_memory_does_not_grow(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama, measured: Callable[[str], None]
) -> None:
    sent: list[int] = []

    async def endless(conversation: Conversation) -> None:
        await conversation.read_upload()
        await conversation.send(head(200, CHUNKED, "application/x-ndjson"))
        mine = len(sent)
        sent.append(0)
        for _ in range(LARGE_PIECES):
            await conversation.send(chunk(LARGE_PIECE))
            sent[mine] += 1
        await conversation.send(LAST_CHUNK)

    ollama.answers("/api/chat", endless)
    recorder = await start(start_recorder, tmp_path, ollama.url)
    await use_once(recorder)
    before = recorder.resident()
    clients = [await Client.connect(recorder.port, receive_buffer=8192) for _ in range(10)]
    for client in clients:
        client.writer.write(chat("much"))
    await eventually(lambda: len(sent) == len(clients) and all(sent))
    await stands_still(lambda: sum(sent))
    assert max(sent) < LARGE_PIECES / 4
    stalled = recorder.peak()
    # Whoever reads is not disturbed.
    assert await use_once(recorder) < 5

    first, *others = clients
    async with asyncio.timeout(60):
        answered = await first.reader.readuntil(b"\r\n\r\n")
        digest, length = hashlib.sha256(), 0
        async for piece in first.pieces(answered):
            digest.update(piece)
            length += len(piece)
    kept = await recorder.record(header(answered, "X-Exchange-Id") or "")
    peak = recorder.peak()
    for client in others:
        client.vanish()
    await first.leave()
    measured(
        f"resident before {before:.0f} MB, with {len(clients)} that do not read {stalled:.0f} MB,"
        f" after {length / 1e6:.0f} MB went through {peak:.0f} MB"
    )
    assert length == len(LARGE_PIECE) * LARGE_PIECES
    assert digest.hexdigest() == hashlib.sha256(LARGE_PIECE * LARGE_PIECES).hexdigest()
    assert stalled - before < KEPT_FOR_A_SLOW_READER_MB * len(clients)
    assert peak - stalled < 10 * KEPT_FOR_A_SLOW_READER_MB
    assert (kept.outcome, kept.line["response_bytes"]) == ("completed", length)
    assert kept.line["response_truncated"] is True


async def use_once(recorder: RecorderProcess) -> float:
    """A small exchange; how long it took."""
    async with connected(recorder.port) as client:
        tags = b"GET /api/ollama/api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n"
        return (await client.ask(tags)).seconds


async def stands_still(look: Callable[[], int], seconds: float = 0.5) -> None:
    """Wait until a number has not changed for so long."""
    seen, since = look(), time.monotonic()
    async with asyncio.timeout(20):
        while time.monotonic() - since < seconds:
            await asyncio.sleep(0.05)
            if look() != seen:
                seen, since = look(), time.monotonic()
