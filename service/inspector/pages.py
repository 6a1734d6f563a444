"""The recorder's own addresses, beside the gateway: which there are, who may see them, what each of them answers."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import web
from multidict import MultiDict

from service.inspector import assets, erasing, exporting, listing, one_exchange
from service.inspector.access import Access, is_foreign
from service.inspector.client import Client
from service.inspector.erasing import Erasing
from service.inspector.live import Live, tell
from service.inspector.metrics import CONTENT_TYPE
from service.inspector.replaying import Replaying
from service.inspector.responses import PRIVATE_HEADERS, refuse, say
from service.inspector.sign_in import closed_page, sign_in_page, view
from service.journal import JournalError
from service.journal.reader import Reader
from service.search.search import Search

_READ: Final = ("GET", "HEAD")
_EXCHANGE: Final = re.compile(r"/exchanges/([0-9a-fA-F]{32})(\.json|\.curl|/request|/response|/replay|)")
_EXPORT: Final = re.compile(r"/exchanges\.(jsonl|chat\.jsonl|csv|har)")
_LONGEST_QUERY: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the contents come from."""

    version: str
    readiness: Callable[[], Awaitable[tuple[int, bytes]]]
    metrics: Callable[[], Awaitable[bytes]]
    status: Callable[[], Awaitable[dict[str, Any]]]
    models: Callable[[], Awaitable[list[str]]]
    reader: Reader
    search: Search
    live: Live
    replaying: Replaying
    erasing: Erasing
    trace_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request, taken apart."""

    request: web.BaseRequest
    path: str
    query: Mapping[str, str]
    client: Client

    @property
    def base(self) -> str:
        """Our own address as this client writes it."""
        scheme = "https" if self.client.is_https else "http"
        return f"{scheme}://{self.request.headers.get('Host', 'localhost:8080')}"


Handler = Callable[[_Asked], Awaitable[web.StreamResponse]]


class Pages:
    """Answers what is not the gateway's. ``token`` opens it to readers from other addresses than this machine's."""

    def __init__(self, sources: Sources, token: str) -> None:
        self._sources = sources
        self._access = Access(token)
        self._open: dict[str, Handler] = {"/healthz": self._alive, "/readyz": self._ready}
        self._kept: dict[str, Handler] = {
            "/": self._page,
            "/metrics": self._metrics,
            "/status.json": self._status,
            "/live": self._live,
            "/models.json": self._models,
            "/openapi.json": self._description,
            "/exchanges.json": lambda asked: listing.list_exchanges(sources.search, asked.query),
            "/timeline.json": lambda asked: listing.draw_timeline(sources.search, asked.query),
            "/values.json": lambda asked: listing.list_values(sources.search, asked.query),
            "/stats.json": lambda asked: listing.add_up(sources.search, asked.query),
            "/erasing.json": lambda asked: erasing.look(sources.erasing, asked.query),
        }

    async def answer(self, request: web.BaseRequest, path: str, query: str, client: Client) -> web.StreamResponse:
        """Answer one request for ``path`` (as sent) with ``query`` (without ``?``)."""
        try:
            if len(query) > _LONGEST_QUERY:
                return refuse(414, "The address is too long.")
            pairs = parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=2000)
            return await self._answer(_Asked(request, path, MultiDict(pairs), client))
        except ValueError as mistake:
            return refuse(400, str(mistake))
        except web.HTTPRequestEntityTooLarge:
            return refuse(413, "The body is too long.")
        except JournalError as trouble:
            return refuse(503, f"The journal cannot be read now: {trouble}.", {"Retry-After": "5"})

    async def _answer(self, asked: _Asked) -> web.StreamResponse:
        method, path = asked.request.method, asked.path
        if (handler := self._open.get(path)) is not None or path.startswith("/page/"):
            if method not in _READ:
                return _wrong_method(path, "GET, HEAD")
            if handler is not None:
                return await handler(asked)
            # The page's files hold nothing that was recorded; the form to sign in needs them.
            return assets.serve_asset(path.removeprefix("/page/"), asked.request.headers)
        if method not in _READ and is_foreign(asked.request.headers):
            return refuse(403, "Another web page may not make your browser send this.")
        if path in ("/sign-in", "/sign-out"):
            if method != "POST":
                return _wrong_method(path, "POST")
            return await (self._sign_in(asked) if path == "/sign-in" else self._sign_out(asked))
        if not self._access.allows(asked.request.headers, asked.client):
            return self._keep_out(asked)
        return await self._answer_reader(asked)

    async def _answer_reader(self, asked: _Asked) -> web.StreamResponse:
        method, path = asked.request.method, asked.path
        if (handler := self._kept.get(path)) is not None:
            return await handler(asked) if method in _READ else _wrong_method(path, "GET, HEAD")
        if path == "/exchanges":
            if method != "DELETE":
                return _wrong_method(path, "DELETE")
            return await erasing.erase(self._sources.erasing, asked.query, asked.client)
        if found := _EXPORT.fullmatch(path):
            if method not in _READ:
                return _wrong_method(path, "GET, HEAD")
            return await exporting.export(asked.request, found[1], asked.query, self._sources.search, asked.base)
        if found := _EXCHANGE.fullmatch(path):
            return await self._one(asked, found[1].lower(), found[2])
        if path.startswith("/exchanges/"):
            return refuse(
                404,
                "Nothing is at this address: /exchanges/ID.json tells of the exchange whose id has those 32 hexadecimal"
                " digits, and what else may be asked of it is in /openapi.json.",
            )
        return refuse(
            404,
            "There is nothing here. The page is at /, Ollama below /api/ollama/, for instance /api/ollama/api/tags,"
            " and what programs may ask is in /openapi.json.",
        )

    async def _live(self, asked: _Asked) -> web.StreamResponse:
        headers, client = asked.request.headers, asked.client
        return await tell(asked.request, self._sources.live, lambda: self._access.may_go_on(headers, client))

    async def _one(self, asked: _Asked, identifier: str, part: str) -> web.StreamResponse:
        sources, method = self._sources, asked.request.method
        expected = {"": "DELETE", "/replay": "POST"}.get(part, "GET, HEAD")
        if method not in expected.split(", "):
            return _wrong_method(asked.path, expected)
        if part == ".json":
            why_not = sources.replaying.why_not(asked.client)
            return await one_exchange.show(identifier, sources.search, sources.reader, sources.trace_url, why_not)
        if part == ".curl":
            return await one_exchange.give_command(identifier, sources.reader, asked.base)
        if part == "/replay":
            return await sources.replaying.replay(asked.request, identifier, asked.client, sources.reader)
        if part == "":
            return await erasing.erase_one(sources.erasing, identifier, asked.client)
        return await one_exchange.give_body(identifier, part[1:], sources.reader)

    # Who may not see it

    def _keep_out(self, asked: _Asked) -> web.StreamResponse:
        wait = self._access.seconds_to_wait(asked.client)
        if wait:
            return refuse(429, f"Too many wrong tokens: try again in {wait} s.", {"Retry-After": str(wait)})
        if asked.path == "/" and asked.request.method in _READ:
            return sign_in_page(asked.request.raw_path) if self._access.has_token else closed_page()
        return refuse(
            401,
            "From other addresses than this machine's, send Authorization: Bearer TOKEN with the INSPECTOR_TOKEN.",
            {"WWW-Authenticate": "Bearer"},
            setting="INSPECTOR_TOKEN",
        )

    async def _sign_in(self, asked: _Asked) -> web.StreamResponse:
        form = dict(parse_qsl((await asked.request.read()).decode("utf-8", "replace"), max_num_fields=10))
        to = view(form.get("to", "/"))
        wait = self._access.seconds_to_wait(asked.client)
        if wait:
            return sign_in_page(to, f"Too many wrong tokens. Try again in {wait} seconds.", 429)
        cookie = self._access.sign_in(form.get("token", ""), asked.client)
        if cookie is None:
            return sign_in_page(to, "That is not the token.", 401)
        return web.Response(status=303, headers=PRIVATE_HEADERS | {"Location": to, "Set-Cookie": cookie})

    async def _sign_out(self, asked: _Asked) -> web.StreamResponse:
        cookie = self._access.sign_out(asked.request.headers, asked.client)
        return web.Response(status=303, headers=PRIVATE_HEADERS | {"Location": "/", "Set-Cookie": cookie})

    # How the recorder is

    async def _alive(self, asked: _Asked) -> web.StreamResponse:
        return web.Response(text="ok\n")

    async def _ready(self, asked: _Asked) -> web.StreamResponse:
        status, body = await self._sources.readiness()
        return web.Response(status=status, body=body, content_type="application/json", headers=PRIVATE_HEADERS)

    async def _metrics(self, asked: _Asked) -> web.StreamResponse:
        body = await self._sources.metrics()
        return web.Response(body=body, headers=PRIVATE_HEADERS | {"Content-Type": CONTENT_TYPE})

    async def _status(self, asked: _Asked) -> web.StreamResponse:
        sources = self._sources
        may = {"replay": sources.replaying.allows(asked.client), "erase": True}
        status = {"version": sources.version, "may": may, "trace_url": sources.trace_url is not None}
        status["signed_in"] = self._access.has_session(asked.request.headers)
        return say(status | await sources.status())

    async def _models(self, asked: _Asked) -> web.StreamResponse:
        return say({"models": await self._sources.models()})

    # The page

    async def _page(self, asked: _Asked) -> web.StreamResponse:
        return assets.serve_asset(assets.INDEX, asked.request.headers)

    async def _description(self, asked: _Asked) -> web.StreamResponse:
        return assets.serve_description()


def _wrong_method(path: str, allowed: str) -> web.Response:
    return refuse(405, f"{path} is asked with {allowed.replace(', HEAD', '')}.", {"Allow": allowed})
