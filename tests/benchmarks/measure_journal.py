"""What the journal costs: ``python -m tests.benchmarks.measure_journal [FOLDER]``.

First the writer alone (CPU and wall time a record for several sizes of a commit), then the hand-over from a busy event
loop. CPU is user and system time; finding out what an exchange meant is not part of it.
"""

import asyncio
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from service.journal.journal import Journal
from service.journal.recorder import Recorder
from service.journal.space import Retention
from service.record.exchange import Body, EncodedRecord, Exchange, OpenExchange, Outcome

LINE = os.urandom(700).hex().encode()
REQUEST = os.urandom(245).hex().encode()
RESPONSE = os.urandom(420).hex().encode()


def identifier() -> str:
    return f"{time.time_ns() // 1_000_000:012x}" + os.urandom(10).hex()


def record(name: str) -> EncodedRecord:
    now = time.time_ns()
    return EncodedRecord(name, now, now, "POST", "chat", "completed", None, LINE, LINE[:400], REQUEST, RESPONSE)


def cpu_seconds(who: int = resource.RUSAGE_SELF) -> tuple[float, float]:
    used = resource.getrusage(who)
    return used.ru_utime, used.ru_stime


def measure_writer(folder: Path, batch: int, records: int, sync: str) -> None:
    journal = Journal(folder, sync=sync, retention=Retention())
    journal.open()
    batches = [[record(identifier()) for _ in range(batch)] for _ in range(records // batch)]
    journal.write(batches[0])
    user, system = cpu_seconds()
    begun = time.perf_counter()
    for some in batches[1:]:
        journal.write(some)
    wall = time.perf_counter() - begun
    user, system = cpu_seconds()[0] - user, cpu_seconds()[1] - system
    count = (len(batches) - 1) * batch
    each = 1e6 / count
    print(
        f"{sync:>6} {batch:>4} a commit: {each * (user + system):7.1f} us CPU"
        f" ({each * user:.1f} user, {each * system:.1f} system), {each * wall:8.1f} us wall a record"
    )
    journal.close()


async def measure_recorder(folder: Path, clients: int, exchanges: int) -> None:
    """``clients`` of which each asks, waits 1 ms for its answer, and waits for its record before it asks again."""
    batches: list[int] = []
    recorder = Recorder(
        Journal(folder, retention=Retention()),
        make_record=lambda exchange: record(exchange.opened.id),
        make_open=lambda opened: opened,
        on_recorded=lambda records: batches.append(len(records)),
    )
    loop = asyncio.get_running_loop()
    recorder.start(loop)
    in_hand_over = 0.0

    async def ask(count: int) -> None:
        nonlocal in_hand_over
        for _ in range(count):
            name = identifier()
            opened = OpenExchange(
                *(name, time.time_ns(), "POST", "/api/ollama/api/chat", "/api/chat", "chat", "ollama", "127.0.0.1"),
                *(name, name[:16]),
                request=Body(len(REQUEST), REQUEST),
            )
            begun = time.perf_counter()
            recorder.open(opened)
            in_hand_over += time.perf_counter() - begun
            await asyncio.sleep(0.001)
            ended = Exchange(opened, Outcome.COMPLETED, time.time_ns(), 200, response=Body(len(RESPONSE), RESPONSE))
            is_committed = loop.create_future()
            begun = time.perf_counter()
            recorder.close(ended, lambda waiting=is_committed: waiting.set_result(None))  # type: ignore[misc]
            in_hand_over += time.perf_counter() - begun
            await is_committed

    before, begun = sum(cpu_seconds()), time.perf_counter()
    await asyncio.gather(*(ask(exchanges // clients) for _ in range(clients)))
    wall, used = time.perf_counter() - begun, sum(cpu_seconds()) - before
    await asyncio.to_thread(recorder.stop)
    print(
        f"{clients:>4} clients: {1e6 * used / exchanges:6.1f} us CPU an exchange with its client,"
        f" {1e6 * in_hand_over / exchanges:5.2f} us in open() and close(),"
        f" {exchanges / wall:6.0f} exchanges/s, {exchanges / len(batches):5.1f} a commit"
    )


def main() -> None:
    parent = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    for sync in ("full", "normal"):
        for batch, records in ((1, 1500), (8, 4000), (16, 8000), (64, 16000)):
            with tempfile.TemporaryDirectory(dir=parent) as folder:
                measure_writer(Path(folder), batch, records, sync)
    for clients in (1, 8, 32, 128):
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            asyncio.run(measure_recorder(Path(folder), clients, 1000 if clients == 1 else 8000))


if __name__ == "__main__":
    main()
