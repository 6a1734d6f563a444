"""The gateway's threshold: everything below ``/api/ollama`` is admitted or refused, named, and relayed."""

import time
from functools import partial
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from service.gateway.admission import Policy, check_host, check_key, check_origin, check_route
from service.gateway.answers import Refusal
from service.gateway.call import AlreadySent, Call
from service.gateway.callers import Network, client_address, name_caller
from service.gateway.headers import towards_ollama
from service.gateway.relay import Relay
from service.gateway.routes import Target, find_target
from service.gateway.trace import identify
from service.record.exchange import OpenExchange

# How aiohttp's server must be set up for a gateway.
SERVER_OPTIONS: dict[str, Any] = {
    # Without it Ollama goes on generating for a client that left.
    "handler_cancellation": True,
    # Decompressing would forward a plain body under its Content-Encoding header.
    "auto_decompress": False,
    "access_log": None,
    # How long an upload that was answered early is read on, so that its sender sees the answer.
    "lingering_time": 5.0,
}
_METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
_PREFLIGHT_SECONDS = "600"
_LONGEST_URI = 4000
_LONGEST_USER_AGENT = 500


class Gateway:
    """Handles a request whose path is below the gateway's prefix."""

    def __init__(self, relay: Relay, policy: Policy, trusted_proxies: tuple[Network, ...]) -> None:
        self._relay = relay
        self._policy = policy
        self._trusted_proxies = trusted_proxies

    async def handle(self, request: web.BaseRequest, raw_path: str, query: str) -> web.StreamResponse | AlreadySent:
        """Answer one request; ``raw_path`` and ``query`` (without ``?``) are as the client sent them."""
        target = find_target(raw_path)
        origin = request.headers.get("Origin")
        if request.method == "OPTIONS" and origin is not None:
            preflight = self._answer_preflight(request, origin)
            if preflight is not None:
                return preflight
        key_name, refusal = self._admit(request, target, origin)
        is_foreign = refusal is not None and refusal.setting in ("ALLOWED_HOSTS", "CORS_ORIGINS")
        call = self._call(request, target, query, None if is_foreign else origin, key_name)
        if refusal is not None:
            return await self._relay.refuse(request, call, refusal)
        return await self._relay.relay(request, call)

    def _admit(self, request: web.BaseRequest, target: Target, origin: str | None) -> tuple[str | None, Refusal | None]:
        """The name of the caller's key, and why the request is refused, if it is."""
        policy, headers = self._policy, request.headers
        host = headers.get("Host")
        refusal = (
            _check_version(request)
            or check_host(host, policy)
            or check_origin(origin, host or "", policy)
            or check_route(target, request.method, policy)
        )
        if refusal is not None:
            return None, refusal
        key = check_key(headers, policy)
        return (None, key) if isinstance(key, Refusal) else (key, None)

    def _call(
        self, request: web.BaseRequest, target: Target, query: str, origin: str | None, key_name: str | None
    ) -> Call:
        started_ns = time.time_ns()
        headers = request.headers
        trace = identify(headers.get("traceparent"), started_ns)
        user_agent = headers.get("User-Agent")
        path = target.upstream_path
        describe = partial(
            OpenExchange,
            trace.exchange,
            started_ns,
            request.method,
            request.raw_path[:_LONGEST_URI],
            target.path if target.route else "",
            target.route.operation if target.route else "unknown",
            target.route.api if target.route else "ollama",
            client_address(request.remote or "", headers, self._trusted_proxies),
            trace.trace_id,
            trace.span_id,
            trace.parent_span_id,
            user_agent[:_LONGEST_USER_AGENT] if user_agent else None,
            name_caller(target.labels, headers, key_name),
        )
        return Call(
            trace.exchange,
            request.method,
            target.path,
            f"{path}?{query}" if query else path,
            towards_ollama(request.raw_headers, trace.traceparent, self._policy.keys is not None),
            describe,
            _cors(origin),
        )

    def _answer_preflight(self, request: web.BaseRequest, origin: str) -> web.Response | None:
        """A browser asks before it calls. None: not such a question, or an origin that may not."""
        wanted = request.headers.get("Access-Control-Request-Method")
        host = request.headers.get("Host")
        if wanted is None or check_host(host, self._policy) or check_origin(origin, host or "", self._policy):
            return None
        headers = CIMultiDict(_cors(origin))
        headers["Access-Control-Allow-Methods"] = _METHODS
        headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
        headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
        return web.Response(status=204, headers=headers)


def _cors(origin: str | None) -> tuple[tuple[str, str], ...]:
    if origin is None:
        return ()
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "X-Exchange-Id"),
        ("Vary", "Origin"),
    )


def _check_version(request: web.BaseRequest) -> Refusal | None:
    """aiohttp lets other version numbers pass, and chunks in HTTP/1.0, which that version does not know."""
    if request.version not in ((1, 0), (1, 1)):
        return Refusal(400, "Speak HTTP/1.1 here.")
    if request.version < (1, 1) and "Transfer-Encoding" in request.headers:
        return Refusal(400, "Transfer-Encoding does not exist in HTTP/1.0.")
    return None
