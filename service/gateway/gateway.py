"""Everything below ``/api/ollama`` comes here: it is admitted or refused, its caller is named, and it is relayed."""

import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from service.gateway.admission import Policy, check_host, check_key, check_origin, check_route
from service.gateway.call import AlreadySent, Call
from service.gateway.callers import Network, client_address, item_and_attempt, name_caller, replayed
from service.gateway.cors import answer_preflight, cors
from service.gateway.error_responses import Refusal
from service.gateway.headers import towards_ollama
from service.gateway.relay import Relay
from service.gateway.request import Request
from service.gateway.response_writer import ResponseWriter
from service.gateway.routes import Route, Target, find_target
from service.gateway.trace import identify
from service.record.exchange import Body, Caller, OpenExchange

UPSTREAM_HEADER = "X-Recorder-Upstream"
_LONGEST_URI = 4000
_LONGEST_USER_AGENT = 500
# Pages that are refused for these settings may not read the refusal either.
_FOREIGN = ("ALLOWED_HOSTS", "CORS_ORIGINS")


@dataclass(frozen=True, slots=True)
class _Admitted:
    """What a head says, as long as ``policy`` holds: worked out once for all requests that have the same one."""

    policy: Policy
    refusal: Refusal | None
    path: str
    target: str
    header_lines: bytes
    cors: tuple[tuple[str, str], ...]
    traceparent: str | None
    method: str
    request_uri: str
    route: Route | None
    remote_addr: str
    user_agent: str | None
    caller: Caller
    replay_of: str | None
    key_name: str | None
    upstream: str | None
    item: int | None
    attempt: int | None


class Gateway:
    """Handles a request whose path is below the gateway's prefix."""

    def __init__(self, relay: Relay, policy: Policy, trusted_proxies: tuple[Network, ...]) -> None:
        self._relay = relay
        self._policy = policy
        self._trusted_proxies = trusted_proxies

    def handle(self, request: Request, raw_path: str, query: str) -> Coroutine[Any, Any, AlreadySent]:
        """Answer one request; ``raw_path`` and ``query`` (without ``?``) are as the client sent them.

        What does not have to wait is done at once: the coroutine is the rest.
        """
        head = request.head
        admitted = head.admitted
        if not isinstance(admitted, _Admitted) or admitted.policy is not self._policy:
            preflight = answer_preflight(head.method, head.headers, self._policy)
            if preflight is not None:
                return _answer_without_body(request, preflight)
            head.admitted = admitted = self._admit(request, find_target(raw_path), query)
        if admitted.refusal is not None:
            return self._relay.refuse(request, _call(admitted), admitted.refusal)
        return self._relay.relay(request, _call(admitted))

    def take_keys(self, keys: Mapping[str, str]) -> None:
        """Ask for these keys from now on. What was worked out for a head by the old ones does not hold any longer."""
        self._policy = replace(self._policy, keys=keys)

    async def refuse(self, request: Request, path: str, refusal: Refusal, body: bytes = b"") -> AlreadySent:
        """Refuse a request for ``path``, an address of the recorder's own that leads to Ollama, and record that.

        ``body``: what was read of the request.
        """
        target = Target((), path, path, Route(("POST",), path, "generate"))
        admitted = self._describe(request, target, "", refusal, None)
        return await self._relay.refuse(request, _call(admitted), refusal, body)

    def _admit(self, request: Request, target: Target, query: str) -> _Admitted:
        policy, headers = self._policy, request.head.headers
        host = headers.get("Host")
        refusal = (
            check_host(host, policy)
            or check_origin(headers.get("Origin"), host or "", policy)
            or check_route(target, request.head.method, policy)
        )
        key = None
        if refusal is None:
            key = check_key(headers, policy)
        if isinstance(key, Refusal):
            return self._describe(request, target, query, key, None)
        return self._describe(request, target, query, refusal, key)

    def _describe(
        self, request: Request, target: Target, query: str, refusal: Refusal | None, key_name: str | None
    ) -> _Admitted:
        head = request.head
        headers = head.headers
        user_agent = headers.get("User-Agent")
        is_foreign = refusal is not None and refusal.setting in _FOREIGN
        item, attempt = item_and_attempt(target.labels, headers)
        return _Admitted(
            policy=self._policy,
            refusal=refusal,
            path=target.path,
            target=f"{target.upstream_path}?{query}" if query else target.upstream_path,
            header_lines=towards_ollama(headers, self._policy.keys is not None),
            cors=cors(None if is_foreign else headers.get("Origin")),
            traceparent=headers.get("traceparent"),
            method=head.method,
            request_uri=head.target[:_LONGEST_URI],
            route=target.route,
            remote_addr=client_address(request.client.remote, headers, self._trusted_proxies),
            user_agent=user_agent[:_LONGEST_USER_AGENT] if user_agent else None,
            caller=name_caller(target.labels, headers, key_name),
            replay_of=replayed(headers),
            key_name=key_name,
            upstream=_upstream_asked_for(target.labels, headers),
            item=item,
            attempt=attempt,
        )


def _upstream_asked_for(labels: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> str | None:
    """The Ollama, of several, that a request names."""
    return next((value for label, value in labels if label == "upstream"), None) or headers.get(UPSTREAM_HEADER)


def _call(admitted: _Admitted) -> Call:
    started_ns = time.time_ns()
    trace = identify(admitted.traceparent, started_ns)
    route = admitted.route

    def open_with(body: Body) -> OpenExchange:
        # By their places, as names take longer.
        return OpenExchange(
            trace.exchange,
            started_ns,
            admitted.method,
            admitted.request_uri,
            admitted.path if route else "",
            route.operation if route else "unknown",
            route.api if route else "ollama",
            admitted.remote_addr,
            trace.trace_id,
            trace.span_id,
            trace.parent_span_id,
            admitted.user_agent,
            admitted.caller,
            body,
            admitted.replay_of,
            admitted.key_name,
            admitted.item,
            admitted.attempt,
        )

    return Call(
        id=trace.exchange,
        method=admitted.method,
        path=admitted.path,
        target=admitted.target,
        header_lines=[admitted.header_lines, f"traceparent: {trace.traceparent}\r\n".encode()],
        open_with=open_with,
        cors=admitted.cors,
        upstream=admitted.upstream,
    )


async def _answer_without_body(request: Request, headers: tuple[tuple[str, str], ...]) -> AlreadySent:
    reply = ResponseWriter(request)
    lines = [f"{name}: {value}\r\n".encode("utf-8", "surrogateescape") for name, value in headers]
    reply.start(204, b"No Content", lines, None, has_body=False, may_stay=True)
    reply.finish(b"")
    return AlreadySent(reply.stays_connected)
