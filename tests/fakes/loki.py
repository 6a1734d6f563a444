"""A stand-in for Loki: it applies Loki's own rules, and does what a script says before it does so.

Rules and sentences are those of Loki 3.7 (``pkg/distributor/distributor.go``, ``pkg/distributor/validator.go``,
``pkg/ingester/stream.go``, ``pkg/validation/validate.go``): a 400 is partial, an entry that was stored already
is dropped, a line more than an hour behind the newest of its stream is refused.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

HOUR_NS = 3_600_000_000_000
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer so and store nothing."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hang:
    """Take the request and never answer it."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Answer with something that is not HTTP."""

    data: bytes = b"\x00\x16\x03 this is not HTTP\r\n\r\n"


@dataclass(frozen=True, slots=True)
class StoreThen:
    """Store as usual, then answer otherwise: the client never learns that it was stored."""

    status: int


Script = Answer | Hang | Garbage | StoreThen


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored entry. ``at`` is Unix time in nanoseconds."""

    labels: Labels
    at: int
    line: str
    metadata: tuple[tuple[str, str], ...]


@dataclass
class Limits:
    """Loki's ``limits_config`` and ``server``, with its defaults. ``bytes_per_second`` None: no rate limit."""

    max_line_size: int = 256 * 1024
    max_label_names: int = 15
    max_metadata_bytes: int = 64 * 1024
    max_metadata_entries: int = 128
    oldest_ns: int = 7 * 24 * HOUR_NS
    grace_ns: int = HOUR_NS // 6
    allow_structured_metadata: bool = True
    bytes_per_second: float | None = None
    burst_bytes: float = 6_000_000
    max_request_bytes: int = 100 << 20
    token: str | None = None


