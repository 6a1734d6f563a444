"""What a small exchange costs behind the relay, part by part: ``python -m tests.benchmarks.measure_behind``.

CPU microseconds of one thread, the least of some rounds; what the threads cost one another is not in it. With the name
of a part and a number (``measure_behind journal 20``) it does that part for so many of 50 commits and ends. Valgrind
then counts its instructions: the difference of two numbers is without what came before.
"""

import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from service.inspector.exchange_metrics import ExchangeMetrics
from service.journal.batch_writer import BatchWriter
from service.journal.journal import Journal
from service.journal.retrying_writer import RetryingWriter
from service.journal.shedding import Losses
from service.journal.space import Retention
from service.journal.write_queue import MAX_QUEUED, MAX_QUEUED_BYTES, WriteQueue
from service.logs import Output
from service.masks_setup import MasksInUse
from service.ollama_setup import towards_ollama
from service.record.exchange import EncodedRecord, Exchange
from service.record_making import RecordMaking
from service.search.indexing import Indexer
from service.settings import read_settings
from tests.benchmarks.shares import measured_exchange

# About what a commit holds when 32 connections wait for theirs.
A_COMMIT = 20
COMMITS, ROUNDS = 50, 7
Exchanges = list[Exchange]
# So many commits of what was prepared.
Work = Callable[[int], None]
T = TypeVar("T")


def exchanges(commits: int) -> list[Exchanges]:
    """So many commits of exchanges with ids of their own, that ended one after the other."""
    whole = measured_exchange()
    found = []
    for number in range(commits * A_COMMIT):
        name = f"{number + 1:032x}"
        begun_ns = whole.opened.started_ns + number * 300_000
        opened = whole.opened._replace(id=name, trace_id=name, span_id=name[:16], started_ns=begun_ns)
        found.append(whole._replace(opened=opened, ended_ns=begun_ns + 6_000_000))
    return [found[start : start + A_COMMIT] for start in range(0, len(found), A_COMMIT)]


def each(do: Callable[[T], object], many: Sequence[T]) -> Work:
    def work(commits: int) -> None:
        for one in many[:commits]:
            do(one)

    return work


def records_of(folder: Path, batches: Sequence[Exchanges]) -> list[list[EncodedRecord]]:
    make = _making(folder).make
    return [[make(exchange) for exchange in batch] for batch in batches]


def _making(folder: Path) -> RecordMaking:
    settings = read_settings({"DATA_DIR": str(folder)})
    return RecordMaking(settings, MasksInUse(settings), towards_ollama(settings, lambda: 0), lambda: 0)


def meaning(folder: Path, batches: Sequence[Exchanges]) -> Work:
    make = _making(folder).make
    return each(lambda batch: [make(exchange) for exchange in batch], batches)


def journal(folder: Path, batches: Sequence[Exchanges]) -> Work:
    records, written = records_of(folder, batches), Journal(folder, retention=Retention())
    written.open()
    return each(written.write, records)


def queue(folder: Path, batches: Sequence[Exchanges]) -> Work:
    """All on the writer's thread and of its queue but making records and writing them."""
    records = {record.id: record for batch in records_of(folder, batches) for record in batch}
    written, losses = _NotWritten(folder, retention=Retention()), Losses()
    written.open()
    writer = BatchWriter(
        written,
        RetryingWriter(written, losses, max_bytes=MAX_QUEUED_BYTES, max_records=MAX_QUEUED),
        make_record=lambda exchange: records[exchange.opened.id],
        make_open=lambda opened: opened,
        on_recorded=lambda records: None,
        wake=lambda waiting: None,
    )
    waiting = WriteQueue(losses)

    def pass_on(batch: Exchanges) -> None:
        for exchange in batch:
            waiting.open(exchange.opened)
            waiting.close(exchange, None)
        writer.write(waiting.take(0))

    return each(pass_on, batches)


class _NotWritten(Journal):
    def write(self, *given: object) -> None:
        """Nothing."""


def counting(folder: Path, batches: Sequence[Exchanges]) -> Work:
    records, metrics = records_of(folder, batches), ExchangeMetrics()
    return each(metrics.add, records)


def output(folder: Path, batches: Sequence[Exchanges]) -> Work:
    """The lines; writing them is another thread's."""
    records, lines = records_of(folder, batches), Output(Path(os.devnull).open("wb"))  # noqa: SIM115 - for as long as we run
    return each(lines.write_records, records)


def index(folder: Path, batches: Sequence[Exchanges]) -> Work:
    journal(folder, batches)(len(batches))

    def work(commits: int) -> None:
        for file in folder.glob("index.sqlite3*"):
            file.unlink()
        indexer, indexed = Indexer(folder), 0
        while indexed < commits * A_COMMIT:
            indexed += indexer.step().indexed
        indexer.close()

    return work


PARTS: dict[str, Callable[[Path, Sequence[Exchanges]], Work]] = {
    "meaning": meaning,
    "queue": queue,
    "journal": journal,
    "counting": counting,
    "output": output,
    "index": index,
}


@contextmanager
def prepared(part: str, commits: int = COMMITS) -> Iterator[Work]:
    """The work of one part, of so many commits at most."""
    with tempfile.TemporaryDirectory(prefix="behind-") as folder:
        yield PARTS[part](Path(folder), exchanges(commits))


def main() -> None:
    gc.disable()
    if len(sys.argv) > 2:
        with prepared(sys.argv[1]) as work:
            work(int(sys.argv[2]))
        return
    least = dict.fromkeys(PARTS, float("inf"))
    for _ in range(ROUNDS):
        for part in PARTS:
            with prepared(part) as work:
                begun = time.thread_time()
                work(COMMITS)
                least[part] = min(least[part], (time.thread_time() - begun) / COMMITS / A_COMMIT * 1e6)
    for part, cost in least.items():
        sys.stdout.write(f"{cost:8.1f} µs  {part}\n")


if __name__ == "__main__":
    main()
