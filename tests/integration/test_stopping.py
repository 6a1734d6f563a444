"""SIGTERM: running answers may end, nobody new comes in, and what was cut off is recorded as such."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.app import DRAIN_SECONDS
from tests.fakes.ollama import CHUNKED, HOLD, LAST_CHUNK, FakeOllama, answer, chunk, done_line, head, token_line
from tests.integration.load import INCOMPLETE, Client, chat, header
from tests.integration.recorder_process import RecorderProcess, StartRecorder, eventually, reached, start
from tests.integration.watching import asked

pytestmark = pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it")


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        yield fake


async def refuses_connections(port: int) -> bool:
    try:
        client = await Client.connect(port)
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:  # just as the door closed: the next one is refused
        return False
    await client.leave()
    return False


async def has_ended(recorder: RecorderProcess) -> int:
    """Wait for the process to end by itself; its exit status."""
    await eventually(lambda: recorder.server.process.poll() is not None)
    status: int = recorder.server.process.returncode
    return status


async def collect(client: Client, head: bytes) -> bytes:
    """The body under ``head``."""
    return b"".join([piece async for piece in client.pieces(head)])


@pytest.mark.parametrize(
    "asks_twice", [True, pytest.param(False, marks=pytest.mark.long)], ids=["second signal", "patiently"]
)
async def test_running_answers_may_end_nobody_new_comes_in_and_the_rest_is_gateway_stopped(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama, asks_twice: bool
) -> None:
    may_end = asyncio.Event()
    first = (head(200, CHUNKED, "application/x-ndjson"), chunk(token_line(" begun")))
    ollama.answers(
        "/api/chat",
        answer(*first, may_end, chunk(token_line(" and ended") + done_line(2)) + LAST_CHUNK),
        answer(*first, HOLD),
        answer(HOLD),
    )
    recorder = await start(start_recorder, tmp_path, ollama.url)
    clients = []
    for number in (1, 2, 3):
        clients.append(await Client.connect(recorder.port))
        clients[-1].writer.write(chat(f"number {number}"))
        await reached(ollama, number)
    ends, is_cut_off, waits = clients
    head_of_one = await ends.reader.readuntil(b"\r\n\r\n")
    head_of_two = await is_cut_off.reader.readuntil(b"\r\n\r\n")

    recorder.server.process.send_signal(signal.SIGTERM)
    stopped_at = time.monotonic()
    await eventually(lambda: refuses_connections(recorder.port))
    may_end.set()
    async with asyncio.timeout(20):
        body = await collect(ends, head_of_one)
    assert body.endswith(done_line(2))
    assert recorder.server.process.poll() is None
    if asks_twice:
        recorder.server.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(DRAIN_SECONDS + 10):
        with pytest.raises(INCOMPLETE):
            await collect(is_cut_off, head_of_two)
        with pytest.raises(INCOMPLETE):
            await waits.receive()
    waited = time.monotonic() - stopped_at
    assert (waited < DRAIN_SECONDS / 2) is asks_twice
    assert await has_ended(recorder) == 0
    for client in clients:
        with contextlib.suppress(ConnectionError):
            await client.leave()

    kept = {record.id: record for record in await recorder.records()}
    assert len(kept) == 3
    assert kept.pop(header(head_of_one, "X-Exchange-Id") or "").outcome == "completed"
    second = kept.pop(header(head_of_two, "X-Exchange-Id") or "")
    (third,) = kept.values()
    for record, prompt in ((second, "number 2"), (third, "number 3")):
        assert (record.outcome, record.line["failed"]) == ("gateway_stopped", True)
        assert prompt in record.line["request_body"]
    assert second.line["response_text"] == " begun"
    for request in asked(ollama):
        await asyncio.wait_for(request.answered.wait(), 20)


async def test_an_idle_recorder_stops_at_once_although_clients_keep_connections(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama
) -> None:
    recorder = await start(start_recorder, tmp_path, ollama.url)
    clients = [await Client.connect(recorder.port) for _ in range(5)]
    for client in clients:
        await client.ask(chat("hello"))
    begun = time.monotonic()
    recorder.server.process.send_signal(signal.SIGTERM)
    assert await has_ended(recorder) == 0
    assert time.monotonic() - begun < 15
    assert {record.outcome for record in await recorder.records()} == {"completed"}
    for client in clients:
        await client.leave()


@pytest.mark.long
async def test_a_recorder_that_starts_again_finds_its_records_and_numbers_go_on(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama
) -> None:
    """The journal outlives the process: numbers go on where they ended."""
    ids: list[str] = []
    for _ in range(3):
        recorder = await start(start_recorder, tmp_path, ollama.url)
        client = await Client.connect(recorder.port)
        ids.append((await client.ask(chat("hello"))).exchange)
        await client.leave()
        assert await recorder.stop() == 0
    kept = await recorder.records()
    assert [record.id for record in kept] == ids
    assert [record.number for record in kept] == [1, 2, 3]
