"""Everything below ``/api/ollama`` comes here: it is admitted or refused, its caller is named, and it is relayed."""

import time

from service.gateway.admission import Policy, check_host, check_key, check_origin, check_route
from service.gateway.call import AlreadySent, Call
from service.gateway.callers import Network, client_address, name_caller, replayed
from service.gateway.cors import answer_preflight, cors
from service.gateway.error_responses import Refusal
from service.gateway.headers import towards_ollama
from service.gateway.relay import Relay
from service.gateway.request import Request
from service.gateway.request_head import RequestHead
from service.gateway.response_writer import ResponseWriter
from service.gateway.routes import Route, Target, find_target
from service.gateway.trace import identify
from service.record.exchange import Body, OpenExchange

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

    async def handle(self, request: Request, raw_path: str, query: str) -> AlreadySent:
        """Answer one request; ``raw_path`` and ``query`` (without ``?``) are as the client sent them."""
        head = request.head
        target = find_target(raw_path)
        origin = head.headers.get("Origin")
        preflight = answer_preflight(head.method, head.headers, self._policy)
        if preflight is not None:
            return _answer_without_body(request, preflight)
        key_name, refusal = self._admit(head, target, origin)
        is_foreign = refusal is not None and refusal.setting in _FOREIGN
        call = self._call(request, target, query, None if is_foreign else origin, key_name)
        if refusal is not None:
            return await self._relay.refuse(request, call, refusal)
        return await self._relay.relay(request, call)

    async def refuse(self, request: Request, path: str, refusal: Refusal, body: bytes = b"") -> AlreadySent:
        """Refuse a request for ``path``, an address of the recorder's own that leads to Ollama, and record that.

        ``body``: what was read of the request.
        """
        origin = None if refusal.setting in _FOREIGN else request.head.headers.get("Origin")
        target = Target((), path, path, Route(("POST",), path, "generate"))
        return await self._relay.refuse(request, self._call(request, target, "", origin, None), refusal, body)

    def _admit(self, head: RequestHead, target: Target, origin: str | None) -> tuple[str | None, Refusal | None]:
        """The name of the caller's key, and why the request is refused, if it is."""
        policy, headers = self._policy, head.headers
        host = headers.get("Host")
        refusal = (
            check_host(host, policy)
            or check_origin(origin, host or "", policy)
            or check_route(target, head.method, policy)
        )
        if refusal is not None:
            return None, refusal
        key = check_key(headers, policy)
        return (None, key) if isinstance(key, Refusal) else (key, None)

    def _call(self, request: Request, target: Target, query: str, origin: str | None, key_name: str | None) -> Call:
        started_ns = time.time_ns()
        head = request.head
        headers = head.headers
        trace = identify(headers.get("traceparent"), started_ns)
        user_agent = headers.get("User-Agent")
        path = target.upstream_path
        caller = name_caller(target.labels, headers, key_name)
        address = client_address(request.client.remote, headers, self._trusted_proxies)

        def open_with(body: Body) -> OpenExchange:
            return OpenExchange(
                id=trace.exchange,
                started_ns=started_ns,
                method=head.method,
                request_uri=head.target[:_LONGEST_URI],
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
            )

        return Call(
            id=trace.exchange,
            method=head.method,
            path=target.path,
            target=f"{path}?{query}" if query else path,
            header_lines=towards_ollama(headers, trace.traceparent, self._policy.keys is not None),
            open_with=open_with,
            cors=cors(origin),
        )


def _answer_without_body(request: Request, headers: tuple[tuple[str, str], ...]) -> AlreadySent:
    reply = ResponseWriter(request)
    lines = [f"{name}: {value}\r\n".encode("utf-8", "surrogateescape") for name, value in headers]
    reply.start(204, b"No Content", lines, None, has_body=False, may_stay=True)
    reply.finish(b"")
    return AlreadySent(reply.stays_connected)
