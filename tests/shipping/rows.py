"""Journal rows for tests, and a journal in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from service.journal.reader import Row
from service.shipping.loki.judge import judge as loki_judge
from service.shipping.loki.receiver import make_endpoint, make_receiver
from service.shipping.loki.settings import LokiSettings
from service.shipping.pace import Pace
from service.shipping.receiver import Receiver, Verdict
from service.shipping.shipper import Shipper
from tests.fakes.loki import FakeLoki

FAST = Pace(linger=0.0, idle=0.05, first_delay=0.001, longest_delay=0.01, refused_delay=0.01)


def make_row(
    number: int = 1,
    *,
    ended_ns: int | None = None,
    seconds: float = 2.0,
    method: str = "POST",
    operation: str = "chat",
    outcome: str = "completed",
    parent_span_id: str | None = None,
    without: Sequence[str] = (),
    **said: Any,
) -> Row:
    """A chat that took two seconds; ``said`` changes or adds keys of its line, ``without`` takes some away."""
    ended = time.time_ns() if ended_ns is None else ended_ns
    exchange = f"{number:032x}"
    line: dict[str, Any] = {
        "time": datetime.fromtimestamp(ended / 1e9, UTC).isoformat(),
        "method": method,
        "request_uri": "/api/ollama/api/chat",
        "status": 200,
        "request_time": seconds,
        "request_body": '{"model":"llama3.2","messages":[{"role":"user","content":"Why is the sky blue?"}]}',
        "response_text": "Rayleigh scattering.",
        "outcome": outcome,
        "failed": outcome != "completed",
        "operation": operation,
        "api": "ollama",
        "model": "llama3.2",
        "stream": True,
        "done_reason": "stop",
        "prompt_tokens": 31,
        "completion_tokens": 5,
        "tokens_per_second": 48.31,
        "wait_time": 0.5,
        "prompt_time": 0.25,
        "generation_time": 1.0,
        "time_to_first_byte": 0.8,
        "workflow": "Résumé agent",
        "execution_id": "231",
        "remote_addr": "10.0.0.7",
        "request_bytes": 83,
        "response_bytes": 1234,
        "exchange": exchange,
        "trace_id": exchange,
        "span_id": f"{number + 1:016x}",
    }
    line.update(said)
    for key in without:
        del line[key]
    return Row(
        number,
        exchange,
        ended - int(seconds * 1e9),
        ended,
        method,
        operation,
        outcome,
        parent_span_id,
        orjson.dumps(line),
    )


@dataclass
class MemoryJournal:
    """Rows, the cursor and the parked, with the shipper's callables."""

    rows: list[Row] = field(default_factory=list)
    cursor: int = 0
    parked: dict[int, tuple[str, str]] = field(default_factory=dict)
    moves: list[int] = field(default_factory=list)
    read_error: Exception | None = None

    def read_after(self, number: int, most: int, most_bytes: int) -> list[Row]:
        if self.read_error is not None:
            raise self.read_error
        found: list[Row] = []
        size = 0
        # Numbers in these tests are places: row N stands at N - 1.
        for row in self.rows[number : number + most]:
            size += len(row.line)
            if found and size > most_bytes:
                break
            found.append(row)
        return found

    async def read_cursor(self, receiver: str) -> int:
        return self.cursor

    async def move_cursor(self, receiver: str, number: int) -> None:
        self.cursor = number
        self.moves.append(number)

    async def park(self, receiver: str, number: int, reason: str, detail: str) -> None:
        self.parked[number] = (reason, detail)

    async def wait_for_cursor(self, number: int, seconds: float = 20) -> None:
        await holds(lambda: self.cursor >= number, seconds)


async def holds(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


def loki_at(
    fake: FakeLoki,
    *,
    timeout: float = 5.0,
    judge: Callable[[int, Mapping[str, str], bytes], Verdict] = loki_judge,
    **changes: Any,
) -> Receiver:
    """The receiver at the stand-in, in a hurry."""
    loki = LokiSettings(fake.url)
    endpoint = replace(make_endpoint(loki), timeout=timeout, judge=judge)
    return replace(make_receiver(loki, "test"), **{"connect": endpoint.connect, "bytes_per_second": 1e9, **changes})


@asynccontextmanager
async def shipping(journal: MemoryJournal, receiver: Receiver, pace: Pace = FAST) -> AsyncIterator[Shipper]:
    """A shipper at work on ``journal``."""
    shipper = Shipper(
        receiver,
        read_after=journal.read_after,
        read_cursor=journal.read_cursor,
        move_cursor=journal.move_cursor,
        park=journal.park,
        pace=pace,
    )
    shipper.start()
    try:
        yield shipper
    finally:
        await shipper.stop()
