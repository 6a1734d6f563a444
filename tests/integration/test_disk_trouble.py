"""A disk of 4 MB under a whole recorder: exchanges go on, losses are counted and shown, and it recovers by itself."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.ollama import FakeOllama, json_answer
from tests.integration.load import Received, ask_all, chat, percentile
from tests.integration.recorder_process import RecorderProcess, StartRecorder, eventually, start
from tests.journal.given import small_disk

pytestmark = pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it")

# The contract's 250 ms, and what a machine that many share may add to any answer; a disk that held it would do so
# until it has room.
LONGEST_SECONDS = 0.25 + 1.75
LOST_BODIES, LOST_RECORDS = "ollama_recorder_lost_bodies_total", "ollama_recorder_lost_records_total"
DEGRADED = "ollama_recorder_journal_degraded"
EXPIRED = 'ollama_recorder_records_expired_total{reason="disk_full"}'


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    try:
        with small_disk(tmp_path / "disk") as folder:
            yield folder
    except PermissionError as error:
        pytest.skip(f"a small file system cannot be made: {error}")


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        said = {"role": "assistant", "content": "yes " * 300}
        fake.answers("/api/chat", json_answer({"model": "tiny", "message": said, "done": True}))
        yield fake


@pytest.fixture
async def recorder(start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama, disk: Path) -> RecorderProcess:
    return await start(start_recorder, tmp_path, ollama.url, DATA_DIR=str(disk / "data"))


def prompts(count: int, size: int) -> list[bytes]:
    chance = random.Random(size)
    return [chat(chance.randbytes(size // 2).hex(), stream=False) for _ in range(count)]


def assert_undisturbed(answers: list[Received], measured: Callable[[str], None], when: str) -> None:
    seconds = [answer.seconds for answer in answers]
    measured(
        f"{when}: {len(answers)} answers, p50 {percentile(seconds, 0.5) * 1000:.1f},"
        f" p99 {percentile(seconds, 0.99) * 1000:.1f}, longest {max(seconds) * 1000:.0f} ms"
    )
    assert {answer.status for answer in answers} == {200}
    assert max(seconds) < LONGEST_SECONDS


@pytest.mark.long
async def test_more_than_fits_makes_the_oldest_records_go_and_nobody_waits(
    recorder: RecorderProcess, measured: Callable[[str], None]
) -> None:
    answers = await ask_all(recorder.port, prompts(1500, 4000), 4)

    assert_undisturbed(answers, measured, "while the disk fills up with records")
    kept = await recorder.records()
    assert answers[-1].exchange in {record.id for record in kept[-8:]}
    assert [record.number for record in kept] == list(range(kept[0].number, kept[0].number + len(kept)))
    assert 100 < len(kept) < 1500
    metrics = await recorder.metrics()
    assert metrics[LOST_RECORDS] == 0
    assert metrics[EXPIRED] == 1500 - len(kept)
    measured(f"{len(kept)} of 1500 records fit")
    # It says so, though everything new is kept.
    _, said = await recorder.readiness()
    assert "full" in said["degraded"]["journal"]
    assert await recorder.stop() == 0


@contextlib.asynccontextmanager
async def filled_by_others(disk: Path) -> AsyncIterator[None]:
    """While this lasts somebody takes every byte that becomes free on ``disk``."""
    ballast = disk / "ballast"
    is_over = asyncio.Event()

    async def keep_full() -> None:
        while not is_over.is_set():
            await asyncio.to_thread(fill, ballast)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), 0.01)

    await asyncio.to_thread(fill, ballast)
    filling = asyncio.create_task(keep_full())
    try:
        yield
    finally:
        is_over.set()
        await filling
        ballast.unlink()


def fill(file: Path) -> None:
    """Let ``file`` take all the room that there is."""
    with file.open("ab", buffering=0) as out:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while out.write(bytes(size)) == size:
                    pass


async def test_what_others_leave_no_room_for_is_kept_when_there_is_room_again(
    recorder: RecorderProcess, disk: Path, measured: Callable[[str], None]
) -> None:
    before = await ask_all(recorder.port, prompts(20, 1000), 4)
    async with filled_by_others(disk):
        during = await ask_all(recorder.port, prompts(200, 1000), 4)
        metrics = await recorder.metrics()
        status, said = await recorder.readiness()
    assert_undisturbed(during, measured, "on a disk that others have filled")
    assert metrics[DEGRADED] == 1
    assert (status, said["status"]) in ((200, "degraded"), (503, "unready"))
    assert "full" in said["degraded"]["journal"]

    await eventually(lambda: is_ready(recorder), within=20)
    after = await ask_all(recorder.port, prompts(5, 1000), 1)
    kept = [record.id for record in await recorder.records()]
    passed = [answer.exchange for answer in before + during + after]
    metrics = await recorder.metrics()
    assert metrics[DEGRADED] == metrics[LOST_RECORDS] == 0
    # Memory held what the disk did not take; only to make room was something old removed.
    assert len(passed) - len(kept) == metrics.get(EXPIRED, 0)
    assert set(kept) <= set(passed)
    assert {answer.exchange for answer in after} <= set(kept)
    assert await recorder.stop() == 0


@pytest.mark.long
async def test_what_memory_cannot_hold_for_a_full_disk_is_lost_counted_and_shown(
    recorder: RecorderProcess, disk: Path, measured: Callable[[str], None]
) -> None:
    before = await ask_all(recorder.port, prompts(20, 1000), 4)
    async with filled_by_others(disk):
        # Memory holds 64 MB for a disk that takes nothing: after that bodies are lost.
        during = await ask_all(recorder.port, prompts(150, 700_000), 2)
        metrics = await recorder.metrics()
        status, said = await recorder.readiness()
    assert_undisturbed(during, measured, "with more than memory may hold")
    measured(
        f"{metrics[LOST_BODIES]:.0f} bodies and {metrics[LOST_RECORDS]:.0f} records lost;"
        f" resident {recorder.peak():.0f} MB at most"
    )
    assert metrics[LOST_BODIES] > 0
    assert metrics[DEGRADED] == 1
    assert (status, said["status"]) in ((200, "degraded"), (503, "unready"))
    assert "full" in said["degraded"]["journal"]

    async def nothing_waits() -> bool:
        return (await recorder.metrics())["ollama_recorder_journal_waiting"] == 0

    await eventually(nothing_waits, within=20)
    after = await ask_all(recorder.port, prompts(5, 1000), 1)
    assert_undisturbed(after, measured, "when there is room again")
    kept = {record.id for record in await recorder.records()}
    assert {answer.exchange for answer in after} <= kept
    # Every exchange is kept, or was counted as lost or as removed to make room.
    metrics = await recorder.metrics()
    assert len(kept) + metrics[LOST_RECORDS] + metrics.get(EXPIRED, 0) == len(before) + len(during) + len(after)
    assert await recorder.stop() == 0


async def test_a_recorder_that_finds_no_room_at_its_start_proxies_all_the_same(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama, disk: Path
) -> None:
    async with filled_by_others(disk):
        recorder = await start(start_recorder, tmp_path, ollama.url, DATA_DIR=str(disk))
        answers = await ask_all(recorder.port, prompts(10, 1000), 2)
        assert {answer.status for answer in answers} == {200}
        assert (await recorder.readiness())[0] == 503
    await eventually(lambda: is_ready(recorder), within=20)
    assert {answer.exchange for answer in answers} == {record.id for record in await recorder.records()}


async def is_ready(recorder: RecorderProcess) -> bool:
    status, said = await recorder.readiness()
    return (status, said["status"]) == (200, "ready")
