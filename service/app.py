"""The only place where the parts meet: started in order, stopped in reverse."""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from aiohttp import http_parser

import service
from service.dispatch import Dispatcher
from service.events import RecorderStarted, RecorderStopped, RepliesReleased, emit
from service.gateway.admission import Policy, read_keys
from service.gateway.call import Committed, Hooks, RelaySettings
from service.gateway.context_lengths import ContextLengths
from service.gateway.gateway import SERVER_OPTIONS, Gateway
from service.gateway.generate import Generate, choose_model
from service.gateway.malformed import Server, server_logger
from service.gateway.relay import Relay
from service.gateway.routes import MODEL_CALLS
from service.gateway.upstream import Upstream
from service.inspector.metrics import ExchangeCounts
from service.inspector_setup import Inspector
from service.journal.journal import Journal
from service.journal.reader import Reader
from service.journal.recorder import Recorder
from service.journal.space import Retention
from service.logs import Output
from service.record.exchange import EncodedRecord, Exchange, OpenExchange
from service.record.line import make_record, summary_of_open
from service.search.indexing import IndexingThread
from service.settings import Settings, SettingsError
from service.shipping.registry import wanted_receivers
from service.shipping.shipper import Shipper
from service.status import Status

# Within the 30 s that the compose file gives: first no new exchanges, then the running ones may end.
DRAIN_SECONDS: Final = 20.0
_SHUTDOWN_SECONDS: Final = 1.0
# Connections that are only kept end at once. Not 0: aiohttp takes that for "no limit" and waits until clients leave.
_IDLE_SHUTDOWN_SECONDS: Final = 0.01
_FLUSH_SECONDS: Final = 2.0
_GIGABYTE: Final = 1_000_000_000


