"""``make soak``: half an hour of mixed traffic, and how memory, open files and waiting times change meanwhile.

A line each half minute, then the slopes per hour by least squares, without the first sixth, in which caches fill up.
The exit code is 1 when an answer was wrong or a record is missing. ``--minutes`` makes it shorter.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from service.journal.reader import Reader
from tests.benchmarks.counters import resident_bytes, usage
from tests.fakes.ollama import Conversation, FakeOllama, json_answer, ndjson_stream
from tests.integration.load import INCOMPLETE, Client, chat, request_bytes
from tests.servers.recorder import running_recorder

_CLIENTS = 12
_A_SECOND_EACH = 4.0
_SAMPLE_SECONDS = 30.0
_MEGABYTE = 1_000_000
_ANSWER = {"model": "tiny", "message": {"role": "assistant", "content": "yes " * 200}, "done": True}


@dataclass
class Traffic:
    """What the clients saw since the last look; ``wrong`` counts since the start."""

    seconds: list[float] = field(default_factory=list)
    complete: int = 0
    left: int = 0
    wrong: int = 0

    def taken(self) -> list[float]:
        seconds, self.seconds = self.seconds, []
        return seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: minutes since the start, MB resident, open files, p50 and p99 in ms, share of a core."""

    minutes: float
    megabytes: float
    files: int
    p50: float
    p99: float
    core: float


async def _by_request(conversation: Conversation) -> None:
    await conversation.read_upload()
    is_streamed = b'"stream": true' in conversation.request.body_start
    await (ndjson_stream(20, 0.01) if is_streamed else json_answer(_ANSWER))(conversation)


async def _client(port: int, traffic: Traffic, dice: random.Random, until: float) -> None:
    """Small calls, streams, lists, pages, refusals, and now and then somebody who leaves in the middle."""
    client: Client | None = None
    while time.monotonic() < until:
        await asyncio.sleep(dice.expovariate(_A_SECOND_EACH))
        prompt = "word " * dice.choice((20, 200, 4000))
        kind = dice.choices(("chat", "stream", "list", "page", "refused", "leaves"), (50, 20, 10, 8, 6, 6))[0]
        try:
            client = client or await Client.connect(port)
            if kind == "leaves":
                client.writer.write(chat(prompt))
                await asyncio.sleep(dice.random() * 0.1)
                client.vanish()
                client, traffic.left = None, traffic.left + 1
                continue
            received = await client.ask(_request(kind, prompt))
        except INCOMPLETE:
            client, traffic.wrong = None, traffic.wrong + 1
            continue
        traffic.complete += 1
        traffic.wrong += received.status != (403 if kind == "refused" else 200)
        if kind == "chat":
            traffic.seconds.append(received.seconds)
    if client:
        await client.leave()


def _request(kind: str, prompt: str) -> bytes:
    if kind == "list":
        return request_bytes("GET", "/api/ollama/api/tags")
    if kind == "page":
        return request_bytes("GET", "/exchanges.json?limit=50&q=word")
    if kind == "refused":
        return request_bytes("POST", "/api/ollama/api/pull", b'{"model":"tiny"}')
    return chat(prompt, stream=kind == "stream")


async def _soak(folder: Path, minutes: float) -> int:
    async with FakeOllama() as ollama:
        ollama.answers("*", _by_request)
        started = running_recorder(
            folder, ready="/healthz", OLLAMA_URL=ollama.url, RETENTION_GB="0.05", RECORD_BEFORE_REPLY="true"
        )
        server = await asyncio.to_thread(started.__enter__)
        try:
            traffic, samples = Traffic(), list[Sample]()
            until = time.monotonic() + minutes * 60
            clients = [
                asyncio.create_task(_client(server.port, traffic, random.Random(number), until))
                for number in range(_CLIENTS)
            ]
            began, spent = time.monotonic(), usage(server.process.pid).tree
            print(f"{'minutes':>8} {'MB':>7} {'files':>6} {'p50 ms':>7} {'p99 ms':>7} {'core':>6}")
            every = min(_SAMPLE_SECONDS, minutes * 60 / 12)
            while time.monotonic() < until:
                before, at = spent, time.monotonic()
                await asyncio.sleep(min(every, max(0.1, until - at)))
                ollama.requests.clear()
                spent = usage(server.process.pid).tree
                sample = _sample(server.process.pid, traffic.taken(), began, (spent - before) / (time.monotonic() - at))
                samples.append(sample)
                print(
                    f"{sample.minutes:8.1f} {sample.megabytes:7.1f} {sample.files:6d} {sample.p50:7.2f}"
                    f" {sample.p99:7.2f} {sample.core:6.1%}",
                    flush=True,
                )
            await asyncio.gather(*clients)
        finally:
            await asyncio.to_thread(started.__exit__, None, None, None)
    return _verdict(folder / "data", traffic, samples)


def _sample(pid: int, seconds: list[float], began: float, core: float) -> Sample:
    cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [0.0] * 99
    files = len([*Path(f"/proc/{pid}/fd").iterdir()])
    return Sample(
        (time.monotonic() - began) / 60,
        resident_bytes(pid) / _MEGABYTE,
        files,
        cuts[49] * 1e3,
        cuts[98] * 1e3,
        core,
    )


def slopes(samples: list[Sample]) -> Iterator[tuple[str, float, float]]:
    """For each measured quantity its name, its mean and its growth per hour; the first sixth is left out."""
    rest = samples[len(samples) // 6 :]
    hours = [sample.minutes / 60 for sample in rest]
    for name, unit in (("megabytes", "MB"), ("files", "files"), ("p50", "ms p50"), ("p99", "ms p99")):
        values = [float(getattr(sample, name)) for sample in rest]
        yield unit, statistics.fmean(values), statistics.linear_regression(hours, values).slope


def _verdict(data: Path, traffic: Traffic, samples: list[Sample]) -> int:
    print()
    if len(samples) > 3:
        for unit, mean, slope in slopes(samples):
            print(f"{mean:10.2f} {unit:8} {slope:+10.3f} per hour")
        # What the allocator keeps for a while goes up and down in steps; what leaks is never given back.
        third = len(samples) // 3
        first, last = (min(one.megabytes for one in some) for some in (samples[:third], samples[-third:]))
        print(f"{first:.1f} MB at least in the first third, {last:.1f} MB in the last")
    reader = Reader(data, seconds=30)
    try:
        newest = reader.ask("SELECT max(number) FROM exchange")[0][0] or 0
    finally:
        reader.close()
    print(f"{traffic.complete} complete answers, {traffic.left} clients left, {traffic.wrong} wrong; {newest} records")
    return 1 if traffic.wrong else 0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        return asyncio.run(_soak(Path(folder), arguments.minutes))
    return 130


if __name__ == "__main__":
    sys.exit(main())
