"""The one table of what may be asked of Ollama, and the canonical form of a path.

A path is decoded once, and its empty and dot segments are resolved. The form that matches a row is the one that goes
to Ollama: two readings of a path cannot differ. A path that matches no row never leaves, as Ollama serves Go's profiler
on the same port.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from service.record.exchange import GATEWAY_PREFIX, cut_labels


@dataclass(frozen=True, slots=True)
class Route:
    """``methods`` that Ollama answers on a path, what they do, whose API it is, when it is allowed."""

    methods: tuple[str, ...]
    pattern: str
    operation: str
    api: str = "ollama"
    management: bool = False


_GET = ("GET", "HEAD")
_POST = ("POST",)
_DIGEST = r"sha256[:-][0-9a-fA-F]{64}"
# types/model/name.go: [[host/]namespace/]model[:tag][@digest]. No part of a name begins with a dot or a dash.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}"
_HOST = r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}"
MODEL_NAME = rf"(?:(?:{_HOST}/)?{_PART}/)?{_PART}(?::{_PART})?(?:@{_DIGEST})?"
"""What a model may be called, as a regular expression."""

# Ollama's own list is server/routes.go. Not here on purpose: /api/me, /api/signout and
# /api/user/keys (the account of the person who runs Ollama), /api/status, /debug/pprof.
TABLE: tuple[Route, ...] = (
    Route(_GET, "/", "root"),
    Route(_GET, "/api/tags", "list"),
    Route(_GET, "/api/ps", "ps"),
    Route(_GET, "/api/version", "version"),
    Route(_POST, "/api/generate", "generate"),
    Route(_POST, "/api/chat", "chat"),
    Route(_POST, "/api/embed", "embed"),
    Route(_POST, "/api/embeddings", "embed"),
    Route(_POST, "/api/show", "show"),
    Route(_GET, "/v1/models", "list", "openai"),
    Route(_GET, "/v1/models/" + MODEL_NAME, "show", "openai"),
    Route(_POST, "/v1/chat/completions", "chat", "openai"),
    Route(_POST, "/v1/completions", "generate", "openai"),
    Route(_POST, "/v1/embeddings", "embed", "openai"),
    Route(_POST, "/v1/responses", "chat", "openai"),
    # Codex shortens its conversations with it; from Ollama 0.34 on.
    Route(_POST, "/v1/responses/compact", "compact", "openai"),
    # Up to Ollama 0.17.
    Route(_POST, "/v1/images/generations", "image", "openai"),
    Route(_POST, "/v1/images/edits", "image", "openai"),
    Route(_POST, "/v1/audio/transcriptions", "transcribe", "openai"),
    Route(_POST, "/v1/messages", "chat", "anthropic"),
    Route(_POST, "/api/pull", "pull", management=True),
    Route(_POST, "/api/push", "push", management=True),
    Route(_POST, "/api/create", "create", management=True),
    Route(_POST, "/api/copy", "copy", management=True),
    Route(("DELETE",), "/api/delete", "delete", management=True),
    Route(("POST", "HEAD"), "/api/blobs/" + _DIGEST, "blob", management=True),
    Route(_POST, "/api/experimental/web_search", "web_search", management=True),
    Route(_POST, "/api/experimental/web_fetch", "web_fetch", management=True),
    Route(_GET, "/api/experimental/model-recommendations", "list", management=True),
)
_EXACT = {route.pattern: route for route in TABLE if "[" not in route.pattern}
_PATTERNS = tuple((re.compile(route.pattern), route) for route in TABLE if "[" in route.pattern)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a gateway address leads.

    ``labels`` name the caller, ``path`` is canonical and decoded, ``upstream_path`` the same as it
    goes to Ollama, ``route`` None when it may not.
    """

    labels: tuple[tuple[str, str], ...]
    path: str
    upstream_path: str
    route: Route | None


def is_gateway_path(raw_path: str) -> bool:
    """Whether a request's path (as sent, without query) is below the gateway's prefix."""
    if raw_path.startswith(GATEWAY_PREFIX):
        return len(raw_path) == len(GATEWAY_PREFIX) or raw_path[len(GATEWAY_PREFIX)] == "/"
    if "%" not in raw_path and "//" not in raw_path and "/." not in raw_path:
        return False
    return (canonical_path(raw_path) + "/").startswith(GATEWAY_PREFIX + "/")


def path_of_absolute_form(target: str, host: str | None) -> str | None:
    """``/path`` of ``http://host/path`` (RFC 9112 section 3.2.2); None for any other form or another host."""
    scheme, separator, rest = target.partition("://")
    authority, slash, path = rest.partition("/")
    if not separator or scheme.lower() not in ("http", "https") or authority != host:
        return None
    return slash + path if slash else "/"


@lru_cache(maxsize=2048)
def find_target(raw_path: str) -> Target:
    """Resolve a gateway path (as sent, without query). Cached: clients repeat few paths."""
    if raw_path.startswith("//"):
        # What a base address that ends with a slash makes.
        raw_path = "/" + raw_path.lstrip("/")
    if raw_path.startswith(GATEWAY_PREFIX):
        rest = raw_path[len(GATEWAY_PREFIX) :]
    else:
        # Encoded again, as it is decoded below.
        rest = quote(canonical_path(raw_path)[len(GATEWAY_PREFIX) :], safe="/~;=")
    # Labels are cut off before decoding: an encoded slash or semicolon belongs to a name.
    segment, rest = cut_labels(rest)
    labels = () if segment is None else read_labels(segment)
    path = canonical_path("/" + rest)
    return Target(labels, path, quote(path, safe="/:@-._~"), _route_of(path))


def canonical_path(raw_path: str) -> str:
    """Decode once, then resolve ``//``, ``.`` and ``..``; a trailing slash does not survive."""
    segments: list[str] = []
    for segment in unquote(raw_path, errors="replace").split("/"):
        if segment == "..":
            if segments:
                segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments)


def _route_of(path: str) -> Route | None:
    if route := _EXACT.get(path):
        return route
    return next((route for pattern, route in _PATTERNS if pattern.fullmatch(path)), None)


def read_labels(segment: str) -> tuple[tuple[str, str], ...]:
    """``name`` or ``key=value;key=value`` (percent-encoded) as pairs; a bare name is the caller."""
    pairs = []
    for part in segment.split(";"):
        key, equals, value = part.partition("=")
        if not equals:
            key, value = "caller", part
        if value:
            pairs.append((unquote(key).strip().lower(), unquote(value)))
    return tuple(pairs)
