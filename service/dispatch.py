"""Every request comes here: its target decides whether the gateway or the recorder's own pages answer it."""

from aiohttp import web

from service.gateway.admission import Policy, check_host
from service.gateway.call import AlreadySent
from service.gateway.callers import Network, client_address, is_at_this_machine, is_trusted
from service.gateway.error_responses import error_body
from service.gateway.gateway import Gateway
from service.gateway.generate import PATH, Generate
from service.gateway.routes import is_gateway_path
from service.inspector.client import Client
from service.inspector.pages import Pages


class Dispatcher:
    """Handles every request of the server."""

    def __init__(
        self,
        gateway: Gateway,
        generate: Generate,
        pages: Pages,
        policy: Policy,
        trusted_proxies: tuple[Network, ...],
    ) -> None:
        self._gateway = gateway
        self._generate = generate
        self._pages = pages
        self._policy = policy
        self._trusted_proxies = trusted_proxies

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse | AlreadySent:
        """Answer one request."""
        target = request.raw_path
        if not target.startswith("/"):
            without_authority = _path_of_absolute_form(target, request.headers.get("Host"))
            if without_authority is None:
                return _refuse(400, "Ask for a path, or for an address with the host of the Host header.")
            target = without_authority
        path, _, query = target.partition("?")
        if is_gateway_path(path):
            return await self._gateway.handle(request, path, query)
        if path == PATH:
            return await self._generate.handle(request)
        refusal = check_host(request.headers.get("Host"), self._policy)
        if refusal is not None:
            return _refuse(refusal.status, refusal.message)
        return await self._pages.answer(request, path, query, self._client(request))

    def _client(self, request: web.BaseRequest) -> Client:
        peer, headers = request.remote or "", request.headers
        address = client_address(peer, headers, self._trusted_proxies)
        scheme = headers.get("X-Forwarded-Proto", "") if is_trusted(peer, self._trusted_proxies) else ""
        return Client(address, is_at_this_machine(peer, headers), scheme.strip().lower() == "https")


def _path_of_absolute_form(target: str, host: str | None) -> str | None:
    """``/path`` of ``http://host/path`` (RFC 9112 section 3.2.2); None for any other form or another host."""
    scheme, separator, rest = target.partition("://")
    authority, slash, path = rest.partition("/")
    if not separator or scheme.lower() not in ("http", "https") or authority != host:
        return None
    return slash + path if slash else "/"


def _refuse(status: int, message: str) -> web.Response:
    return web.Response(status=status, body=error_body("", status, message), content_type="application/json")
