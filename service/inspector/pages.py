"""The recorder's own addresses, beside the gateway: how it is, and who may see that."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import orjson
from aiohttp import web

from service.inspector.metrics import CONTENT_TYPE

_GUIDE = """Ollama Recorder {version}

  /api/ollama/   Ollama, with every exchange recorded: /api/ollama/api/chat, /api/ollama/v1/chat/completions
  /healthz       whether the recorder is alive
  /readyz        whether it can proxy and record
  /metrics       numbers for Prometheus
"""
_PRIVATE_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the pages' contents come from."""

    version: str
    readiness: Callable[[], Awaitable[tuple[int, bytes]]]
    metrics: Callable[[], Awaitable[bytes]]


class Pages:
    """Answers what is not the gateway's. ``token``: what readers from other addresses than loopback must send."""

    def __init__(self, sources: Sources, token: str) -> None:
        self._sources = sources
        self._token = token

    async def answer(self, path: str, method: str, headers: Mapping[str, str], is_local: bool) -> web.Response:
        """``is_local``: the client is on this machine, by its own address."""
        if path not in ("/", "/healthz", "/readyz", "/metrics"):
            return _error(
                404, "There is nothing here. Ollama is below /api/ollama/, for instance /api/ollama/api/tags."
            )
        if method not in ("GET", "HEAD"):
            return _error(405, f"{path} is asked with GET.", {"Allow": "GET, HEAD"})
        if path == "/healthz":
            return web.Response(text="ok\n")
        if path == "/readyz":
            status, body = await self._sources.readiness()
            return web.Response(status=status, body=body, content_type="application/json", headers=_PRIVATE_HEADERS)
        if not (is_local or self._is_authorised(headers)):
            return _error(
                401,
                "From other addresses than this machine's, send Authorization: Bearer TOKEN with the INSPECTOR_TOKEN.",
                {"WWW-Authenticate": "Bearer"},
            )
        if path == "/metrics":
            body = await self._sources.metrics()
            return web.Response(body=body, headers=_PRIVATE_HEADERS | {"Content-Type": CONTENT_TYPE})
        return web.Response(text=_GUIDE.format(version=self._sources.version), headers=_PRIVATE_HEADERS)

    def _is_authorised(self, headers: Mapping[str, str]) -> bool:
        scheme, _, said = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._token:
            return False
        return hmac.compare_digest(said.strip().encode("utf-8", "surrogateescape"), self._token.encode())


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = orjson.dumps({"error": message})
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
