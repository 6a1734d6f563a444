"""Starts the parts in order and stops them in reverse.

The parts meet in three modules: here (gateway, journal, receivers), in ``status`` (how all of them are) and in
``inspector_setup`` (what readers are shown, loaded by ``late_inspector`` for the first of them).
"""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import service
from service.background_tasks import start_task, to_its_end
from service.events import RecorderStarted, RecorderStopped, RepliesReleased, emit
from service.gateway.call import Committed, Hooks
from service.gateway.capture import CopyRoom
from service.gateway.gateway import Gateway
from service.gateway.http_server import HttpServer
from service.gateway.loop_quantum import LoopQuantum
from service.gateway.relay import Relay
from service.gateway_setup import bounds_of, relay_settings_of, require_strict_parser
from service.inspector.exchange_metrics import ExchangeMetrics
from service.journal.journal import Journal
from service.journal.reader import Reader
from service.journal.recorder import Recorder
from service.journal.space import Retention
from service.late_inspector import LateInspector
from service.logs import Output
from service.masks_setup import MasksInUse
from service.ollama_setup import towards_ollama
from service.record.exchange import EncodedRecord, Exchange, OpenExchange
from service.record.operations import MODEL_CALLS
from service.record_making import RecordMaking
from service.reloading import read_policy, reloads_of_keys
from service.search.indexing import IndexingThread
from service.settings import Settings
from service.shipping.otlp.metric_export import MetricExport, want_metric_export
from service.shipping.registry import wanted_receivers
from service.shipping.shipper import Shipper
from service.status import Status

# Within the 30 s that the compose file gives: first no new exchanges, then the running ones may end.
DRAIN_SECONDS: Final = 20.0
_SHUTDOWN_SECONDS: Final = 1.0
# Idle connections close at once. Not 0: aiohttp takes that for "no limit" and waits until clients leave.
_IDLE_SHUTDOWN_SECONDS: Final = 0.01
_FLUSH_SECONDS: Final = 2.0
_GIGABYTE: Final = 1_000_000_000


