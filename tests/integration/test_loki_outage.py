"""Loki away, then back, then answering everything but yes: each record arrives once, and no client notices."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from service.journal.reader import Reader
from tests.fakes.loki import Answer, Entry, FakeLoki, Garbage, Hang, Limits, Script, StoreThen
from tests.fakes.ollama import FakeOllama
from tests.integration.load import Received, ask_all, chat, percentile
from tests.integration.recorder_process import RecorderProcess, StartRecorder, eventually, start

pytestmark = pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it")

CONNECTIONS = 8
LONGEST_LINE = 100_000
# A receiver that held an answer would do so for its whole time-out, 10 s and more.
MOST_SECONDS = 5.0
TROUBLES: dict[str, Script] = {
    "429": Answer(429, "ingestion rate limit exceeded for user fake", {"Retry-After": "1"}),
    "500": Answer(500, "internal server error"),
    "503 of a proxy": Answer(503, "<html>no server is available</html>", {"Content-Type": "text/html"}),
    "stored, but answered 500": StoreThen(500),
    "400 without a reason": Answer(400, "what is this?"),
    "413": Answer(413, "request entity too large"),
    "garbage": Garbage(),
    "half a head": Garbage(b"HTTP/1.1 204 No"),
}
SOME_TROUBLES = ("429", "stored, but answered 500", "413", "garbage")


class Traffic:
    """Clients of ``recorder``, and all that they were answered."""

    def __init__(self, recorder: RecorderProcess, measured: Callable[[str], None]) -> None:
        self.recorder = recorder
        self.ids: list[str] = []
        self._measured = measured

    async def pass_on(self, count: int, while_loki: str) -> None:
        """``count`` exchanges, all of them answered completely and fast ``while_loki`` is as it is."""
        first = len(self.ids)
        requests = [chat(f"exchange {first + number}") for number in range(count)]
        answers: list[Received] = await ask_all(self.recorder.port, requests, CONNECTIONS)
        assert {answer.status for answer in answers} == {200}
        self.ids += [answer.exchange for answer in answers]
        seconds = [answer.seconds for answer in answers]
        p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
        self._measured(
            f"{count} answers while Loki: {while_loki}; p50 {p50 * 1000:.1f}, p99 {p99 * 1000:.1f},"
            f" longest {max(seconds) * 1000:.0f} ms"
        )
        assert p99 < MOST_SECONDS, while_loki

    async def has_arrived(self, within: float) -> None:
        """Wait until Loki has, or will never take, all that was answered."""
        await eventually(lambda: asyncio.to_thread(_nothing_is_left, self.recorder.data, len(self.ids)), within, 0.1)


def _nothing_is_left(data: Path, count: int) -> bool:
    reader = Reader(data)
    try:
        return reader.newest_number() == reader.cursors().get("loki", 0) == count
    finally:
        reader.close()


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        yield fake


@pytest.fixture
async def loki() -> AsyncIterator[FakeLoki]:
    async with FakeLoki(limits=Limits(max_line_size=LONGEST_LINE)) as fake:
        yield fake


@pytest.mark.long
@pytest.mark.parametrize(("count", "is_patient"), [(600, False), pytest.param(20_000, True, marks=pytest.mark.long)])
async def test_everything_arrives_once_whatever_loki_does_and_traffic_does_not_notice(
    start_recorder: StartRecorder,
    tmp_path: Path,
    ollama: FakeOllama,
    loki: FakeLoki,
    count: int,
    is_patient: bool,
    measured: Callable[[str], None],
) -> None:
    within = 240.0 if is_patient else 60.0
    await loki.stop()
    recorder = await start(start_recorder, tmp_path, ollama.url, LOKI_URL=loki.url)
    traffic = Traffic(recorder, measured)

    await traffic.pass_on(count // 2, "is away")
    # Killed in the middle of the outage: what waits, waits on disk.
    recorder.server.process.kill()
    await asyncio.to_thread(recorder.server.process.wait)
    traffic.recorder = recorder = await start(start_recorder, tmp_path, ollama.url, LOKI_URL=loki.url)
    await traffic.pass_on(count - count // 2, "is still away")
    await assert_only_loki_is_in_trouble(recorder)

    await loki.start()
    await traffic.pass_on(100, "takes what has waited")
    await traffic.has_arrived(within)
    for name, trouble in TROUBLES.items():
        if not is_patient and name not in SOME_TROUBLES:
            continue
        loki.script.append(trouble)
        await traffic.pass_on(50, name)
        await traffic.has_arrived(within)
        assert not loki.script, name

    loki.script.append(Hang())
    await traffic.pass_on(100, "hangs")
    if not is_patient:
        await eventually(lambda: not loki.script)
        await loki.stop()
        await loki.start()
    await traffic.has_arrived(within)
    if is_patient:
        loki.script.append(Answer(260, "ingestion is blocked until later"))
        await traffic.pass_on(100, "blocks ingestion")
        await traffic.has_arrived(within)

    await assert_all_are_there_once(traffic, loki)
    assert loki.duplicates > 0, "what was stored under a 500 was not sent again"
    metrics = await recorder.metrics()
    assert metrics['ollama_recorder_parked_records_total{receiver="loki"}'] == 0
    assert (await recorder.readiness())[0] == 200
    assert (await recorder.readiness())[1]["status"] == "ready"
    assert await recorder.stop() == 0


async def test_one_line_that_loki_will_never_take_is_parked_and_all_around_it_arrive(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama, loki: FakeLoki, measured: Callable[[str], None]
) -> None:
    await loki.stop()
    recorder = await start(start_recorder, tmp_path, ollama.url, LOKI_URL=loki.url)
    traffic = Traffic(recorder, measured)
    await traffic.pass_on(300, "is away")
    (bad,) = await ask_all(recorder.port, [chat("x" * 2 * LONGEST_LINE)], 1)
    await traffic.pass_on(300, "is away")
    await loki.start()
    traffic.ids.insert(300, bad.exchange)
    await traffic.has_arrived(60)

    parked = await asyncio.to_thread(parked_records, recorder.data)
    record = await recorder.record(bad.exchange)
    assert [(one[0], one[1]) for one in parked] == [(record.number, "line_too_long")]
    assert "max entry size" in parked[0][2]
    metrics = await recorder.metrics()
    assert metrics['ollama_recorder_parked_records_total{receiver="loki"}'] == 1
    traffic.ids.remove(bad.exchange)
    await assert_all_are_there_once(traffic, loki, but_for=bad.exchange)


async def assert_only_loki_is_in_trouble(recorder: RecorderProcess) -> None:
    status, said = await recorder.readiness()
    assert (status, said["status"], list(said["degraded"])) == (200, "degraded", ["loki"])
    metrics = await recorder.metrics()
    assert metrics['ollama_recorder_receiver_up{receiver="loki"}'] == 0
    assert metrics['ollama_recorder_oldest_unshipped_seconds{receiver="loki"}'] > 0


async def assert_all_are_there_once(traffic: Traffic, loki: FakeLoki, but_for: str = "") -> None:
    """Loki keeps entries apart by time, line and metadata: sent again, one must be identical."""
    stored = [entry for entry in loki.entries if ("job", "nginx") in entry.labels]
    assert Counter(map(exchange_of, stored)) == Counter(traffic.ids)
    kept = {record.id: record for record in await traffic.recorder.records() if record.id != but_for}
    assert len(kept) == len(stored)
    for entry in stored:
        assert json.loads(entry.line) == kept[exchange_of(entry)].line
    spans = Counter(exchange_of(entry) for entry in loki.entries if ("job", "spans") in entry.labels)
    assert set(spans) - {but_for} == set(traffic.ids)
    # A stream grows in the order of its time: Loki would refuse what is over an hour behind.
    times = [entry.at for entry in stored]
    assert times == sorted(times)


def exchange_of(entry: Entry) -> str:
    return dict(entry.metadata)["exchange"]


def parked_records(data: Path) -> list[tuple[int, str, str]]:
    reader = Reader(data)
    try:
        return [(record.number, record.reason, record.detail) for record in reader.parked("loki")]
    finally:
        reader.close()