class FakeLoki:
    """Start it, push to ``url``, look at ``entries`` and ``requests``; ``script`` is used up request by request."""

    def __init__(self, script: Iterable[Script] = (), limits: Limits | None = None) -> None:
        self.script: deque[Script] = deque(script)
        self.limits = limits or Limits()
        self.entries: dict[Entry, None] = {}
        self.duplicates = 0
        self.requests: list[web.Request] = []
        self.bodies: list[bytes] = []
        self._newest: dict[Labels, int] = {}
        self._tokens = self.limits.burst_bytes
        self._filled_at = time.monotonic()
        self._storing = threading.Lock()
        self._released = asyncio.Event()
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen; after a ``stop`` on the same port as before."""
        self._released = asyncio.Event()
        application = web.Application(client_max_size=1 << 30)
        application.router.add_post("/loki/api/v1/push", self._push)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        """Be away: connections are refused from now on. What is stored stays."""
        self._released.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> "FakeLoki":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def wait_until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until ``condition`` holds; it is looked at after each request."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    def lines(self, job: str = "nginx") -> list[str]:
        """The stored lines of a job, in the order in which they were stored."""
        return [entry.line for entry in self.entries if ("job", job) in entry.labels]

    async def _push(self, request: web.Request) -> web.StreamResponse:
        # Behind aiohttp's server a compressed body is decompressed already.
        body = await request.read()
        self.requests.append(request)
        self.bodies.append(body)
        try:
            return await self._answer(request, body)
        finally:
            async with self._changed:
                self._changed.notify_all()

    async def _answer(self, request: web.Request, body: bytes) -> web.StreamResponse:
        match self.script.popleft() if self.script else None:
            case Answer(status, text, headers):
                return web.Response(status=status, text=text, headers=headers)
            case Hang():
                await self._released.wait()
                return web.Response(status=503)
            case Garbage(data):
                assert request.transport is not None
                request.transport.write(data)
                request.transport.close()
                return web.Response()
            case StoreThen(status):
                await asyncio.to_thread(self._store, body)
                return web.Response(status=status)
        if self.limits.token and request.headers.get("Authorization") != f"Bearer {self.limits.token}":
            return web.Response(status=401, text="no credentials provided")
        if len(body) > self.limits.max_request_bytes:
            return web.Response(status=413, text=f"request body too large: {len(body)} bytes")
        # On a thread: the loop is shared with what is tested, and must not be kept busy.
        return await asyncio.to_thread(self._store, body)

    def _store(self, plain: bytes) -> web.Response:
        with self._storing:
            return self._store_alone(plain)

    def _store_alone(self, plain: bytes) -> web.Response:
        try:
            streams = orjson.loads(plain)["streams"]
        except (ValueError, KeyError) as error:
            return web.Response(status=400, text=f"couldn't parse push request: {error}")
        if not streams:
            return web.Response(status=422, text="error at least one valid stream is required for ingestion\n")
        faults: list[str] = []
        good: list[Entry] = []
        for stream in streams:
            good += self._validate(stream, faults)
        size = sum(len(entry.line) + sum(len(k) + len(v) for k, v in entry.metadata) for entry in good)
        if not self._is_within_rate(size):
            said = f"ingestion rate limit exceeded for user fake while attempting to ingest '{len(good)}' lines"
            return web.Response(status=429, text=said)
        for entry in good:
            faults += self._ingest(entry)
        if faults:
            return web.Response(status=400, text=f"{len(faults)} errors like: {faults[-1]}")
        return web.Response(status=204)

    def _validate(self, stream: dict[str, Any], faults: list[str]) -> list[Entry]:
        """The entries that the distributor lets through."""
        labels: Labels = tuple(sorted(stream["stream"].items()))
        name = "{" + ", ".join(f'{key}="{value}"' for key, value in labels) + "}"
        if not labels:
            faults.append("error at least one label pair is required per stream")
            return []
        if len(labels) > self.limits.max_label_names:
            faults.append(
                f"entry for stream '{name}' has {len(labels)} label names; limit {self.limits.max_label_names}"
            )
            return []
        good = []
        for at, line, *rest in stream["values"]:
            metadata = rest[0] if rest else {}
            assert all(isinstance(value, str) for value in metadata.values()), "Loki's JSON parser takes texts only"
            entry = Entry(labels, int(at), line, tuple(sorted(metadata.items())))
            fault = self._fault_of(entry, name)
            if fault:
                faults.append(fault)
            else:
                good.append(entry)
        return good

    def _fault_of(self, entry: Entry, stream: str) -> str | None:
        limits, now = self.limits, time.time_ns()
        metadata_bytes = sum(len(key) + len(value.encode()) for key, value in entry.metadata)
        if entry.at < now - limits.oldest_ns:
            return f"entry for stream '{stream}' has timestamp too old: {entry.at}, oldest acceptable timestamp is: x"
        if entry.at > now + limits.grace_ns:
            return f"entry for stream '{stream}' has timestamp too new: {entry.at}"
        if len(entry.line.encode()) > limits.max_line_size:
            return f"max entry size '{limits.max_line_size}' bytes exceeded for stream '{stream}'"
        if entry.metadata and not limits.allow_structured_metadata:
            return f"stream '{stream}' includes structured metadata, but this feature is disallowed."
        if metadata_bytes > limits.max_metadata_bytes:
            return f"stream '{stream}' has structured metadata too large: '{metadata_bytes}' bytes"
        if len(entry.metadata) > limits.max_metadata_entries:
            return f"stream '{stream}' has too many structured metadata labels: '{len(entry.metadata)}'"
        return None

    def _ingest(self, entry: Entry) -> list[str]:
        """What the ingester says against an entry; it is stored when that is nothing."""
        newest = self._newest.get(entry.labels, entry.at)
        if entry.at < newest - HOUR_NS:
            return [f"entry with timestamp {entry.at} ignored, reason: 'entry too far behind, entry timestamp is: x'"]
        self.duplicates += entry in self.entries
        self.entries[entry] = None
        self._newest[entry.labels] = max(newest, entry.at)
        return []

    def _is_within_rate(self, size: int) -> bool:
        rate = self.limits.bytes_per_second
        if rate is None:
            return True
        now = time.monotonic()
        self._tokens = min(self.limits.burst_bytes, self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now
        if size > self._tokens:
            return False
        self._tokens -= size
        return True
