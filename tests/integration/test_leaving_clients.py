"""Clients that leave: Ollama is told at once, and the record says what had passed."""

import asyncio
import statistics
import time
from collections.abc import Callable

import pytest

from tests.fakes.ollama import CHUNKED, HOLD, FakeOllama, Script, answer, chunk, head, ndjson_stream, token_line
from tests.integration.load import Client, chat, connected, header
from tests.integration.recorder_process import Kept, RecorderProcess, eventually, reached
from tests.integration.watching import asked

pytestmark = pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it")

CLOSED_WITHIN_SECONDS = 0.2
TIMES = 5
FIRST_PIECES = [token_line(" one"), token_line(" two")]
HALF_AN_ANSWER = answer(head(200, CHUNKED, "application/x-ndjson"), *map(chunk, FIRST_PIECES), HOLD)
SILENT = answer(HOLD)
HEAD_ALONE = answer(head(200, CHUNKED, "application/x-ndjson"), HOLD)


async def seconds_to_close(scripted: FakeOllama, door: int, number: int, pieces: list[bytes], is_rude: bool) -> float:
    """Ask, read as much as comes, leave; how long it takes until Ollama's side of the connection ends."""
    client = await Client.connect(door)
    client.writer.write(chat("please go on for ever"))
    request = await reached(scripted, number)
    async with asyncio.timeout(20):
        for piece in pieces:
            assert (await client.reader.readuntil(piece)).endswith(piece)
        left_at = time.monotonic()
        if is_rude:
            client.vanish()
        else:
            await client.leave()
        await request.hung_up.wait()
    assert request.hung_up_at is not None
    return request.hung_up_at - left_at


async def records_of(standing: RecorderProcess, before: int, count: int) -> list[Kept]:
    """The records after number ``before``, once there are ``count``."""

    async def all_of_them() -> list[Kept]:
        kept = [record for record in await standing.records() if record.number > before]
        return kept if len(kept) >= count else []

    records: list[Kept] = await eventually(all_of_them)
    assert len(records) == count
    return records


async def newest(standing: RecorderProcess) -> int:
    """The newest record's number."""
    kept = await standing.records()
    return kept[-1].number if kept else 0


@pytest.mark.parametrize("is_rude", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize(
    ("script", "pieces", "status"),
    [(SILENT, [], 499), (HALF_AN_ANSWER, FIRST_PIECES, 200)],
    ids=["before the first byte", "mid-stream"],
)
async def test_ollama_is_hung_up_on_at_once_and_the_record_says_what_had_passed(
    scripted: FakeOllama,
    standing: RecorderProcess,
    door: int,
    script: Script,
    pieces: list[bytes],
    status: int,
    is_rude: bool,
    measured: Callable[[str], None],
) -> None:
    before = await newest(standing)
    scripted.answers("/api/chat", script)
    took = [await seconds_to_close(scripted, door, number, pieces, is_rude) for number in range(1, TIMES + 1)]
    measured("hung up on Ollama after " + ", ".join(f"{1000 * seconds:.1f}" for seconds in sorted(took)) + " ms")

    # The median: a machine that many share may hold up any one of them.
    assert statistics.median(took) < CLOSED_WITHIN_SECONDS
    for kept in await records_of(standing, before, TIMES):
        assert kept.outcome == kept.line["outcome"] == "client_left"
        # Whoever ends an answer that it reads has what it wanted; before its first word it gave up.
        assert (kept.line["status"], kept.line["failed"]) == (status, not pieces)
        assert "please go on for ever" in kept.line["request_body"]
        assert kept.line.get("response_text") == (" one two" if pieces else None)
        assert kept.line["response_bytes"] == len(b"".join(pieces)) if pieces else True
        assert "done_reason" not in kept.line


async def test_a_client_that_leaves_after_the_head_but_before_the_first_byte_is_noticed(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    scripted.answers("/api/chat", HEAD_ALONE)
    client = await Client.connect(door)
    client.writer.write(chat("hello"))
    async with asyncio.timeout(20):
        answered = await client.reader.readuntil(b"\r\n\r\n")
        await client.leave()
        await (await reached(scripted)).hung_up.wait()
    kept = await standing.record(header(answered, "X-Exchange-Id") or "")
    assert (kept.outcome, kept.line["status"]) == ("client_left", 200)
    assert "time_to_first_byte" not in kept.line


async def test_a_client_that_leaves_in_the_middle_of_its_upload_is_recorded_with_what_it_had_sent(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    before = await newest(standing)
    upload = b'{"model":"tiny","prompt":"' + b"x" * 600_000
    promised = b"POST /api/ollama/api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n"
    client = await Client.connect(door)
    client.writer.write(promised + upload)
    await client.writer.drain()
    request = await reached(scripted, path="/api/generate")
    await eventually(lambda: request.body_length == len(upload))
    await client.leave()
    async with asyncio.timeout(20):
        await request.answered.wait()
    (kept,) = await records_of(standing, before, 1)
    assert (kept.outcome, kept.line["status"]) == ("client_left", 499)
    assert kept.line["request_bytes"] == len(upload)
    assert not request.body_is_complete


async def test_a_client_that_leaves_while_it_does_not_read_does_not_keep_ollama_busy(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    before = await newest(standing)
    scripted.answers("/api/chat", answer(head(200, CHUNKED), *[chunk(b"y" * 65536)] * 1000))
    client = await Client.connect(door, receive_buffer=4096)
    client.writer.write(chat("much"))
    request = await reached(scripted)
    # It stalls when the buffers on the way are full: nobody reads at their end.
    await asyncio.sleep(0.3)
    assert not request.answered.is_set()
    left_at = time.monotonic()
    client.vanish()
    async with asyncio.timeout(20):
        await request.hung_up.wait()
    assert request.hung_up_at is not None
    assert request.hung_up_at - left_at < 1.0
    (kept,) = await records_of(standing, before, 1)
    assert (kept.outcome, kept.line["status"]) == ("client_left", 200)


async def test_many_that_leave_at_once_are_all_noticed_and_the_others_are_not_disturbed(
    scripted: FakeOllama, standing: RecorderProcess, door: int
) -> None:
    before = await newest(standing)
    scripted.answers("/api/chat", ndjson_stream(100, 0.02))

    async def one(number: int) -> bool:
        stays = number % 2 == 0
        async with asyncio.timeout(30), connected(door) as client:
            client.writer.write(chat(f"number {number}"))
            answered = await client.reader.readuntil(b"\r\n\r\n")
            if stays:
                async for _ in client.pieces(answered):
                    pass
        return stays

    stayed = await asyncio.gather(*map(one, range(40)))
    kept = await records_of(standing, before, 40)
    assert sum(record.outcome == "completed" for record in kept) == sum(stayed) == 20
    assert sum(record.outcome == "client_left" for record in kept) == 20
    await eventually(lambda: all(request.answered.is_set() for request in asked(scripted)))
    assert sum(request.hung_up.is_set() for request in asked(scripted)) == 20
