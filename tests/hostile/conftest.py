"""The recorder that each of these tests attacks."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama, json_answer
from tests.hostile.attacked import GOOD, Attacked, open_files
from tests.integration.recorder_process import start
from tests.servers.process import RunningServer

ANSWER = {"model": "tiny", "message": {"role": "assistant", "content": "yes"}, "done": True, "done_reason": "stop"}


@pytest.fixture
async def attacked(start_recorder: Callable[..., RunningServer], tmp_path: Path) -> AsyncIterator[Attacked]:
    """A recorder that has answered once, in front of an Ollama that answers everything; looked over at the end."""
    async with FakeOllama() as ollama:
        ollama.answers("*", json_answer(ANSWER))
        recorder = await start(start_recorder, tmp_path, ollama.url)
        attacked = Attacked(recorder, ollama, 0, 0.0)
        assert await attacked.send(GOOD) == [200]
        attacked.files, attacked.megabytes = open_files(recorder.pid), recorder.resident()
        ollama.requests.clear()
        yield attacked
        await attacked.is_well()
