"""The recorder runs on asyncio's own event loop where uvloop is not, as it does on uvloop."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.ollama import CHUNKED, FakeOllama, answer, chunk, head
from tests.integration.load import ask_all, chat
from tests.integration.recorder_process import RecorderProcess, StartRecorder, start
from tests.servers.recorder import PROJECT


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        lines = [b'{"message":{"content":"%d "},"done":false}\n' % number for number in range(20)]
        end = b'{"message":{"content":""},"done":true,"done_reason":"stop"}\n'
        fake.answers("/api/chat", answer(head(200, CHUNKED), *map(chunk, [*lines, end]), chunk(b"")))
        yield fake


@pytest.fixture(params=["uvloop", "asyncio"])
async def recorder(
    request: pytest.FixtureRequest, start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama
) -> RecorderProcess:
    path = str(PROJECT)
    if request.param == "asyncio":
        (tmp_path / "without").mkdir()
        (tmp_path / "without" / "uvloop.py").write_text("raise ImportError('uvloop is not here')\n")
        path = f"{tmp_path / 'without'}:{PROJECT}"
    return await start(start_recorder, tmp_path, ollama.url, PYTHONPATH=path, LOG_LEVEL="debug")


async def test_streams_pass_and_are_kept_and_a_signal_ends_it(
    recorder: RecorderProcess, request: pytest.FixtureRequest
) -> None:
    maps = await asyncio.to_thread(Path(f"/proc/{recorder.pid}/maps").read_text)
    assert bool(re.search(r"/uvloop/", maps)) is ("uvloop" in request.node.name)
    answers = await ask_all(recorder.port, [chat(f"number {number}") for number in range(30)], 5)
    assert {one.status for one in answers} == {200}
    assert all(b'"done":true' in one.body for one in answers)
    records = await recorder.records()
    assert [record.outcome for record in records] == ["completed"] * 30
    assert {record.line["response_text"] for record in records} == {"".join(f"{number} " for number in range(20))}
    assert await recorder.stop() == 0
