"""What the recorder's own addresses are answered from: where contents come from, and the request itself."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import MultiMapping

from service.inspector.batch_pages import BatchPages
from service.inspector.client import Client
from service.inspector.erasing_everywhere import ErasingEverywhere
from service.inspector.exchange_detail import Links
from service.inspector.live import Live
from service.inspector.readers import EVERY_RIGHT, Right
from service.inspector.rendering import Rendering
from service.inspector.replaying import Replaying
from service.journal.reader import Reader
from service.loki_search.all_recorders import AllRecorders
from service.search.search import Search


@dataclass(frozen=True, slots=True)
class Providers:
    """Where the contents of the pages come from. ``peers``: the addresses of other recorders, by their names."""

    version: str
    status: Callable[[], Awaitable[dict[str, Any]]]
    models: Callable[[], Awaitable[list[str]]]
    queue: Callable[[], Awaitable[dict[str, Any]]]
    limits: Callable[[], dict[str, Any]]
    reader: Reader
    search: Search
    live: Live
    replaying: Replaying
    rendering: Rendering
    batches: BatchPages
    everywhere: ErasingEverywhere
    links: Links
    mcp: Callable[[web.BaseRequest, bool, Callable[[str], None]], Awaitable[web.Response]]
    all_recorders: AllRecorders | None = None
    peers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request to one of the recorder's own addresses; ``http`` is aiohttp's."""

    http: web.BaseRequest
    path: str
    query: MultiMapping[str]
    client: Client
    may: frozenset[Right] = EVERY_RIGHT

    @property
    def base(self) -> str:
        """Our own address as this client writes it."""
        scheme = "https" if self.client.is_https else "http"
        return f"{scheme}://{self.http.headers.get('Host', 'localhost:8080')}"
