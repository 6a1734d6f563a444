"""What readers are shown is loaded when the first of them asks: a recorder that nobody looks at takes less memory.

What has to be there before is here: the keys of the gateway, READERS_FILE, and erasures that a restart interrupted.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from service.gateway.admission import Policy
from service.gateway.gateway import Gateway
from service.inspector.access import Access
from service.inspector.readers import Readers, read_readers
from service.loaded_late import LoadedLate
from service.peers.open_erasures import OpenErasures
from service.polled import Polled
from service.settings import Settings
from service.settings_file import SettingsFile
from service.shipping.receiver import WantedReceiver
from service.status import Status

if TYPE_CHECKING:
    from aiohttp import web

    from service.inspector_setup import Inspector
    from service.search.recent_numbers import RecentNumbers


@dataclass(frozen=True, slots=True)
class InspectorParts:
    """What the inspector is made of. ``key`` opens the gateway to it; ``policy`` asks for keys that include it."""

    settings: Settings
    policy: Policy
    status: Status
    receivers: Sequence[WantedReceiver]
    access: Access
    key: str


class LateInspector:
    """``policy`` is the gateway's, with a key of our own where keys are asked for; ``polled`` needs nothing late."""

    def __init__(self, settings: Settings, policy: Policy, status: Status, receivers: Sequence[WantedReceiver]) -> None:
        self._key = secrets.token_urlsafe(32)
        self.policy = policy
        if policy.keys is not None:
            self.policy = replace(policy, keys={**policy.keys, **self.own_key()})
        path = settings.readers_file
        self.readers_file = None if path is None else SettingsFile("READERS_FILE", path, read_readers)
        readers = None if self.readers_file is None else self.readers_file.read_at_start()
        self._access = Access(settings.inspector_token, readers=readers)
        self._parts = InspectorParts(settings, self.policy, status, receivers, self._access, self._key)
        self.polled = Polled(status.readiness, status.metrics, self._access, policy, settings.trusted_proxies).handlers
        self._inspector: LoadedLate[Inspector] = LoadedLate(self._load)
        self._gateway: Gateway | None = None
        self._address: tuple[str, int] | None = None
        self._is_ending = False

    async def handle(self, request: "web.BaseRequest") -> Any:
        """Answer what is neither asked of the gateway nor polled."""
        return await (await self._inspector.get()).handle(request)

    async def recent_numbers(self, now_ns: int) -> "RecentNumbers":
        """What alerts look at, asked behind those who read totals."""
        return await (await self._inspector.get()).recent_numbers(now_ns)

    def own_key(self) -> dict[str, str]:
        """The digest and the name of the key that replays are sent with."""
        return {hashlib.sha256(self._key.encode()).hexdigest(): "replay"}

    def take_readers(self, readers: Readers) -> None:
        """READERS_FILE was read again."""
        self._access.readers = readers

    async def prepare(self, gateway: Gateway) -> None:
        """Before anybody can ask: nobody need look at the page for an erasure to go on."""
        self._gateway = gateway
        if await asyncio.to_thread(_has_open_erasures, OpenErasures(self._parts.settings.data_dir)):
            await self._inspector.get()

    def open(self, host: str, port: int) -> None:
        """The recorder listens there. In the event loop."""
        self._address = host, port
        if self._inspector.now is not None:
            self._inspector.now.open(host, port)

    def wake(self) -> None:
        """Records were committed."""
        if self._inspector.now is not None:
            self._inspector.now.live.wake()

    def stop_watching(self) -> None:
        """End what is told of as it happens."""
        if self._inspector.now is not None:
            self._inspector.now.live.stop()

    async def end_batches(self) -> None:
        """Stop what goes on without anybody waiting for it."""
        self._is_ending = True
        if self._inspector.now is not None:
            await self._inspector.now.end_batches()

    def close(self) -> None:
        """Close files and connections."""
        if self._inspector.now is not None:
            self._inspector.now.close()

    def _load(self) -> "partial[Inspector]":
        from service.inspector_setup import Inspector

        return partial(self._make, Inspector)

    def _make(self, kind: "type[Inspector]") -> "Inspector":
        assert self._gateway is not None  # noqa: S101 - whoever asks comes through it
        inspector = kind(self._parts, self._gateway)
        if self._address is not None and not self._is_ending:
            inspector.open(*self._address)
        return inspector


def _has_open_erasures(erasures: OpenErasures) -> bool:
    try:
        return bool(erasures.all() or erasures.damaged())
    except OSError:
        # That it cannot be read is told by the inspector.
        return True