class App:
    """One recorder. ``start`` it, wait as long as it shall run, ``stop`` it."""

    def __init__(self, settings: Settings, environment: Mapping[str, str], output: Output) -> None:
        """Raises SettingsError when keys or OTLP variables cannot be used."""
        self.settings = settings
        self.port = 0
        self._output = output
        self._policy = _policy(settings)
        self._receivers = wanted_receivers(settings, environment)
        self._make_receivers = [receiver.prepare() for receiver in self._receivers]
        self._counts = ExchangeCounts()
        self._journal = Journal(
            settings.data_dir,
            sync=settings.journal_sync,
            receivers=[receiver.name for receiver in self._receivers],
            retention=Retention(settings.retention_days, int(settings.retention_gb * _GIGABYTE)),
        )
        self._reader = Reader(settings.data_dir)
        self._indexing = IndexingThread(settings.data_dir)
        self._recorder = Recorder(
            self._journal,
            make_record=self._make_record,
            make_open=partial(summary_of_open, mask=settings.mask_secrets, keep=settings.keep_body_bytes),
            on_recorded=self._on_recorded,
        )
        self._shippers: list[Shipper] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_waiting = asyncio.Event()

    async def start(self) -> None:
        """Open the journal, begin to ship, listen. Raises JournalError, or OSError when the address is taken."""
        _require_strict_parser()
        loop = self._loop = asyncio.get_running_loop()
        # Before the journal: what a crash left open is made into records as soon as that starts.
        self._upstream = Upstream(self.settings.ollama_url)
        self._context_lengths = ContextLengths(self._upstream.send, lambda: self._relay.in_flight > 0)
        await loop.run_in_executor(None, self._recorder.start, loop)
        self._start_shipping()
        self._relay = Relay(
            Hooks(
                self._upstream.send,
                self._open,
                self._close_and_tell if self.settings.record_before_reply else self._close,
                lambda: emit(RepliesReleased(1)),
                RelaySettings(
                    self.settings.ollama_url,
                    self.settings.ollama_timeout,
                    self.settings.keep_body_bytes,
                    hold=0.25 if self.settings.record_before_reply else 0.0,
                ),
            )
        )
        self._tasks.append(asyncio.create_task(self._context_lengths.run(), name="ask for context lengths"))
        await loop.run_in_executor(None, self._indexing.start)
        self._recorder.subscribe(self._indexing.wake)
        await self._listen()
        listen = f"http://{self.settings.listen[0]}:{self.port}"
        emit(RecorderStarted(listen, self.settings.ollama_url, str(self.settings.data_dir), service.__version__))

    async def stop(self, drain_seconds: float = DRAIN_SECONDS) -> None:
        """Take no new exchanges, let running ones end for ``drain_seconds``, cut off the rest, ship what is there."""
        self._listening.close()
        drained = asyncio.ensure_future(self._relay.wait_until_idle())
        hurried = asyncio.ensure_future(self._stop_waiting.wait())
        await asyncio.wait({drained, hurried}, timeout=drain_seconds, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        hurried.cancel()
        self._door.live.stop()
        cut_off = self._relay.in_flight
        self._relay.stop()
        await self._server.shutdown(_SHUTDOWN_SECONDS if cut_off else _IDLE_SHUTDOWN_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # What is still on its way to the journal is committed first, so that it is shipped too.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(asyncio.wrap_future(self._recorder.submit(lambda journal: None)), _FLUSH_SECONDS)
        await asyncio.gather(*(shipper.stop() for shipper in self._shippers))
        await self._loop.run_in_executor(None, self._recorder.stop)
        await self._loop.run_in_executor(None, self._indexing.stop)
        self._door.close()
        self._upstream.close()
        self._reader.close()
        emit(RecorderStopped(cut_off))

    def stop_waiting(self) -> None:
        """While stopping: cut off what still runs."""
        self._stop_waiting.set()

    async def _listen(self) -> None:
        condition = Status(
            self.settings,
            self._upstream.send,
            self._relay,
            self._recorder,
            self._reader,
            self._indexing,
            self._shippers,
            self._counts,
            self._output,
        )
        self._tasks.append(asyncio.create_task(condition.watch_ollama(), name="look after Ollama"))
        self._door = Inspector(self.settings, self._policy, condition, self._receivers)
        self._recorder.subscribe(self._door.live.wake)
        trusted = self.settings.trusted_proxies
        gateway = Gateway(self._relay, self._door.policy, trusted)
        choose = partial(choose_model, self.settings.generate_model, self._upstream.send)
        silence = self.settings.ollama_timeout
        generate = Generate(gateway, self._policy, trusted, self._door.ask_ourselves, choose, silence)
        reception = Dispatcher(gateway, generate, self._door.pages, self._policy, trusted)
        self._server = Server(
            reception.handle,  # type: ignore[arg-type]  # AlreadySent acts as a response
            logger=server_logger(),
            **SERVER_OPTIONS,
        )
        host, port = self.settings.listen
        self._listening = await self._loop.create_server(self._server, host, port, backlog=1024, reuse_address=True)
        self.port = self._listening.sockets[0].getsockname()[1]
        self._door.open(host, self.port)

    # From the gateway to the journal

    def _open(self, opened: OpenExchange) -> None:
        if opened.operation in MODEL_CALLS:
            self._context_lengths.want()
        self._recorder.open(opened)

    def _close(self, exchange: Exchange) -> None:
        self._recorder.close(exchange)

    def _close_and_tell(self, exchange: Exchange) -> Committed:
        committed: Committed = self._loop.create_future()
        self._recorder.close(exchange, partial(_set, committed))
        return committed

    def _make_record(self, exchange: Exchange) -> EncodedRecord:
        return make_record(
            exchange,
            context_length_of=self._context_lengths.of,
            mask=self.settings.mask_secrets,
            keep=self.settings.keep_body_bytes,
        )

    def _on_recorded(self, records: Sequence[EncodedRecord]) -> None:
        self._counts.add((record.operation, record.outcome) for record in records)
        self._output.write([record.summary for record in records])

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


def _policy(settings: Settings) -> Policy:
    keys = None
    if settings.api_keys_file is not None:
        try:
            keys = read_keys(settings.api_keys_file)
        except (OSError, ValueError) as mistake:
            raise SettingsError(f"API_KEYS_FILE={str(settings.api_keys_file)!r}: {mistake}") from mistake
    return Policy(frozenset(settings.allowed_hosts), frozenset(settings.cors_origins), settings.allow_management, keys)


def _require_strict_parser() -> None:
    """Most of the request smuggling that was found in aiohttp was in its parser written in Python."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise SettingsError(
            "aiohttp runs without its C parser here: install a wheel of it, and unset AIOHTTP_NO_EXTENSIONS"
        )
