"""How this recorder is, asked of all its parts: for readiness, for Prometheus, for the page."""

import asyncio
import contextlib
import shutil
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from prometheus_client.core import Metric

import service
from service.gateway.relay import Relay
from service.gateway.upstream import Failure, Send
from service.gateway.whole_answer import fetch_whole
from service.inspector.exchange_metrics import ExchangeMetrics
from service.inspector.health import OLLAMA, Component, readiness
from service.inspector.metrics import (
    Numbers,
    NumbersCollector,
    QueueNumbers,
    ReceiverNumbers,
    UpstreamNumbers,
    exposition,
)
from service.inspector.model_memory import ModelMemory, families_of_several
from service.journal import JournalError
from service.journal.reader import Reader
from service.journal.recorder import Recorder
from service.logs import Output
from service.record.in_flight import describe
from service.record.own_masks import OwnMasks
from service.record.timestamps import write_time
from service.search.indexing import IndexingThread
from service.settings import Settings
from service.sharing.queue_picture import limits_picture, queue_picture, waiting_calls, waiting_for
from service.sharing.sharing import Sharing
from service.shipping.delivery import DeliveryState
from service.shipping.otlp.metric_export import METRICS_NAME, MetricExport
from service.shipping.shipper import Shipper
from service.upstreams.named_upstream import NamedUpstream
from service.upstreams.routing import Routing

if TYPE_CHECKING:
    from service.alerting.looking import PartNumbers

