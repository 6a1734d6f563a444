"""What readers cost the exchanges: ``make bench BENCH=--readers`` (200,000 records; ``--readers --short``: 20,000).

A recorder with a full journal relays five chats that follow one another without a pause: alone, while a stranger's
program computes, and while ten people search, in turn. The stranger takes as much of the machine as the recorder does
for the ten: on two cores, which clients and upstream share, that alone makes exchanges wait. What is more than that
is the recorder's doing. Then the time from an answer's end until the page hears of it, and how many records a second
each export gives. A missed target is marked and does not fail.
"""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import orjson

from service.search.indexing import Indexer
from tests.benchmarks.counters import peak_resident_bytes, usage
from tests.benchmarks.gateways import Cores, upstream
from tests.benchmarks.messages import SMALL_REQUEST, post
from tests.benchmarks.people import SEARCHES, asking
from tests.fakes.journals import make_journal
from tests.servers.recorder import running_recorder

RECORDS, SHORT_RECORDS = 200_000, 20_000
CHATS = 5
ROUNDS, SECONDS = 8, 8.0
SEARCHES_TO_COUNT = 5
LIVE_EXCHANGES = 50
MOST_SLOWED = 1.10
LIVE_TARGET = 0.3
EXPORT_TARGET = 20_000
MEMORY_TARGET_MB = 150
EXPORTS: Final = ("jsonl", "chat.jsonl", "csv", "har")


@dataclass(slots=True)
class Waits:
    """Seconds that each exchange and each search took."""

    chats: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)

    def add(self, other: "Waits") -> None:
        self.chats += other.chats
        self.searches += other.searches


@asynccontextmanager
async def _connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """One small exchange; its id."""
    writer.write(post("/api/ollama/api/chat", SMALL_REQUEST))
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    if " 200 " not in head:
        raise RuntimeError(f"the exchange was answered with {head!r}")
    fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
    await reader.readexactly(int(fields["content-length"]))
    return fields["x-exchange-id"]


async def _chats(port: int, until: float, waits: list[float]) -> None:
    async with _connection(port) as (reader, writer):
        while time.perf_counter() < until:
            begun = time.perf_counter()
            await _exchange(reader, writer)
            waits.append(time.perf_counter() - begun)
            await asyncio.sleep(0.02)


async def _chat_for_a_while(port: int) -> list[float]:
    until, waits = time.perf_counter() + SECONDS, list[float]()
    await asyncio.gather(*(_chats(port, until, waits) for _ in range(CHATS)))
    return waits


async def _beside(port: int, *people: str) -> Waits:
    """Chat while ``people`` with these arguments search, or compute."""
    command = [sys.executable, "-m", "tests.benchmarks.people", *people]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await process.stdout.readline()
        process.stdin.write(b"begin\n")
        chats = await _chat_for_a_while(port)
        process.stdin.write(b"end\n")
        return Waits(chats, orjson.loads(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


async def _cost_of_a_search(port: int, pid: int) -> float:
    """Seconds on a core that the recorder takes for a search, list and timeline, of the usual mixture."""
    spent = 0.0
    for search in SEARCHES:
        before = usage(pid).tree
        for _ in range(SEARCHES_TO_COUNT):
            await asking(port)(search)
        spent += usage(pid).tree - before
    return spent / SEARCHES_TO_COUNT / len(SEARCHES)


async def _live(port: int) -> list[float]:
    """Seconds from the last byte of an answer until ``/live`` tells that the exchange has ended."""
    waits = []
    async with _connection(port) as (events, asking), _connection(port) as (reader, writer):
        asking.write(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await events.readuntil(b"event: hello")
        for _ in range(LIVE_EXCHANGES):
            identifier = await _exchange(reader, writer)
            begun = time.perf_counter()
            async with asyncio.timeout(10):
                while True:
                    await events.readuntil(b"event: ended")
                    data = (await events.readuntil(b"\n\n")).partition(b"data: ")[2]
                    if orjson.loads(data.strip())["exchange"] == identifier:
                        break
            waits.append(time.perf_counter() - begun)
    return waits


async def _export(port: int, suffix: str) -> tuple[float, int]:
    """Seconds and bytes of all records as a file."""
    begun, size = time.perf_counter(), 0
    async with _connection(port) as (reader, writer):
        writer.write(_get(f"/exchanges.{suffix}"))
        while piece := await reader.read(1 << 20):
            size += len(piece)
    return time.perf_counter() - begun, size


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def _missed(is_missed: bool) -> str:
    return "  missed" if is_missed else ""


async def measure(port: int, pid: int, records: int) -> None:
    """Ask the recorder at ``port`` and print what was found."""
    cost = await _cost_of_a_search(port, pid)
    sys.stdout.write(f"a search: {1e3 * cost:.0f} ms on a core for list and timeline\n")
    alone, stranger, people = Waits(), Waits(), Waits()
    await _chat_for_a_while(port)
    for _ in range(ROUNDS):
        alone.chats += await _chat_for_a_while(port)
        stranger.add(await _beside(port, f"--compute={cost}"))
        people.add(await _beside(port, str(port)))
    for name, part in (("median", 0.5), ("p99", 0.99)):
        quiet, computing, searching = (1e3 * percentile(waits.chats, part) for waits in (alone, stranger, people))
        ratio = searching / computing
        sys.stdout.write(
            f"exchange, {name}: {quiet:.2f} ms alone, {computing:.2f} ms beside a stranger's program, "
            f"{searching:.2f} ms beside ten who search, {ratio:.2f} times the stranger's"
            f"{_missed(name == 'p99' and ratio > MOST_SLOWED)}\n"
        )
    waited = percentile(people.searches, 0.95)
    sys.stdout.write(f"list and timeline of {len(people.searches)} searches meanwhile: p95 {1e3 * waited:.0f} ms\n")
    live = await _live(port)
    heard = f"median {1e3 * median(live):.1f} ms, at most {1e3 * max(live):.1f} ms"
    sys.stdout.write(f"heard of an end on the page: {heard}{_missed(max(live) > LIVE_TARGET)}\n")
    for suffix in EXPORTS:
        seconds, size = await _export(port, suffix)
        rate = records / seconds
        written = f"{rate:,.0f} records/s ({size / 1e6:,.0f} MB)"
        sys.stdout.write(f"export {suffix}: {written}{_missed(rate < EXPORT_TARGET)}\n")
    peak = peak_resident_bytes(pid) / 1e6
    sys.stdout.write(f"most memory of the recorder: {peak:.0f} MB{_missed(peak > MEMORY_TARGET_MB)}\n")


def main(records: int) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-readers-") as place:
        folder = Path(place)
        (folder / "data").mkdir(mode=0o700)
        make_journal(folder / "data", records, days=20)
        indexer = Indexer(folder / "data")
        indexer.catch_up()
        indexer.close()
        with (
            upstream(Cores.of_this_machine().load) as ollama,
            running_recorder(
                folder, OLLAMA_URL=f"http://127.0.0.1:{ollama.target.port}", RECORD_BEFORE_REPLY="true"
            ) as recorder,
        ):
            sys.stdout.write(f"{records:,} records, {CHATS} chats at once\n")
            asyncio.run(measure(recorder.port, recorder.process.pid, records))
    return 0


if __name__ == "__main__":
    sys.exit(main(SHORT_RECORDS if "--short" in sys.argv else RECORDS))