class App:
    """One recorder. ``start`` it once, and ``stop`` it when it is to end."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], output: Output) -> None:
        """Raises SettingsError when keys, limits or OTLP variables cannot be used."""
        self.settings = settings
        self.port = 0
        self._output = output
        self._policy = read_policy(settings)
        self._masks = MasksInUse(settings)
        self._ollama = towards_ollama(settings, self._count_in_flight)
        wanted = wanted_receivers(settings, environment)
        self._make_receivers = [receiver.prepare() for receiver in wanted]
        self._metric_export = want_metric_export(settings, environment)
        observe_call = self._metric_export.metrics.observe if self._metric_export else None
        self._exchange_metrics = ExchangeMetrics(observe_call=observe_call)
        self._journal = Journal(
            settings.data_dir,
            sync=settings.journal_sync,
            receivers=[receiver.name for receiver in wanted],
            retention=Retention(settings.retention_days, int(settings.retention_gb * _GIGABYTE)),
        )
        self._reader = Reader(settings.data_dir)
        self._indexing = IndexingThread(settings.data_dir)
        self._making = RecordMaking(settings, self._masks, self._ollama, lambda: self._relay.at_models)
        self._recorder = Recorder(
            self._journal,
            make_record=self._making.make,
            make_open=self._masks.summary_of_open,
            on_recorded=self._on_recorded,
            is_strict=settings.record_before_reply == "strict",
        )
        self._quantum = LoopQuantum()
        self._relay = Relay(self._hooks())
        self._server: HttpServer | None = None
        self._shippers: list[Shipper] = []
        self._status = Status(
            settings=settings,
            send=self._ollama.send,
            relay=self._relay,
            recorder=self._recorder,
            reader=self._reader,
            indexing=self._indexing,
            shippers=self._shippers,
            metric_export=self._metric_export,
            exchanges=self._exchange_metrics,
            output=output,
            own_masks=self._masks.own,
            sharing=self._ollama.sharing,
            routing=self._ollama.routing,
            crowding=lambda: self._server.trouble() if self._server else None,
        )
        self._inspector = LateInspector(settings, self._policy, self._status, wanted)
        self._gateway: Gateway | None = None
        self.reloads = reloads_of_keys(settings, self._take_keys)
        self.refused_files: set[str] = set()
        watched = (self._ollama.limits_file, self._masks.file, self._inspector.readers_file)
        self._watched_files = [file for file in watched if file is not None]
        self._status.settings_files = self._settings_files
        self._begun = AsyncExitStack()
        self._drain_seconds = DRAIN_SECONDS
        self._stop_waiting = asyncio.Event()
        self._cut_off = 0

    async def start(self) -> None:
        """Open the journal, begin to ship, listen. Raises JournalError, or OSError when the address is taken.

        What was begun by then is undone before it raises.
        """
        require_strict_parser()
        async with AsyncExitStack() as begun:
            await self._begin(begun)
            self._begun = begun.pop_all()
        listen = f"http://{self.settings.listen_at(self.port)}"
        emit(RecorderStarted(listen, self.settings.ollama_url, str(self.settings.data_dir), service.full_version()))

    async def stop(self, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Take no new exchanges, let running ones end for ``drain_seconds``, cut off the rest, ship what is there."""
        self._drain_seconds = drain_seconds
        await self._begun.aclose()
        emit(RecorderStopped(self._cut_off))

    def _take_keys(self, keys: dict[str, str]) -> None:
        if self._gateway is not None:
            self._gateway.take_keys({**keys, **self._inspector.own_key()})

    def read_watched_files_again(self) -> None:
        """LIMITS_FILE, MASK_FILE and READERS_FILE are read once more, whether they seem changed or not."""
        for file in self._watched_files:
            file.ask()

    def _settings_files(self) -> dict[str, bool]:
        keys = {name: name in self.refused_files for name, _, _ in self.reloads}
        return keys | {file.variable: file.is_refused for file in self._watched_files}

    def stop_waiting(self) -> None:
        """While stopping: cut off what still runs, and end within a second."""
        self._stop_waiting.set()

    async def _begin(self, begun: AsyncExitStack) -> None:
        """Start each part, and say how it is stopped just before, so that a start that fails is undone too."""
        begun.callback(self._reader.close)
        begun.callback(self._ollama.close)
        begun.callback(self._inspector.close)
        # The index is made from the journal: it starts after that, and goes on until that is closed.
        begun.push_async_callback(to_its_end, self._indexing.stop)
        # The recorder's thread closes it, unless there is none yet.
        begun.callback(self._journal.close)
        begun.push_async_callback(to_its_end, self._recorder.stop)
        await to_its_end(self._recorder.start, asyncio.get_running_loop())
        begun.push_async_callback(self._stop_shipping)
        self._start_shipping()
        begun.push_async_callback(self._flush)
        if self._ollama.routing is not None:
            # The first call goes where its model is.
            await self._ollama.routing.look_at_all()
        for name, work in (*self._ollama.tasks(), *self._making.tasks()):
            start_task(begun, work, name)
        await to_its_end(self._indexing.start)
        self._recorder.subscribe(self._indexing.wake)
        start_task(begun, self._status.watch_ollama, "look after Ollama")
        self._watch_for_alerts(begun)
        sharing, limits_file = self._ollama.sharing, self._ollama.limits_file
        if sharing is not None and limits_file is not None:
            # Before anybody calls: what was used today is known then.
            await to_its_end(sharing.tokens.read, self._reader)
            start_task(begun, partial(limits_file.watch, sharing.use), "look after LIMITS_FILE")
        if (readers_file := self._inspector.readers_file) is not None:
            start_task(begun, partial(readers_file.watch, self._inspector.take_readers), "look after READERS_FILE")
        await self._making.prepare()
        await self._listen(begun)

    def _watch_for_alerts(self, begun: AsyncExitStack) -> None:
        url, limit = self.settings.alert_webhook_url, self.settings.alert_p95_seconds
        if not url:
            return
        # Without such a setting it need not be loaded.
        from service.alerting.alert_watch import alert_tasks

        instance, recent = self._journal.instance or socket.gethostname(), self._inspector.recent_numbers
        for name, work in alert_tasks(url, instance, self._status.part_numbers, recent, limit):
            start_task(begun, work, name)

    async def _listen(self, begun: AsyncExitStack) -> None:
        server, gateway = self._make_server()
        await self._inspector.prepare(gateway)
        begun.push_async_callback(self._end_connections, server)
        self._recorder.subscribe(self._inspector.wake)
        begun.callback(self._inspector.stop_watching)
        begun.push_async_callback(self._drain)
        host, port = self.settings.listen
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(server, host, port, backlog=1024, reuse_address=True)
        begun.callback(listening.close)
        self.port = listening.sockets[0].getsockname()[1]
        self._inspector.open(host, self.port)
        begun.push_async_callback(self._inspector.end_batches)

    async def _drain(self) -> None:
        drained = asyncio.ensure_future(self._relay.wait_until_idle())
        hurried = asyncio.ensure_future(self._stop_waiting.wait())
        await asyncio.wait({drained, hurried}, timeout=self._drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        hurried.cancel()

    async def _end_connections(self, server: HttpServer) -> None:
        self._cut_off = self._relay.in_flight
        self._relay.stop()
        is_short = not self._cut_off or self._stop_waiting.is_set()
        await server.shutdown(_IDLE_SHUTDOWN_SECONDS if is_short else _SHUTDOWN_SECONDS)

    async def _flush(self) -> None:
        """Commit what is still on its way to the journal, so that it is shipped too."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(asyncio.wrap_future(self._recorder.submit(lambda journal: None)), _FLUSH_SECONDS)

    # The gateway

    def _hooks(self) -> Hooks:
        settings = self.settings
        return Hooks(
            send=self._ollama.send,
            open=self._open,
            close=self._close_and_tell if settings.record_before_reply else self._close,
            released=lambda: emit(RepliesReleased(1)),
            settings=relay_settings_of(settings),
            copy_room=CopyRoom(settings.in_flight_body_bytes),
            quantum=self._quantum,
            share=self._ollama.share,
        )

    def _make_server(self) -> tuple[HttpServer, Gateway]:
        gateway = self._gateway = Gateway(self._relay, self._inspector.policy, self.settings.trusted_proxies)
        server = HttpServer(
            gateway.handle, self._inspector.handle, bounds_of(self.settings), self._quantum, self._inspector.polled
        )
        self._server = server
        return server, gateway

    def _count_in_flight(self) -> int:
        return self._relay.in_flight

    # From the gateway to the journal

    def _open(self, opened: OpenExchange) -> None:
        if opened.operation in MODEL_CALLS:
            self._ollama.want()
        self._recorder.open(opened)

    def _close(self, exchange: Exchange) -> None:
        self._recorder.close(exchange)

    def _close_and_tell(self, exchange: Exchange) -> Committed:
        committed: Committed = asyncio.get_running_loop().create_future()
        self._recorder.close(exchange, partial(_set, committed))
        return committed

    def _on_recorded(self, records: Sequence[EncodedRecord]) -> None:
        self._ollama.note_ended(record.operation for record in records)
        if self._ollama.sharing is not None and self._ollama.limits_file is not None:
            self._ollama.sharing.tokens.add(record.summary for record in records)
        self._exchange_metrics.add(records)
        self._output.write_records(records)

    # From the journal to the receivers

    def _start_shipping(self) -> None:
        # A disk in trouble at the start leaves the journal unread: then the name that a new one would take.
        instance = self._journal.instance or socket.gethostname()
        for make_receiver in self._make_receivers:
            shipper = Shipper(
                make_receiver(instance),
                read_after=self._reader.read_after,
                read_cursor=self._read_cursor,
                move_cursor=self._move_cursor,
                park=self._park,
            )
            self._shippers.append(shipper)
            self._recorder.subscribe(shipper.wake)
            shipper.start()
        if self._metric_export is not None:
            self._metric_export.start(instance)

    async def _stop_shipping(self) -> None:
        senders: list[Shipper | MetricExport] = [*self._shippers, *filter(None, [self._metric_export])]
        stopped: asyncio.Future[Any] = asyncio.gather(*(sender.stop() for sender in senders))
        hurried: asyncio.Future[Any] = asyncio.ensure_future(self._stop_waiting.wait())
        await asyncio.wait({stopped, hurried}, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        # What was not sent is sent after the next start.
        await asyncio.gather(stopped, *(sender.stop(within=0) for sender in senders if not stopped.done()))

    async def _read_cursor(self, receiver: str) -> int:
        cursors = await asyncio.to_thread(self._reader.cursors)
        return cursors.get(receiver, 0)

    async def _move_cursor(self, receiver: str, number: int) -> None:
        await asyncio.wrap_future(self._recorder.submit(lambda journal: journal.move_cursor(receiver, number)))

    async def _park(self, receiver: str, number: int, reason: str, detail: str) -> None:
        await asyncio.wrap_future(self._recorder.submit(lambda journal: journal.park(receiver, number, reason, detail)))


def _set(committed: Committed) -> None:
    if not committed.done():
        committed.set_result(None)