_OLLAMA_CHECK_SECONDS: Final = 3.0
# Prometheus asks every 15 s: its answer must not wait for an Ollama that does not answer.
_OLLAMA_ASKED_EVERY_SECONDS: Final = 10.0
_FIRST_ASKED_AFTER_SECONDS: Final = 3.0
_OLD_RULES: Final = "it is gone, or has a mistake that the log tells: what was read from it before stays in use"


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
    metric_export: MetricExport | None
    exchanges: ExchangeMetrics
    output: Output
    crowding: Callable[[], str | None]
    own_masks: Callable[[], OwnMasks]
    sharing: Sharing | None = None
    routing: Routing | None = None
    open_erasures: Callable[[], str | None] = lambda: None
    settings_files: Callable[[], Mapping[str, bool]] = dict
    _models: ModelMemory = field(default_factory=ModelMemory)
    _models_of: dict[str, ModelMemory] = field(default_factory=dict)
    _trouble_with_ollama: str | None = None
    _asked_at: float = field(default=float("-inf"))

    async def readiness(self, left_out: Collection[str] = ()) -> tuple[int, bytes]:
        """Status and body of ``/readyz`` without the parts ``left_out``. Asks Ollama, unless that is one of them.

        Raises ValueError when there is no such part.
        """
        is_asked = OLLAMA not in left_out
        parts = [
            Component(OLLAMA, await self._ask_ollama() if is_asked else None, needed=True),
            Component("journal", self.recorder.degraded or self.recorder.notice, needed=not self.recorder.is_keeping),
            Component("index", self.indexing.state().trouble, needed=False),
            Component("connections", self.crowding(), needed=False),
        ]
        # What is in a file is nobody's business here: the log tells the mistake.
        parts += [
            Component(name, _OLD_RULES if is_refused else None, needed=False)
            for name, is_refused in self.settings_files().items()
        ]
        open_erasures = await asyncio.to_thread(self.open_erasures)
        if open_erasures or self.settings.peers:
            parts.append(Component("erasing", open_erasures, needed=False))
        each = [Component(f"{OLLAMA} {one.name}", one.trouble, needed=False) for one in self._upstreams()]
        parts += each
        parts += [
            Component(shipper.delivery().receiver, _trouble_of(shipper), needed=False) for shipper in self.shippers
        ]
        if self.metric_export is not None:
            parts.append(Component(METRICS_NAME, self.metric_export.trouble(), needed=False))
        return readiness(parts, left_out if is_asked else {*left_out, *(one.name for one in each)})

    async def metrics(self, is_scrape: bool) -> bytes:
        """The text of ``/metrics``. ``is_scrape``: Prometheus asks, which counts from what it has seen before."""
        return await asyncio.to_thread(self._metrics, is_scrape)

    def _metrics(self, is_scrape: bool) -> bytes:
        numbers = self._numbers()
        name = socket.gethostname()
        with contextlib.suppress(JournalError, IndexError):
            name = self.reader.instance()

        def others() -> Iterator[Metric]:
            yield from self.exchanges.families(name, is_scrape)
            if self.routing is None:
                yield from self._models.families(name)
            else:
                yield from families_of_several(name, self._models_of)

        return exposition(NumbersCollector(lambda: numbers, others, service.__version__))

    def part_numbers(self) -> "PartNumbers":
        """What alerts look at."""
        from service.alerting.looking import PartNumbers

        state = self.recorder.state()
        deliveries = [shipper.delivery() for shipper in self.shippers]
        return PartNumbers(
            ollama=self._trouble_with_ollama,
            journal=state.degraded,
            lost=state.bodies_lost + state.records_lost,
            behind={one.receiver: one.oldest_unshipped_seconds for one in deliveries},
            parked={one.receiver: one.parked for one in deliveries},
            away={one.name: one.trouble for one in self._upstreams() if one.trouble is not None},
        )

    async def status(self) -> dict[str, Any]:
        """For the page: what is in trouble, how far behind things are."""
        journal: dict[str, Any] = {"bytes": await asyncio.to_thread(self.reader.size_in_bytes)}
        with contextlib.suppress(JournalError, IndexError, OSError):
            journal["instance"] = await asyncio.to_thread(self.reader.instance)
            journal["file_number"] = await asyncio.to_thread(self.reader.file_number)
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
            **({"upstreams": [self._describe(one) for one in self._upstreams()]} if self.routing else {}),
            "journal": {"trouble": self.recorder.degraded or self.recorder.notice, **journal},
            "index": {"trouble": state.trouble, **({} if state.behind is None else {"behind": state.behind})},
            "receivers": receivers,
        }

    async def queue(self) -> dict[str, Any]:
        """Who is at Ollama and who waits: each with what is known of its exchange."""
        picture = queue_picture(self.sharing)
        running = {exchange.opened.id: exchange for exchange in self.relay.so_far(0)}
        calls = [call for call in (*picture["active"], *picture["waiting"]) if call["exchange"] in running]

        def describe_them() -> None:
            for call in calls:
                call["call"] = describe(running[call["exchange"]], self.settings.mask_secrets, self.own_masks())

        await asyncio.to_thread(describe_them)
        return picture

    def limits(self) -> dict[str, Any]:
        """What each caller may have and has used."""
        return limits_picture(self.sharing)

    def waiting(self) -> dict[str, dict[str, Any]]:
        """Place and reason of those who wait, by the ids of their exchanges."""
        calls = [] if self.sharing is None else waiting_calls(self.sharing)
        return {call["exchange"]: {"place": call["place"], "reason": call["reason"]} for call in calls}

    async def watch_ollama(self) -> None:
        """Look after Ollama once in a while, until cancelled."""
        # Whoever waits for readiness asks at the start, and need not be asked twice.
        await asyncio.sleep(_FIRST_ASKED_AFTER_SECONDS)
        while True:
            if time.monotonic() - self._asked_at >= _OLLAMA_ASKED_EVERY_SECONDS:
                await self._ask_ollama()
            await self._ask_for_models()
            await asyncio.sleep(_OLLAMA_ASKED_EVERY_SECONDS)

    def _upstreams(self) -> list[NamedUpstream]:
        """All Ollamas, where there are several."""
        return [] if self.routing is None else list(self.routing.upstreams.all.values())

    def _describe(self, one: NamedUpstream) -> dict[str, Any]:
        queue = None if self.sharing is None else self.sharing.places.queue
        most = None if queue is None else queue.most_active
        return {
            "name": one.name,
            "url": one.url,
            "trouble": one.trouble,
            **({} if one.since_ns is None else {"since": write_time(one.since_ns)}),
            "active": queue.active_at(one.name) if queue else 0,
            **({} if most is None else {"places": most}),
            "waiting": waiting_for(queue, one.name) if queue else 0,
            "loaded": sorted(one.loaded),
        }

    async def _ask_ollama(self) -> str | None:
        if self.routing is not None:
            await self.routing.look_at_all()
            troubles = [one.trouble for one in self._upstreams()]
            trouble = None if None in troubles else "; ".join(filter(None, troubles))
        else:
            trouble = await self._ask_the_one()
        self._trouble_with_ollama, self._asked_at = trouble, time.monotonic()
        return trouble

    async def _ask_the_one(self) -> str | None:
        url = self.settings.ollama_url
        try:
            async with asyncio.timeout(_OLLAMA_CHECK_SECONDS):
                answer = await self.send("GET", "/api/version", (), None)
        except TimeoutError:
            return f"{url} did not answer within {_OLLAMA_CHECK_SECONDS:g} s"
        if isinstance(answer, Failure):
            return f"{url} cannot be reached: {answer.reason}"
        answer.abort()
        return None if answer.status < 500 else f"{url} answers {answer.status}"

    async def _ask_for_models(self) -> None:
        """See which models Ollama holds in memory; asking neither loads one nor keeps it loaded for longer."""
        if self.routing is None:
            await self._ask_for_models_of(self.send, self._models)
        # At once: one that is silent keeps nobody from being asked.
        asking = [
            self._ask_for_models_of(one.client.send, self._models_of.setdefault(one.name, ModelMemory()))
            for one in self._upstreams()
        ]
        await asyncio.gather(*asking)

    async def _ask_for_models_of(self, send: Send, memory: ModelMemory) -> None:
        body = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OLLAMA_CHECK_SECONDS):
                body = await fetch_whole(send, "GET", "/api/ps")
        memory.note(body, time.time_ns())

    def _numbers(self) -> Numbers:
        state = self.recorder.state()
        newest = 0
        with contextlib.suppress(JournalError):
            newest = self.reader.newest_number()
        return Numbers(
            in_flight=self.relay.in_flight,
            is_ollama_up=self._trouble_with_ollama is None,
            journal_bytes=self.reader.size_in_bytes(),
            disk_free_bytes=_free_bytes(self.settings.data_dir),
            newest_number=newest,
            not_indexed=self.indexing.state().behind,
            queued=state.queued,
            waiting=state.waiting,
            bodies_lost=state.bodies_lost,
            records_lost=state.records_lost,
            is_journal_degraded=state.degraded is not None,
            last_commit_seconds=state.last_commit_seconds,
            log_lines_dropped=self.output.dropped,
            queue=_queue_numbers(self.sharing),
            upstreams=tuple(
                UpstreamNumbers(one.name, one.trouble is None, self._describe(one)["active"])
                for one in self._upstreams()
            ),
            receivers=tuple(_numbers_of(shipper) for shipper in self.shippers),
        )


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        # It is away, or its disk is: then numbers are looked at most.
        return None


def _queue_numbers(sharing: Sharing | None) -> QueueNumbers | None:
    if sharing is None:
        return None
    places = sharing.places
    return QueueNumbers(places.queue.active, places.queue.waiting, tuple(places.waits.buckets()), places.waits.seconds)


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
