"""The recorder's own addresses beside the gateway's: which there are, who may see them, what each of them answers."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from aiohttp import web
from multidict import MultiDict

from service.events import emit
from service.inspector import (
    all_stores,
    all_totals,
    assets,
    batch_pages,
    erasing,
    erasing_everywhere,
    exporting,
    listing,
    one_exchange,
    summing_up,
    two_exchanges,
)
from service.inspector.access import Access, is_foreign
from service.inspector.answer_places import AnswerPlaces
from service.inspector.client import Client
from service.inspector.listing import Query
from service.inspector.live import tell
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.providers import PageRequest, Providers
from service.inspector.readers import NamedReader, Right
from service.inspector.responses import refuse, say
from service.inspector.rights import HAVE_WORDS, MCP, rights_for
from service.inspector.sign_in import closed_page, sign_in_page, view
from service.journal import JournalError
from service.json_writing import write_json
from service.loki_search.all_recorders import AllRecorders
from service.privacy_events import WordsRead
from service.record.n8n_marks import execution_template
from service.record.without_words import without_words
from service.search.search import Search

_READ: Final = ("GET", "HEAD")
_EXCHANGE: Final = re.compile(
    r"/exchanges/([0-9a-fA-F]{32})(\.json|\.curl|/request|/response|/replay|/rendered|/images/[0-9a-f]{64}|)"
)
_IMAGES: Final = "/images/"
_EXPORT: Final = re.compile(r"/exchanges\.(jsonl|chat\.jsonl|csv|har)")
_LONGEST_QUERY: Final = 64 * 1024
# Each holds some megabytes for as long as its reader takes.
_MOST_EXPORTS: Final = 8

Handler = Callable[[PageRequest], Awaitable[web.StreamResponse]]
OfOne = Callable[[Search, Query], Awaitable[web.Response]]
OfAll = Callable[[AllRecorders | None, Query], Awaitable[web.Response]]


class Pages:
    """Answers what is neither the gateway's nor polled. ``keep`` is KEEP_BODY_BYTES."""

    def __init__(self, providers: Providers, access: Access, keep: int) -> None:
        self._providers = providers
        self._places = AnswerPlaces(keep)
        self._access = access
        self._exports = asyncio.Semaphore(_MOST_EXPORTS)
        self._kept: dict[str, Handler] = {
            "/": self._page,
            "/status.json": self._status,
            "/live": self._live,
            "/models.json": self._models,
            "/queue.json": self._queue,
            "/limits.json": self._limits,
            "/openapi.json": self._description,
            "/exchanges.json": self._of_either(listing.list_exchanges, all_stores.list_exchanges),
            "/timeline.json": self._of_either(listing.draw_timeline, all_totals.draw_timeline),
            "/week.json": self._of_either(listing.draw_week, all_totals.draw_week),
            "/values.json": self._of_either(listing.list_values, all_totals.list_values),
            "/stats.json": self._of_either(listing.add_up, all_totals.add_up),
            "/stats.csv": self._of_either(listing.add_up_as_table, all_totals.add_up_as_table),
            "/failures.json": lambda request: summing_up.list_failures(providers.search, request.query),
            "/report.md": lambda request: summing_up.report_in_markdown(providers.search, request.query),
            "/report.html": lambda request: summing_up.report_in_html(providers.search, request.query),
            "/comparison.json": lambda request: two_exchanges.tell_changes(providers.reader, request.query),
            "/erasing.json": lambda request: erasing_everywhere.look(providers.everywhere, request.query),
        }

    async def answer(self, request: web.BaseRequest, path: str, query: str, client: Client) -> web.StreamResponse:
        """Answer one request for ``path`` (as sent) with ``query`` (without ``?``)."""
        try:
            if len(query) > _LONGEST_QUERY:
                return refuse(414, "The address is too long.")
            pairs = parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=2000)
            return await self._answer(PageRequest(request, path, MultiDict(pairs), client))
        except ValueError as mistake:
            return refuse(400, str(mistake))
        except web.HTTPRequestEntityTooLarge:
            return refuse(413, "The body is too long.")
        except JournalError as trouble:
            return refuse(503, f"The journal cannot be read now: {trouble}.", {"Retry-After": "5"})

    async def _answer(self, request: PageRequest) -> web.StreamResponse:
        method, path = request.http.method, request.path
        if path.startswith("/page/"):
            if method not in _READ:
                return _wrong_method(path, "GET, HEAD")
            # The page's files hold nothing that was recorded; the form to sign in needs them.
            return assets.serve_asset(path.removeprefix("/page/"), request.http.headers)
        if method not in _READ and is_foreign(request.http.headers):
            return refuse(403, "Another web page may not make your browser send this.")
        if path in ("/sign-in", "/sign-out"):
            if method != "POST":
                return _wrong_method(path, "POST")
            return await (self._sign_in(request) if path == "/sign-in" else self._sign_out(request))
        reader = self._access.reader_of(request.http.headers, request.client)
        if reader is None:
            return self._keep_out(request)
        return await self._places.answer(request, partial(self._answer_to, request, reader))

    async def _answer_to(self, request: PageRequest, reader: NamedReader) -> web.StreamResponse:
        """As the file of readers says: not at all, without anybody's words, or whole, which is told by name."""
        if not reader.is_named:
            return await self._answer_reader(request)
        method, path = request.http.method, request.path
        rights = rights_for(method, path, frozenset(request.query))
        for right in rights:
            if right not in reader.may:
                told = f"{reader.name} may not do this: it takes the right '{right}'."
                return refuse(403, told, setting="READERS_FILE", right=right)
        if Right.BODIES in rights:
            emit(WordsRead(reader.name, request.client.address, path))
        may_replay = reader.may >= {Right.REPLAY, Right.BODIES}
        client = replace(request.client, reader=reader.name, may_replay=may_replay)
        answer = await self._answer_reader(replace(request, client=client, may=reader.may))
        if path in HAVE_WORDS and Right.BODIES not in reader.may and isinstance(answer, web.Response):
            answer.text = write_json(without_words(orjson.loads(answer.text or "null"))).decode()
        return answer

    async def _answer_reader(self, request: PageRequest) -> web.StreamResponse:
        method, path = request.http.method, request.path
        if (handler := self._kept.get(path)) is not None:
            return await handler(request) if method in _READ else _wrong_method(path, "GET, HEAD")
        if path == MCP:
            return await self._mcp(request)
        if path == "/exchanges":
            if method != "DELETE":
                return _wrong_method(path, "DELETE")
            return await erasing_everywhere.erase(self._providers.everywhere, request.query, request.client)
        if match := _EXPORT.fullmatch(path):
            if method not in _READ:
                return _wrong_method(path, "GET, HEAD")
            return await self._export(request, match[1])
        if match := _EXCHANGE.fullmatch(path):
            return await self._one(request, match[1].lower(), match[2])
        if match := batch_pages.PATH.fullmatch(path):
            batches = self._providers.batches
            return await batches.answer(request.http, match[1], match[2], request.query, request.client)
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

    async def _mcp(self, request: PageRequest) -> web.Response:
        client, has_words = request.client, Right.BODIES in request.may

        def tell_called(tool: str) -> None:
            if has_words and client.reader is not None:
                emit(WordsRead(client.reader, client.address, f"{MCP} {tool}"))

        return await self._providers.mcp(request.http, has_words, tell_called)

    async def _export(self, request: PageRequest, suffix: str) -> web.StreamResponse:
        if self._exports.locked():
            return refuse(503, f"{_MOST_EXPORTS} exports are running: try again later.", {"Retry-After": "10"})
        search, store = self._providers.search, self._providers.all_recorders
        async with self._exports:
            return await exporting.export(request.http, suffix, request.query, search, store, request.base)

    async def _live(self, request: PageRequest) -> web.StreamResponse:
        headers, client, may = request.http.headers, request.client, request.may
        return await tell(
            request.http,
            self._providers.live,
            lambda: self._access.may_go_on(headers, client, may),
            has_words=Right.BODIES in may,
        )

    def _of_either(self, of_one: OfOne, of_all: OfAll) -> Handler:
        """Many exchanges: this recorder's, or those of all."""

        async def answer(request: PageRequest) -> web.StreamResponse:
            if all_stores.is_asked_for(request.query):
                return await of_all(self._providers.all_recorders, request.query)
            return await of_one(self._providers.search, request.query)

        return answer

    async def _one(self, request: PageRequest, identifier: str, part: str) -> web.StreamResponse:
        providers, method = self._providers, request.http.method
        expected = {"": "DELETE", "/replay": "POST", "/rendered": "POST"}.get(part, "GET, HEAD")
        if method not in expected.split(", "):
            return _wrong_method(request.path, expected)
        if part == ".json" and all_stores.is_asked_for(request.query):
            return await all_stores.show(identifier, providers.all_recorders, providers.links)
        if part == ".json":
            why_not = providers.replaying.why_not(request.client)
            return await one_exchange.show(identifier, providers.search, providers.reader, providers.links, why_not)
        if part == ".curl":
            return await one_exchange.give_command(identifier, providers.reader, request.base)
        if part == "/replay":
            return await providers.replaying.replay(request.http, identifier, request.client, providers.reader)
        if part == "/rendered":
            return await providers.rendering.show(identifier, request.client, providers.reader)
        if part.startswith(_IMAGES):
            return await one_exchange.give_image(identifier, part.removeprefix(_IMAGES), providers.reader)
        if part == "":
            return await erasing.erase_one(providers.everywhere.erasing, identifier, request.client)
        return await one_exchange.give_body(identifier, part[1:], providers.reader)

    # Who may not see it

    def _keep_out(self, request: PageRequest) -> web.StreamResponse:
        out = self._access.why_kept_out(request.client)
        if out.setting is None:
            return refuse(out.status, out.message, out.headers)
        if request.path == "/" and request.http.method in _READ:
            return sign_in_page(request.http.raw_path) if self._access.has_token else closed_page()
        return refuse(out.status, out.message, out.headers, setting=out.setting)

    async def _sign_in(self, request: PageRequest) -> web.StreamResponse:
        form = dict(parse_qsl((await request.http.read()).decode("utf-8", "replace"), max_num_fields=10))
        to = view(form.get("to", "/"))
        wait = self._access.seconds_to_wait(request.client)
        cookie = self._access.sign_in(form.get("token", ""), request.client)
        if cookie is None and wait:
            return sign_in_page(to, f"Too many wrong tokens. Try again in {wait} seconds.", 429)
        if cookie is None:
            return sign_in_page(to, "That is not the token.", 401)
        return web.Response(status=303, headers=PRIVATE_HEADERS | {"Location": to, "Set-Cookie": cookie})

    async def _sign_out(self, request: PageRequest) -> web.StreamResponse:
        cookie = self._access.sign_out(request.http.headers, request.client)
        return web.Response(status=303, headers=PRIVATE_HEADERS | {"Location": "/", "Set-Cookie": cookie})

    # How the recorder is

    async def _status(self, request: PageRequest) -> web.StreamResponse:
        providers = self._providers
        may = {"replay": providers.replaying.allows(request.client), "erase": Right.ERASE in request.may}
        if request.client.reader is not None:
            may["bodies"] = Right.BODIES in request.may
        links = providers.links
        status: dict[str, Any] = {"version": providers.version, "may": may, "trace_url": bool(links.trace_url)}
        if links.n8n_url:
            status["n8n_url"] = execution_template(links.n8n_url)
        status["stores"] = [all_stores.JOURNAL, *([all_stores.LOKI] if providers.all_recorders else [])]
        status |= {"peers": dict(providers.peers), "open_erasures": providers.everywhere.elsewhere.told()}
        status["signed_in"] = self._access.has_session(request.http.headers)
        return say(status | await providers.status())

    async def _models(self, request: PageRequest) -> web.StreamResponse:
        return say({"models": await self._providers.models()})

    async def _queue(self, request: PageRequest) -> web.StreamResponse:
        return say(await self._providers.queue())

    async def _limits(self, request: PageRequest) -> web.StreamResponse:
        return say(self._providers.limits())

    # The page

    async def _page(self, request: PageRequest) -> web.StreamResponse:
        return assets.serve_asset(assets.INDEX, request.http.headers)

    async def _description(self, request: PageRequest) -> web.StreamResponse:
        return assets.serve_description()


def _wrong_method(path: str, allowed: str) -> web.Response:
    return refuse(405, f"{path} is asked with {allowed.replace(', HEAD', '')}.", {"Allow": allowed})
