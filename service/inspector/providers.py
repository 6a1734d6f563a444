"""What the pages are made of: the parts that answer them, by name."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from service.inspector.batch_pages import BatchPages
from service.inspector.erasing import Erasing
from service.inspector.exchange_detail import Links
from service.inspector.live import Live
from service.inspector.rendering import Rendering
from service.inspector.replaying import Replaying
from service.journal.reader import Reader
from service.loki_search.all_recorders import AllRecorders
from service.search.search import Search


@dataclass(frozen=True, slots=True)
class Providers:
    """Where the contents of the pages come from."""

    version: str
    readiness: Callable[[Collection[str]], Awaitable[tuple[int, bytes]]]
    metrics: Callable[[bool], Awaitable[bytes]]
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
    erasing: Erasing
    links: Links
    mcp: Callable[[web.BaseRequest, bool, Callable[[str], None]], Awaitable[web.Response]]
    all_recorders: AllRecorders | None = None
