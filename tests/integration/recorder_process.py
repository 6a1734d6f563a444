"""The recorder as a process of its own, seen from outside: its records, its numbers, its memory."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.journal import JournalError
from service.journal.reader import Reader
from tests.benchmarks.counters import peak_resident_bytes, resident_bytes
from tests.fakes.ollama import FakeOllama, Request
from tests.integration.load import Received, connected, request_bytes
from tests.servers.process import RunningServer

StartRecorder = Callable[..., RunningServer]
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """One record of the journal; ``line`` is the contract's JSON object."""

    number: int
    id: str
    outcome: str
    line: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecorderProcess:
    """A running recorder and the folder of its journal."""

    server: RunningServer
    data: Path

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def pid(self) -> int:
        return self.server.process.pid

    async def stop(self) -> int:
        """End it in order (SIGTERM) and return its exit status."""
        return await asyncio.to_thread(self.server.stop)

    async def records(self) -> list[Kept]:
        """Everything in its journal, in the order of the numbers."""
        return await asyncio.to_thread(_read_all, self.data)

    async def record(self, exchange: str, within: float = 10.0) -> Kept:
        """The record of ``exchange``, as soon as it is there."""
        kept: Kept = await eventually(lambda: asyncio.to_thread(_read_one, self.data, exchange), within)
        return kept

    async def metrics(self) -> dict[str, float]:
        """What ``/metrics`` says: values by name with labels, as they stand there."""
        answer = await self._get("/metrics")
        assert answer.status == 200, answer
        lines = [line for line in answer.body.decode().splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    async def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and JSON of ``/readyz``."""
        answer = await self._get("/readyz")
        return answer.status, answer.json()

    async def _get(self, path: str) -> Received:
        async with asyncio.timeout(20), connected(self.port) as client:
            return await client.ask(request_bytes("GET", path))

    def resident(self) -> float:
        """Resident memory now, in MB."""
        return resident_bytes(self.pid) / MEGABYTE

    def peak(self) -> float:
        """The most memory that was resident since the start or ``forget_peak``, in MB."""
        return peak_resident_bytes(self.pid) / MEGABYTE

    def forget_peak(self) -> None:
        """Let ``peak`` count from now (proc(5), ``clear_refs``)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


async def start(start_recorder: StartRecorder, tmp_path: Path, ollama_url: str, **options: Any) -> RecorderProcess:
    """Start a recorder in front of ``ollama_url``, which may be served by the loop that calls this.

    ``options`` are those of ``running_recorder``; a ``DATA_DIR`` among them is honoured. Its answers wait for their
    record as a user's do, 250 ms at most.
    """
    options.setdefault("RECORD_BEFORE_REPLY", "true")
    folder = options.setdefault("folder", tmp_path / "recorder")
    server = await asyncio.to_thread(start_recorder, ready="/healthz", OLLAMA_URL=ollama_url, **options)
    return RecorderProcess(server, Path(options.get("DATA_DIR", folder / "data")))


async def reached(ollama: FakeOllama, number: int = 1, path: str = "/api/chat") -> Request:
    """Request ``number`` for ``path`` as Ollama got it, once it is there. The recorder asks other things by itself."""

    def look() -> Request | None:
        requests = [request for request in ollama.requests if request.path == path]
        return requests[number - 1] if len(requests) >= number else None

    request: Request = await eventually(look, every=0.002)
    return request


async def eventually(look: Callable[[], Any], within: float = 10.0, every: float = 0.02) -> Any:
    """The first true thing that ``look`` gives; TimeoutError when there is none ``within`` so many seconds."""
    async with asyncio.timeout(within):
        while True:
            seen = look()
            if asyncio.iscoroutine(seen):
                seen = await seen
            if seen:
                return seen
            await asyncio.sleep(every)


def _read_all(data: Path) -> list[Kept]:
    reader = Reader(data, seconds=30)
    kept: list[Kept] = []
    try:
        while rows := reader.read_after(kept[-1].number if kept else 0, 1000, 100 * MEGABYTE):
            kept += [Kept(row.number, row.id, row.outcome, json.loads(row.line)) for row in rows]
    finally:
        reader.close()
    return kept


def _read_one(data: Path, exchange: str) -> Kept | None:
    reader = Reader(data)
    try:
        found = reader.record(exchange)
    except JournalError:
        return None  # not there yet, or just being made
    finally:
        reader.close()
    return Kept(found.row.number, found.row.id, found.row.outcome, json.loads(found.row.line)) if found else None
