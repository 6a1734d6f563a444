"""Headers for browsers: whether a page of another origin may call, and what it may read of the answer."""

from multidict import MultiMapping

from service.gateway.admission import Policy, check_host, check_origin

_METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
_PREFLIGHT_SECONDS = "600"


def cors(origin: str | None) -> tuple[tuple[str, str], ...]:
    """The headers of an answer to a page of ``origin``, which may call; none for a program that is no browser."""
    if origin is None:
        return ()
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "X-Exchange-Id, X-Recorder-Missing"),
        ("Vary", "Origin"),
    )


def answer_preflight(method: str, headers: MultiMapping[str], policy: Policy) -> tuple[tuple[str, str], ...] | None:
    """The headers of an answer to a browser that asks before it calls.

    None: it is no such question, or one of an origin that may not call.
    """
    if method != "OPTIONS":
        return None
    origin = headers.get("Origin")
    if origin is None or "Access-Control-Request-Method" not in headers:
        return None
    host = headers.get("Host")
    if check_host(host, policy) or check_origin(origin, host or "", policy):
        return None
    return (
        *cors(origin),
        ("Access-Control-Allow-Methods", _METHODS),
        ("Access-Control-Allow-Headers", headers.get("Access-Control-Request-Headers", "*")),
        ("Access-Control-Max-Age", _PREFLIGHT_SECONDS),
    )
