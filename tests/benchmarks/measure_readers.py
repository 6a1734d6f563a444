"""What readers cost the exchanges: ``make bench BENCH=--readers`` (200,000 records; ``--readers --short``: 20,000).

A recorder with a full journal relays five chats that follow one another without a pause, alone and while ten people
search, in turn. Then the time from an answer's end until the page hears of it, and how many records a second each
export gives. A missed target is marked and does not fail. Clients and upstream share the cores with the recorder.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import orjson

from service.journal.indexing import Indexer
from tests.benchmarks.counters import peak_resident_bytes
from tests.benchmarks.gateways import Cores, upstream
from tests.benchmarks.messages import SMALL_REQUEST, post
from tests.fakes.journals import COMMON_PHRASE, COMMON_WORD, MODELS, RARE_WORD, WORKFLOWS, make_journal
from tests.servers.recorder import running_recorder

RECORDS, SHORT_RECORDS = 200_000, 20_000
CHATS, PEOPLE = 5, 10
ROUNDS, SECONDS = 6, 8.0
LIVE_EXCHANGES = 50
MOST_SLOWED = 1.10
LIVE_TARGET = 0.3
EXPORT_TARGET = 20_000
MEMORY_TARGET_MB = 150
EXPORTS: Final = ("jsonl", "chat.jsonl", "csv", "har")
# What somebody looks for; each time the list and the timeline are asked, as the page does.
SEARCHES: Final = (
    f"q={RARE_WORD}",
    f"q={COMMON_WORD}",
    f"q=%22{COMMON_PHRASE.replace(' ', '+')}%22",
    f"model={MODELS[0]}&failed=true",
    f"q={COMMON_WORD}&workflow={WORKFLOWS[0].replace(' ', '+')}",
    "slower=10",
    "from=-24h",
)


@dataclass(slots=True)
class Waits:
    """Seconds that each exchange and each search took."""

    chats: list[float] = field(default_factory=list)
    searches: list[float] = field(default_factory=list)


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


async def _search(port: int, path: str) -> None:
    async with _connection(port) as (reader, writer):
        writer.write(_get(path))
        answer = await reader.read(-1)
        if b" 200 " not in answer[:20]:
            raise RuntimeError(f"{path} was answered with {answer[:300]!r}")


async def _person(port: int, random: Random, until: float, waits: Waits) -> None:
    """Thinks, looks, thinks."""
    while time.perf_counter() < until:
        await asyncio.sleep(random.uniform(1, 3))
        asked = random.choice(SEARCHES)
        begun = time.perf_counter()
        await _search(port, f"/exchanges.json?{asked}")
        await _search(port, f"/timeline.json?{asked}" if "from=" in asked else f"/timeline.json?{asked}&from=-24h")
        waits.searches.append(time.perf_counter() - begun)


async def _chats(port: int, until: float, waits: Waits) -> None:
    async with _connection(port) as (reader, writer):
        while time.perf_counter() < until:
            begun = time.perf_counter()
            await _exchange(reader, writer)
            waits.chats.append(time.perf_counter() - begun)
            await asyncio.sleep(0.02)


async def _round(port: int, people: int, waits: Waits, random: Random) -> None:
    until = time.perf_counter() + SECONDS
    chats = [_chats(port, until, waits) for _ in range(CHATS)]
    await asyncio.gather(*chats, *(_person(port, random, until, waits) for _ in range(people)))


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
    alone, beside, random = Waits(), Waits(), Random(1)
    await _round(port, 0, Waits(), random)
    for _ in range(ROUNDS):
        await _round(port, 0, alone, random)
        await _round(port, PEOPLE, beside, random)
    for name, part in (("median", 0.5), ("p99", 0.99)):
        before, after = percentile(alone.chats, part), percentile(beside.chats, part)
        missed = _missed(name == "p99" and after > before * MOST_SLOWED)
        said = f"{1e3 * before:.2f} ms alone, {1e3 * after:.2f} ms beside {PEOPLE} who search"
        sys.stdout.write(f"exchange, {name}: {said} ({after / before:.2f} times){missed}\n")
    waited = percentile(beside.searches, 0.95)
    sys.stdout.write(f"list and timeline of {len(beside.searches)} searches meanwhile: p95 {1e3 * waited:.0f} ms\n")
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
            running_recorder(folder, OLLAMA_URL=f"http://127.0.0.1:{ollama.target.port}") as recorder,
        ):
            sys.stdout.write(f"{records:,} records, {CHATS} chats at once\n")
            asyncio.run(measure(recorder.port, recorder.process.pid, records))
    return 0


if __name__ == "__main__":
    sys.exit(main(SHORT_RECORDS if "--short" in sys.argv else RECORDS))
