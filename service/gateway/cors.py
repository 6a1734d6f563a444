"""Headers for browsers: whether a page of another origin may call, and what it may read of the answer."""

from aiohttp import web
from multidict import CIMultiDict

from service.gateway.admission import Policy, check_host, check_origin

_METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
_PREFLIGHT_SECONDS = "600"


def cors(origin: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of an answer to a page of ``origin``, which may call; none for a program that is no browser."""
    if origin is None:
        return ()
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "X-Exchange-Id"),
        ("Vary", "Origin"),
    )


def answer_preflight(request: web.BaseRequest, policy: Policy) -> web.Response | None:
    """A browser asks before it calls. None: not such a question, or an origin that may not."""
    if request.method != "OPTIONS":
        return None
    origin = request.headers.get("Origin")
    method = request.headers.get("Access-Control-Request-Method")
    if origin is None or method is None:
        return None
    host = request.headers.get("Host")
    if check_host(host, policy) or check_origin(origin, host or "", policy):
        return None
    headers = CIMultiDict(cors(origin))
    headers["Access-Control-Allow-Methods"] = _METHODS
    headers["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "*")
    headers["Access-Control-Max-Age"] = _PREFLIGHT_SECONDS
    return web.Response(status=204, headers=headers)
