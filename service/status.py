"""How this recorder is, asked of all its parts: for readiness, for Prometheus, for the page."""

import asyncio
import contextlib
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import service
from service.gateway.relay import Relay
from service.gateway.upstream import Failure, Send
from service.inspector.health import Component, readiness
from service.inspector.metrics import ExchangeCounts, Numbers, NumbersCollector, ReceiverNumbers, exposition
from service.journal import JournalError
from service.journal.reader import Reader
from service.journal.recorder import Recorder
from service.logs import Output
from service.search.indexing import IndexingThread
from service.settings import Settings
from service.shipping.delivery import DeliveryState
from service.shipping.shipper import Shipper

_OLLAMA_CHECK_SECONDS: Final = 3.0
# Prometheus asks every 15 s: its answer must not wait for an Ollama that does not answer.
_OLLAMA_ASKED_EVERY_SECONDS: Final = 10.0
_FIRST_ASKED_AFTER_SECONDS: Final = 3.0


@dataclass(slots=True)
class Status:
    """The parts, and what is remembered of Ollama."""

    settings: Settings
    send: Send
    relay: Relay
    recorder: Recorder
    reader: Reader
    indexing: IndexingThread
    shippers: Sequence[Shipper]
    counts: ExchangeCounts
    output: Output
    _trouble_with_ollama: str | None = None
    _asked_at: float = field(default=float("-inf"))

    async def readiness(self) -> tuple[int, bytes]:
        """Status and body of ``/readyz``. Asks Ollama."""
        parts = [
            Component("ollama", await self._ask_ollama(), needed=True),
            Component("journal", self.recorder.degraded or self.recorder.notice, needed=not self.recorder.is_keeping),
            Component("index", self.indexing.state().trouble, needed=False),
        ]
        parts += [
            Component(shipper.delivery().receiver, _trouble_of(shipper), needed=False) for shipper in self.shippers
        ]
        return readiness(parts)

    async def metrics(self) -> bytes:
        """The text of ``/metrics``."""
        numbers = await asyncio.to_thread(self._numbers)
        return exposition(NumbersCollector(lambda: numbers, service.__version__))

    async def status(self) -> dict[str, Any]:
        """For the page: what is in trouble, how far behind things are."""
        journal = {"bytes": await asyncio.to_thread(self.reader.size_in_bytes)}
        receivers = [
            {
                "name": delivery.receiver,
                "trouble": _trouble_of(shipper),
                "behind_seconds": round(delivery.oldest_unshipped_seconds, 1),
                "parked": delivery.parked,
            }
            for shipper in self.shippers
            for delivery in (shipper.delivery(),)
        ]
        state = self.indexing.state()
        return {
            "in_flight": self.relay.in_flight,
            "ollama": {"url": self.settings.ollama_url, "trouble": self._trouble_with_ollama},
            "journal": {"trouble": self.recorder.degraded or self.recorder.notice, **journal},
            "index": {"trouble": state.trouble, "behind": state.behind},
            "receivers": receivers,
        }

    async def watch_ollama(self) -> None:
        """Look after Ollama once in a while, until cancelled."""
        # Whoever waits for readiness asks at the start, and need not be asked twice.
        await asyncio.sleep(_FIRST_ASKED_AFTER_SECONDS)
        while True:
            if time.monotonic() - self._asked_at >= _OLLAMA_ASKED_EVERY_SECONDS:
                await self._ask_ollama()
            await asyncio.sleep(_OLLAMA_ASKED_EVERY_SECONDS)

    async def _ask_ollama(self) -> str | None:
        url = self.settings.ollama_url
        try:
            async with asyncio.timeout(_OLLAMA_CHECK_SECONDS):
                answer = await self.send("GET", "/api/version", (), None)
        except TimeoutError:
            trouble: str | None = f"{url} did not answer within {_OLLAMA_CHECK_SECONDS:g} s"
        else:
            if isinstance(answer, Failure):
                trouble = f"{url} cannot be reached: {answer.reason}"
            else:
                answer.abort()
                trouble = None if answer.status < 500 else f"{url} answers {answer.status}"
        self._trouble_with_ollama, self._asked_at = trouble, time.monotonic()
        return trouble

    def _numbers(self) -> Numbers:
        state = self.recorder.state()
        newest = 0
        with contextlib.suppress(JournalError):
            newest = self.reader.newest_number()
        return Numbers(
            in_flight=self.relay.in_flight,
            is_ollama_up=self._trouble_with_ollama is None,
            exchanges=self.counts.so_far(),
            journal_bytes=self.reader.size_in_bytes(),
            disk_free_bytes=shutil.disk_usage(self.settings.data_dir).free,
            newest_number=newest,
            not_indexed=self.indexing.state().behind,
            queued=state.queued,
            waiting=state.waiting,
            bodies_lost=state.bodies_lost,
            records_lost=state.records_lost,
            is_journal_degraded=state.degraded is not None,
            last_commit_seconds=state.last_commit_seconds,
            log_lines_dropped=self.output.dropped,
            receivers=tuple(_numbers_of(shipper) for shipper in self.shippers),
        )


def _trouble_of(shipper: Shipper) -> str | None:
    delivery = shipper.delivery()
    if delivery.state in (DeliveryState.WELL, DeliveryState.UNKNOWN):
        return None
    return f"{delivery.last_error} {delivery.what_to_do}".strip()


def _numbers_of(shipper: Shipper) -> ReceiverNumbers:
    delivery = shipper.delivery()
    return ReceiverNumbers(
        name=delivery.receiver,
        is_well=delivery.state is DeliveryState.WELL,
        oldest_unshipped=delivery.oldest_unshipped_seconds,
        shipped=delivery.shipped,
        parked=delivery.parked,
        late=delivery.late,
    )
