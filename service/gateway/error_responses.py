"""The gateway's own answers: errors in the shape of the API that was called, each with what to do."""

from dataclasses import dataclass
from typing import Final

from service.json_writing import write_json
from service.record.surrogates import storable


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that does not reach Ollama. ``setting`` names the variable that would allow it."""

    status: int
    message: str
    setting: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


# OpenAI and Anthropic name these alike.
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def error_body(path: str, status: int, message: str, setting: str | None = None) -> bytes:
    """The JSON error for a canonical ``path``: Anthropic's shape, OpenAI's, or Ollama's own."""
    # It may quote what was asked for.
    message = storable(message)
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    error: dict[str, object]
    if path.startswith("/v1/messages"):
        error = {"type": "error", "error": {"type": kind, "message": message}}
    elif path == "/v1" or path.startswith("/v1/"):
        error = {"error": {"message": message, "type": kind, "param": None, "code": None}}
    else:
        error = {"error": message}
    if setting:
        error["setting"] = setting
    return write_json(error)


FAULT: Final = "A fault in the recorder. Its log says more."
"""What a client reads where the fault is ours."""


def last_answer(status: int, message: str) -> bytes:
    """A whole answer to what is no request; the connection ends with it."""
    body = error_body("", status, message)
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        REASONS[status],
        len(body),
        body,
    )


def unreachable(url: str, reason: str) -> str:
    """What a client reads when Ollama is not there."""
    host = url.partition("://")[2].partition("/")[0].rpartition(":")[0] or url
    message = f"Ollama cannot be reached at {url} ({reason}). Is it running? Start it with: ollama serve."
    if host in ("127.0.0.1", "localhost", "[::1]"):
        return message + " If it runs elsewhere, set OLLAMA_URL."
    return message + (
        " If it runs on this machine beside Docker, it must listen on more than loopback:"
        " OLLAMA_HOST=0.0.0.0:11434 ollama serve. If it runs elsewhere, set OLLAMA_URL."
    )


def silent(url: str, seconds: float) -> str:
    """What a client reads when Ollama sent nothing for too long."""
    return (
        f"Ollama at {url} sent nothing for {seconds:g} s. A model that loads, a long prompt or a queue can"
        " take longer: raise OLLAMA_TIMEOUT (seconds; 0 = wait for ever)."
    )


def late_head(seconds: float) -> str:
    """What a client reads whose request did not begin in time."""
    return f"The head of the request was not whole within {seconds:g} s."


def malformed_body(fault: ValueError) -> str:
    """What a client reads whose body has no end that can be found; ``fault`` says why not."""
    return f"The request's body is no valid HTTP: {fault}. The program or the proxy that sent it has to be mended."


def stopped_arriving(seconds: float) -> str:
    """What a client reads whose body did not go on."""
    return (
        f"The request's body stopped arriving for {seconds:g} s: less came than was announced, or it came too slowly."
        " REQUEST_BODY_TIMEOUT is how long it may be silent."
    )


REASONS = {
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    503: b"Service Unavailable",
    502: b"Bad Gateway",
    504: b"Gateway Timeout",
}
