"""What is no request of the gateway comes here: its target decides which of the recorder's own parts answers it."""

from aiohttp import web

from service.gateway.admission import Policy, check_host
from service.gateway.call import AlreadySent
from service.gateway.callers import Network
from service.gateway.error_responses import error_body
from service.gateway.generate import PATH, Generate
from service.gateway.malformed import BodyBroken
from service.gateway.routes import is_gateway_path, path_of_absolute_form
from service.inspector.pages import Pages
from service.polled import client_of


class Dispatcher:
    """Handles the requests of the server that are not the gateway's."""

    def __init__(
        self,
        generate: Generate,
        pages: Pages,
        policy: Policy,
        trusted_proxies: tuple[Network, ...],
    ) -> None:
        self._generate = generate
        self._pages = pages
        self._policy = policy
        self._trusted_proxies = trusted_proxies

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse | AlreadySent:
        """Answer one request."""
        target = request.raw_path
        if not target.startswith("/"):
            without_authority = path_of_absolute_form(target, request.headers.get("Host"))
            if without_authority is None:
                return _refuse(400, "Ask for a path, or for an address with the host of the Host header.")
            target = without_authority
        path, _, query = target.partition("?")
        if is_gateway_path(path):
            # The connection takes these itself, unless something about them is not as HTTP asks for.
            return _refuse(400, "This request is malformed.")
        if path == PATH:
            return await self._generate.handle(request)
        refusal = check_host(request.headers.get("Host"), self._policy)
        if refusal is not None:
            return _refuse(refusal.status, refusal.message)
        if isinstance(broken := request.content.exception(), BodyBroken):
            return _refuse(broken.status, broken.message)
        client = client_of(request.remote or "", request.headers, self._trusted_proxies)
        return await self._pages.answer(request, path, query, client)


def _refuse(status: int, message: str) -> web.Response:
    return web.Response(status=status, body=error_body("", status, message), content_type="application/json")
