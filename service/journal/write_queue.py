"""The queue between the event loop and the writer's thread, and its limits.

Policy under pressure. Above a budget of bytes exchanges lose the copies of their bodies. Above a budget of exchanges
they are not recorded at all. Each loss is counted, and no answer waits for a record that is not made.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from service.journal.journal import Journal
from service.journal.shedding import Losses, exchange_without_bodies, open_without_body
from service.record.exchange import Exchange, OpenExchange

MAX_QUEUED_BYTES = 64 << 20
MAX_QUEUED = 20_000
# The most that one commit holds: it decides how long the first of them waits for the last, and how much memory records
# take that are made and not yet written.
_BATCH_BYTES = 1 << 20
_BATCH_COUNT = 256
# A commit costs as much as three records. While exchanges end in crowds, the writer waits this long for more of them;
# whoever ends alone never waits.
_GATHER_SECONDS = 0.001
_A_CROWD = 4

Work = tuple[Callable[[Journal], Any], "Future[Any]"]


@dataclass(frozen=True, slots=True)
class _Stop:
    """Nothing comes after this."""


_STOP = _Stop()
_Item = tuple[Exchange, Callable[[], None] | None, int] | Work | str | _Stop | None


@dataclass(slots=True)
class WriteBatch:
    """What was taken at once. ``opened`` are (seen at, in monotonic seconds; exchange), ``no_longer_open`` ids."""

    opened: list[tuple[float, OpenExchange]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    on_committed: list[Callable[[], None]] = field(default_factory=list)
    no_longer_open: list[str] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    is_last: bool = False


class WriteQueue:
    """``open`` and ``close`` belong to the event loop's thread, ``take`` to the writer's, the rest to any."""

    def __init__(
        self,
        losses: Losses,
        *,
        max_bytes: int = MAX_QUEUED_BYTES,
        max_count: int = MAX_QUEUED,
        is_strict: bool = False,
    ) -> None:
        self.is_stopped = False
        self._is_strict = is_strict
        self._losses = losses
        self._max_bytes = max_bytes
        self._max_count = max_count
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        # What opened lies apart: it need not wake the writer, which takes it along with whatever closes.
        self._opened: deque[tuple[float, OpenExchange, int]] = deque()
        # Each counter has one thread that adds to it, so neither needs a lock; what is queued is their difference.
        self._bytes_in = 0
        self._bytes_out = 0
        # Exchanges that the writer knows and that have not ended: it must hear, too, when their record is lost.
        self._announced: set[str] = set()
        self._ended_in_last = 0

    def open(self, opened: OpenExchange) -> None:
        """A request was read. Never waits, wakes no thread; forgotten when too much is queued."""
        if self._queue.qsize() >= self._max_count or len(self._opened) >= self._max_count:
            return
        body = opened.request
        size = len(body.head) + len(body.tail)
        if self._bytes_in - self._bytes_out + size > self._max_bytes:
            opened, size = open_without_body(opened), 0
        self._bytes_in += size
        self._announced.add(opened.id)
        self._opened.append((time.monotonic(), opened, size))

    def close(self, exchange: Exchange, on_committed: Callable[[], None] | None) -> None:
        """An exchange has ended. ``on_committed`` is called here and now when its record is lost, unless strict."""
        request, response = exchange.opened.request, exchange.response
        size = len(request.head) + len(request.tail) + len(response.head) + len(response.tail)
        if (
            self._bytes_in - self._bytes_out + size > self._max_bytes
            or self._queue.qsize() >= self._max_count
            or self.is_stopped
        ):
            self._close_under_pressure(exchange, on_committed)
            return
        self._announced.discard(exchange.opened.id)
        self._bytes_in += size
        self._queue.put((exchange, on_committed, size))

    def _close_under_pressure(self, exchange: Exchange, on_committed: Callable[[], None] | None) -> None:
        identifier = exchange.opened.id
        was_announced = identifier in self._announced
        self._announced.discard(identifier)
        if not self.is_stopped and self._queue.qsize() < self._max_count:
            self._losses.add_bodies(1, "pressure")
            self._queue.put((exchange_without_bodies(exchange), on_committed, 0))
            return
        self._losses.add_records(1, "stopped" if self.is_stopped else "pressure")
        if was_announced and not self.is_stopped:
            # Its row would look like one that a crash left behind.
            self._queue.put(identifier)
        if on_committed is not None and not self._is_strict:
            on_committed()

    def put_work(self, work: Work) -> None:
        self._queue.put(work)

    def wake_for_opened(self) -> None:
        """Wake the writer if it has not yet looked at what opened."""
        if self._opened:
            self._queue.put(None)

    def stop(self) -> None:
        """Let nothing more in. What is in is taken; the batch that holds the last of it says so."""
        self.is_stopped = True
        self._queue.put(_STOP)

    def queued(self) -> tuple[int, int]:
        """How many items, and how many bytes of bodies."""
        return self._queue.qsize(), self._bytes_in - self._bytes_out

    def take(self, timeout: float) -> WriteBatch:
        """Wait at most ``timeout`` seconds for something, then take all that is there, up to a commit's worth."""
        batch = WriteBatch()
        taken = 0
        with suppress(Empty):
            item = self._queue.get(timeout=timeout)
            if self._ended_in_last >= _A_CROWD:
                time.sleep(_GATHER_SECONDS)
            while True:
                taken += _add(batch, item)
                if not batch.is_last and (taken >= _BATCH_BYTES or len(batch.exchanges) >= _BATCH_COUNT):
                    break
                item = self._queue.get_nowait()
        # After the queue, so that whatever closed is among what opened.
        while self._opened:
            seen_at, opened, size = self._opened.popleft()
            taken += size
            batch.opened.append((seen_at, opened))
        self._bytes_out += taken
        self._ended_in_last = len(batch.exchanges)
        return batch


def _add(batch: WriteBatch, item: _Item) -> int:
    """Put ``item`` where it belongs. Returns its bytes."""
    if isinstance(item, tuple):
        if len(item) == 2:
            batch.works.append(item)
            return 0
        exchange, on_committed, size = item
        batch.exchanges.append(exchange)
        if on_committed is not None:
            batch.on_committed.append(on_committed)
        return size
    if isinstance(item, str):
        batch.no_longer_open.append(item)
    elif item is not None:
        batch.is_last = True
    return 0
