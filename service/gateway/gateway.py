"""Everything below ``/api/ollama`` comes here: it is admitted or refused, its caller is named, and it is relayed."""

import time
from typing import Any, Final

from aiohttp import web

from service.gateway.admission import Policy, check_host, check_key, check_origin, check_route
from service.gateway.call import AlreadySent, Call
from service.gateway.callers import Network, client_address, name_caller, replayed
from service.gateway.cors import answer_preflight, cors
from service.gateway.error_responses import Refusal
from service.gateway.headers import towards_ollama
from service.gateway.relay import Relay
from service.gateway.routes import Route, Target, find_target
from service.gateway.trace import identify
from service.record.exchange import Body, OpenExchange

LONGEST_LINE: Final = 64 * 1024
# How aiohttp's server must be set up for a gateway.
SERVER_OPTIONS: dict[str, Any] = {
    # Without it Ollama goes on generating for a client that left.
    "handler_cancellation": True,
    # Decompressing would forward a plain body under its Content-Encoding header.
    "auto_decompress": False,
    "access_log": None,
    # The same as nginx/proxy.conf.template, for the address and for each header: a browser sends the cookies of all
    # ports of localhost, and Ollama takes a megabyte of them.
    "max_line_size": LONGEST_LINE,
    "max_field_size": LONGEST_LINE,
    # How long an upload that was answered early is read on, so that its sender sees the answer.
    "lingering_time": 5.0,
}
_LONGEST_URI = 4000
_LONGEST_USER_AGENT = 500
# Pages that are refused for these settings may not read the refusal either.
_FOREIGN = ("ALLOWED_HOSTS", "CORS_ORIGINS")


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
        preflight = answer_preflight(request, self._policy)
        if preflight is not None:
            return preflight
        key_name, refusal = self._admit(request, target, origin)
        is_foreign = refusal is not None and refusal.setting in _FOREIGN
        call = self._call(request, target, query, None if is_foreign else origin, key_name)
        if refusal is not None:
            return await self._relay.refuse(request, call, refusal)
        return await self._relay.relay(request, call)

    async def refuse(
        self, request: web.BaseRequest, path: str, refusal: Refusal, body: bytes = b""
    ) -> web.StreamResponse | AlreadySent:
        """Refuse a request for ``path``, an address of the recorder's own that leads to Ollama, and record that.

        ``body``: what was read of the request.
        """
        origin = None if refusal.setting in _FOREIGN else request.headers.get("Origin")
        target = Target((), path, path, Route(("POST",), path, "generate"))
        return await self._relay.refuse(request, self._call(request, target, "", origin, None), refusal, body)

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
        caller = name_caller(target.labels, headers, key_name)
        address = client_address(request.remote or "", headers, self._trusted_proxies)

        def open_with(body: Body) -> OpenExchange:
            return OpenExchange(
                id=trace.exchange,
                started_ns=started_ns,
                method=request.method,
                request_uri=request.raw_path[:_LONGEST_URI],
                path=target.path if target.route else "",
                operation=target.route.operation if target.route else "unknown",
                api=target.route.api if target.route else "ollama",
                remote_addr=address,
                trace_id=trace.trace_id,
                span_id=trace.span_id,
                parent_span_id=trace.parent_span_id,
                user_agent=user_agent[:_LONGEST_USER_AGENT] if user_agent else None,
                caller=caller,
                request=body,
                replay_of=replayed(headers),
                key_name=key_name,
            )

        return Call(
            id=trace.exchange,
            method=request.method,
            path=target.path,
            target=f"{path}?{query}" if query else path,
            header_lines=towards_ollama(request.raw_headers, trace.traceparent, self._policy.keys is not None),
            open_with=open_with,
            cors=cors(origin),
        )


def _check_version(request: web.BaseRequest) -> Refusal | None:
    """aiohttp lets other version numbers pass, and chunks in HTTP/1.0, which that version does not know."""
    if request.version not in ((1, 0), (1, 1)):
        return Refusal(400, "Speak HTTP/1.1 here.")
    if request.version < (1, 1) and "Transfer-Encoding" in request.headers:
        return Refusal(400, "Transfer-Encoding does not exist in HTTP/1.0.")
    return None
