"""Who may ask what: HTTP version, Host, Origin, route, method and key, checked in this order
before a byte goes to Ollama. Default: no."""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from service.file_of_setting import read_file_of_setting
from service.gateway.error_responses import Refusal
from service.gateway.routes import Target

_KNOWN_HOSTS = frozenset({"localhost", "nginx", "host.docker.internal"})
# Ollama's own default list, envconfig/config.go AllowedOrigins: web pages of this machine, and
# programs that are a browser inside. "null" is missing on purpose: any sandboxed page can send it.
_LOCAL_ORIGIN = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0)(?P<port>:\d{1,5})?"
    r"|(?:app|file|tauri|vscode-webview|vscode-file)://(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,254})?(?::\d{1,5})?/?"
)
# RFC 1123 section 2.1, with the underscore that names in compose files have.
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?P<name>\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*)\.?(?::(?P<port>\d{{1,5}}))?")
_MOST_PORTS = 65535


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that admission needs. ``keys`` maps a key's SHA-256 (hex) to its name; None: no keys asked."""

    allowed_hosts: frozenset[str] = frozenset()
    cors_origins: frozenset[str] = frozenset()
    allow_management: bool = False
    keys: Mapping[str, str] | None = None


def read_keys(file: Path) -> dict[str, str]:
    """Read ``name sha256-of-key`` lines (``#`` begins a comment); raise ValueError naming each bad line.

    It raises ValueError too when the file cannot be read.
    """
    keys: dict[str, str] = {}
    bad: list[str] = []
    for number, line in enumerate(read_file_of_setting(file).splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not re.fullmatch(r"[0-9a-fA-F]{64}", words[1]):
            bad.append(f"line {number}: expected 'name sha256-of-key' (64 hexadecimal digits)")
        elif (known := keys.setdefault(words[1].lower(), words[0])) != words[0]:
            # Whose limits it had, and whose records, would be a matter of order.
            bad.append(f"line {number}: {known[:80]!r} has the same key; each name needs one of its own")
    if not keys and not bad:
        bad.append("no key in it: nobody could call")
    if bad:
        raise ValueError("; ".join(bad))
    return keys


def check_host(host: str | None, policy: Policy) -> Refusal | None:
    """A page that rebinds its own name to this machine sends that name as Host: it reads nothing."""
    if host is None:
        return Refusal(400, "The request has no Host header.")
    if _is_known_host(host, policy.allowed_hosts):
        return None
    return Refusal(
        403,
        f"The host name {host[:200]!r} is not known here."
        " If the recorder is really reached by it, add it to ALLOWED_HOSTS.",
        "ALLOWED_HOSTS",
    )


@lru_cache(maxsize=256)
def _is_known_host(host: str, allowed: frozenset[str]) -> bool:
    match = _HOST.fullmatch(host)
    if not match or int(match["port"] or 0) > _MOST_PORTS:
        return False
    name = match["name"].lower()
    if name in _KNOWN_HOSTS or name.endswith(".localhost") or name in allowed:
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def check_origin(origin: str | None, host: str, policy: Policy) -> Refusal | None:
    """Whether a web page of this origin may call. Programs that are no browsers send none."""
    if origin is None or is_allowed_origin(origin, policy.cors_origins):
        return None
    scheme, _, authority = origin.partition("://")
    if scheme in ("http", "https") and authority == host:
        return None
    return Refusal(
        403,
        f"Web pages of the origin {origin[:200]!r} may not call. If this one should, add it to CORS_ORIGINS.",
        "CORS_ORIGINS",
    )


@lru_cache(maxsize=256)
def is_allowed_origin(origin: str, allowed: frozenset[str]) -> bool:
    """By exact match with ``allowed``, or, when that is empty, the local origins of Ollama's own list."""
    if allowed:
        return origin in allowed
    match = _LOCAL_ORIGIN.fullmatch(origin)
    return match is not None and int((match["port"] or ":0")[1:]) <= _MOST_PORTS


def check_route(target: Target, method: str, policy: Policy) -> Refusal | None:
    """Whether this method of this path goes to Ollama."""
    route = target.route
    if route is None:
        return Refusal(
            404,
            f"{target.path[:200]!r} is no address of Ollama that passes here. Ollama's own paths follow the prefix:"
            " /api/ollama/api/chat, /api/ollama/v1/chat/completions.",
        )
    if route.management and not policy.allow_management:
        return Refusal(
            403,
            f"{target.path[:200]} changes or fetches models, which is off. Set ALLOW_MANAGEMENT=true to allow it.",
            "ALLOW_MANAGEMENT",
        )
    if method not in route.methods:
        allowed = ", ".join(route.methods)
        return Refusal(
            405, f"{target.path[:200]} is asked with {allowed}, not with {method[:20]}.", None, (("Allow", allowed),)
        )
    return None


def check_key(headers: Mapping[str, str], policy: Policy) -> Refusal | str | None:
    """The name of the key that the request carries, None when no keys are asked for, or a refusal."""
    if policy.keys is None:
        return None
    scheme, _, credential = headers.get("Authorization", "").partition(" ")
    key = credential.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    key_name = None
    for known, name in policy.keys.items():
        # All are compared, each in constant time: the time taken tells nothing about a key.
        if hmac.compare_digest(known, digest):
            key_name = name
    if key_name is not None and key:
        return key_name
    return Refusal(
        401,
        # Without an example of the header: in the record that would be masked as if it held a key.
        "This recorder asks for an API key, as bearer token (Authorization) or in x-api-key. API_KEYS_FILE has them.",
        "API_KEYS_FILE",
        (("WWW-Authenticate", "Bearer"),),
    )
