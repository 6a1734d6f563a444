"""What machines ask again and again: is it alive, is it ready, its numbers.

It is answered as calls of the gateway are, without aiohttp and all that the page needs: a recorder that only its
monitoring looks at takes half the memory.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from multidict import MultiMapping

from service.events import DefectFound, emit
from service.gateway.admission import Policy, check_host
from service.gateway.call import AlreadySent
from service.gateway.callers import Network, client_address, is_at_this_machine, is_trusted
from service.gateway.error_responses import FAULT, error_body
from service.gateway.request import Handle, Request
from service.gateway.response_writer import ResponseWriter
from service.inspector.access import Access
from service.inspector.client import Client
from service.inspector.metrics import CONTENT_TYPE, SCRAPE_HEADER
from service.inspector.private_headers import PRIVATE_HEADERS
from service.journal import JournalError

_READ: Final = ("GET", "HEAD")
_JSON: Final = {"Content-Type": "application/json"}
_TEXT: Final = {"Content-Type": "text/plain; charset=utf-8"}


class _Answer(NamedTuple):
    status: int
    body: bytes
    headers: Mapping[str, str]


class Polled:
    """``handlers`` are the addresses that are answered here, and what answers each.

    ``readiness`` leaves out the parts that it is told, and raises ValueError where there is none of that name.
    ``metrics`` is told whether Prometheus asks.
    """

    def __init__(
        self,
        readiness: Callable[[Collection[str]], Awaitable[tuple[int, bytes]]],
        metrics: Callable[[bool], Awaitable[bytes]],
        access: Access,
        policy: Policy,
        trusted_proxies: tuple[Network, ...],
    ) -> None:
        self._readiness = readiness
        self._numbers = metrics
        self._access = access
        self._policy = policy
        self._trusted_proxies = trusted_proxies
        self.handlers: dict[str, Handle] = {
            "/healthz": self._answering(self._alive),
            "/readyz": self._answering(self._ready),
            "/metrics": self._answering(self._metrics),
        }

    def _answering(self, make: Callable[[Request, str], Awaitable[_Answer]]) -> Handle:
        async def answer(request: Request, path: str, query: str) -> AlreadySent:
            try:
                made = self._refusal(request, path) or await make(request, query)
            except ValueError as mistake:
                made = _refuse(400, str(mistake))
            except JournalError as trouble:
                made = _refuse(503, f"The journal cannot be read now: {trouble}.", {"Retry-After": "5"})
            except Exception as error:  # noqa: BLE001 - a fault of ours must not leave the client without an answer
                emit(DefectFound("http", repr(error)[:200]))
                made = _refuse(500, FAULT)
            return _send(request, made)

        return answer

    def _refusal(self, request: Request, path: str) -> _Answer | None:
        refusal = check_host(request.head.headers.get("Host"), self._policy)
        if refusal is not None:
            return _Answer(refusal.status, error_body("", refusal.status, refusal.message), _JSON)
        if request.body.fault is not None:
            return _refuse(400, request.body.fault)
        if request.head.method not in _READ:
            return _refuse(405, f"{path} is asked with GET.", {"Allow": "GET, HEAD"})
        return None

    async def _alive(self, request: Request, query: str) -> _Answer:
        return _Answer(200, b"ok\n", _TEXT)

    async def _ready(self, request: Request, query: str) -> _Answer:
        asked = parse_qs(query, keep_blank_values=True, errors="replace", max_num_fields=2000)
        status, body = await self._readiness(asked.get("exclude", ()))
        return _Answer(status, body, PRIVATE_HEADERS | _JSON)

    async def _metrics(self, request: Request, query: str) -> _Answer:
        headers = request.head.headers
        client = client_of(request.client.remote, headers, self._trusted_proxies)
        # Whoever may see anything may see numbers.
        if self._access.reader_of(headers, client) is None:
            out = self._access.why_kept_out(client)
            return _refuse(out.status, out.message, out.headers, out.setting)
        body = await self._numbers(SCRAPE_HEADER in headers)
        return _Answer(200, body, PRIVATE_HEADERS | {"Content-Type": CONTENT_TYPE})


def client_of(peer: str, headers: MultiMapping[str], trusted_proxies: tuple[Network, ...]) -> Client:
    """Who asks; ``peer`` is the other end of the connection."""
    address = client_address(peer, headers, trusted_proxies)
    scheme = headers.get("X-Forwarded-Proto", "") if is_trusted(peer, trusted_proxies) else ""
    return Client(address, is_at_this_machine(peer, headers), scheme.strip().lower() == "https", peer)


def _refuse(status: int, message: str, headers: Mapping[str, str] | None = None, setting: str | None = None) -> _Answer:
    return _Answer(status, error_body("", status, message, setting), PRIVATE_HEADERS | _JSON | dict(headers or {}))


def _send(request: Request, answer: _Answer) -> AlreadySent:
    reply, has_body = ResponseWriter(request), request.head.method != "HEAD"
    lines = [f"{name}: {value}\r\n".encode() for name, value in answer.headers.items()]
    reason = HTTPStatus(answer.status).phrase.encode()
    reply.start(answer.status, reason, lines, len(answer.body), has_body=has_body, may_stay=request.body.fault is None)
    try:
        reply.finish(answer.body if has_body else b"")
    except ConnectionResetError:
        return AlreadySent(keep_alive=False)
    return AlreadySent(reply.stays_connected)
