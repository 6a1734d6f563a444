"""MCP over HTTP (streamable HTTP) at ``/mcp``: the SDK's own server, behind the door that the page has.

Each request is answered by itself, as JSON: no session, no stream that stays open. The SDK is an extra, and is loaded
at the first question.
"""

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

from service.cli.mcp_serving import make_server
from service.cli.mcp_tools import TOOLS, Source
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.responses import refuse
from service.inspector.threads import aside_at_length
from service.json_writing import write_json
from service.settings import Settings

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

_ANSWER_SECONDS: Final = 60.0
_MOST_AT_ONCE: Final = 8
_MOST_BYTES: Final = 256 * 1024
_TOOLS: Final = [tool.name for tool in TOOLS]
_NOT_INSTALLED: Final = (
    "MCP over HTTP needs the MCP SDK beside the recorder: install ollama-recorder[mcp], and start it again."
)
# JSON-RPC's answer to what is no JSON, or is nested too deep.
_NO_JSON: Final = (
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error: a question is JSON in UTF-8, and no'
    b' more than 250 levels deep."}}'
)
_AS_JSON: Final = {"Content-Type": "application/json"}
# What the SDK reads of a request. Credentials are none of it.
_PASSED_ON: Final = ("accept", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id")


class McpOverHttp:
    """``answer`` belongs to the event loop; ``close`` ends what is being answered."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._managers: dict[bool, StreamableHTTPSessionManager] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._starting = asyncio.Lock()
        self._running = 0

    async def answer(
        self, request: web.BaseRequest, has_words: bool, tell_called: Callable[[str], None]
    ) -> web.Response:
        """One request. ``has_words``: its reader may see more than names, times and counts.

        ``tell_called`` gets the name of each tool that is called.
        """
        if request.method != "POST":
            return refuse(405, "/mcp is asked with POST: no stream stays open here.", {"Allow": "POST"})
        if self._running >= _MOST_AT_ONCE:
            return refuse(503, f"{_MOST_AT_ONCE} questions are being answered already.", {"Retry-After": "2"})
        self._running += 1
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                body = await request.read()
                if len(body) > _MOST_BYTES:
                    return refuse(413, f"A question has {_MOST_BYTES} bytes at most.")
                try:
                    asked = orjson.loads(body)
                    # Read once: what the SDK takes for JSON (NaN, UTF-16) may be none here, and would be untold.
                    body = write_json(asked)
                except (ValueError, TypeError):
                    return web.Response(status=400, body=_NO_JSON, headers=PRIVATE_HEADERS | _AS_JSON)
                manager = await self._manager(has_words)
                for tool in _called(asked):
                    tell_called(tool)
                return await _ask(manager, request, body)
        except ImportError:
            return refuse(501, _NOT_INSTALLED)
        except TimeoutError:
            return refuse(504, f"It took longer than {_ANSWER_SECONDS:g} s. Ask for a shorter time.")
        finally:
            self._running -= 1

    async def close(self) -> None:
        """End the SDK's tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _manager(self, has_words: bool) -> "StreamableHTTPSessionManager":
        async with self._starting:
            if has_words not in self._managers:
                source = Source(self._settings, catches_up=False, has_words=has_words)
                # A second's worth of modules.
                module = await asyncio.to_thread(import_module, "mcp.server.streamable_http_manager")
                # Where totals are counted: what was given up after a minute goes on there, and keeps nobody else.
                server = await asyncio.to_thread(make_server, source, aside_at_length)
                manager = module.StreamableHTTPSessionManager(server, json_response=True, stateless=True)
                ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._tasks.append(asyncio.create_task(_run(manager, ready), name="answer MCP"))
                await ready
                self._managers[has_words] = manager
            return self._managers[has_words]


def _called(asked: Any) -> list[str]:
    """The tools that a request calls, each once."""
    calls = [one for one in (asked if isinstance(asked, list) else [asked]) if isinstance(one, dict)]
    named = [one["params"].get("name") for one in calls if isinstance(one.get("params"), dict)]
    return [name for name in _TOOLS if name in named]


async def _run(manager: "StreamableHTTPSessionManager", ready: asyncio.Future[None]) -> None:
    async with manager.run():
        ready.set_result(None)
        await asyncio.Event().wait()


async def _ask(manager: "StreamableHTTPSessionManager", request: web.BaseRequest, body: bytes) -> web.Response:
    """Hand the request to the SDK as ASGI, and take its answer."""
    headers = [
        (name.encode(), request.headers[name].encode("latin-1", "replace"))
        for name in _PASSED_ON
        if name in request.headers
    ]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "client": None,
        "server": None,
    }
    answer: dict[str, Any] = {"status": 500, "headers": [], "body": b""}
    await manager.handle_request(scope, _receiver(body), _taker(answer))
    kept = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in answer["headers"]}
    kept.pop("Content-Length", None)
    return web.Response(status=answer["status"], body=answer["body"], headers=PRIVATE_HEADERS | kept)


def _receiver(body: bytes) -> Callable[[], Any]:
    pieces = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not pieces:
            # The client's leaving ends the task that this runs in.
            await asyncio.Event().wait()
        return pieces.pop()

    return receive


def _taker(answer: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer["status"], answer["headers"] = message["status"], list(message.get("headers", ()))
        else:
            answer["body"] += message.get("body", b"")

    return send
