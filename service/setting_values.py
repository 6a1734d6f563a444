"""How the text of a setting becomes its value. Each raises ValueError with what is expected."""

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit

_NOT_IN_HOSTS = frozenset("<>\"'`{}|\\^;, ")
_HOST = re.compile(r"[A-Za-z0-9._-]+")
_EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - whoever says so means it
_PORTS = {"http": 80, "https": 443}
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NamedAddress(NamedTuple):
    """An address, and the name that tells it from the others of its setting."""

    name: str
    url: str


def as_text(value: str) -> str:
    """As it is."""
    return value


def as_header_text(value: str) -> str:
    """What can be sent in a header."""
    if not value.isprintable():
        raise ValueError("one line, without control characters")
    return value


def as_truth(value: str) -> bool:
    """``true``, ``yes``, ``on``, ``1``, or their opposites."""
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if value.lower() not in words:
        raise ValueError("true or false")
    return words[value.lower()]


def as_truth_or_strict(value: str) -> bool | Literal["strict"]:
    """The same, or ``strict``."""
    try:
        return "strict" if value.lower() == "strict" else as_truth(value)
    except ValueError:
        raise ValueError("true, false or strict") from None


def as_number(expected: str, at_least: float, kind: type[int] | type[float]) -> Callable[[str], Any]:
    """A reader of numbers from ``at_least`` on."""

    def read(value: str) -> int | float:
        try:
            number = kind(value)
        except ValueError:
            raise ValueError(expected) from None
        if not at_least <= number < 1e15:
            raise ValueError(expected)
        return number

    return read


def as_one_of(*words: str) -> Callable[[str], str]:
    """A reader of one of ``words``, in lower case."""

    def read(value: str) -> str:
        if value.lower() not in words:
            raise ValueError("one of " + ", ".join(words))
        return value.lower()

    return read


def as_some_of(*words: str) -> Callable[[str], tuple[str, ...]]:
    """A reader of some of ``words``, separated by commas, in lower case; nothing is none of them."""

    def read(value: str) -> tuple[str, ...]:
        named = tuple(word.strip().lower() for word in value.split(",") if word.strip())
        if not set(named) <= set(words):
            raise ValueError("some of " + ", ".join(words))
        return named

    return read


def as_url(value: str) -> str:
    """An address without a query; its last slash is left out."""
    expected = "an address like http://host:port"
    parts = _http_parts(value, expected)
    if not value.isprintable() or " " in value or "://" in parts.path or parts.path.endswith(","):
        raise ValueError(expected)
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError(expected + ", without a user name, a query or a fragment")
    return value.rstrip("/")


def as_addresses(value: str) -> tuple[NamedAddress, ...]:
    """One address, or several between commas, each with a name that tells it from the others.

    The name is the host, with its port where two have the same host, and with its path where these are alike too.
    """
    expected = "an address like http://host:port, or several of them separated by commas, each once"
    try:
        urls = [as_url(one) for one in re.split(r"\s*,\s*(?=https?://)", value)]
    except ValueError as trouble:
        raise ValueError(str(trouble) + "; several are separated by commas") from None
    parts = [urlsplit(url) for url in urls]
    hosts = [(one.hostname or "").lower() for one in parts]
    ports = [f"{host}:{one.port or _PORTS[one.scheme]}" for host, one in zip(hosts, parts, strict=True)]
    paths = [port + one.path for port, one in zip(ports, parts, strict=True)]
    names = next((found for found in (hosts, ports, paths) if len(set(found)) == len(urls)), None)
    if names is None:
        raise ValueError(expected)
    return tuple(map(NamedAddress, names, urls))


def as_named_addresses(value: str) -> tuple[NamedAddress, ...]:
    """Names with an address each, between commas: ``garage=http://garage:8080,attic=http://10.0.0.7:8080``."""
    expected = "names with an address each, like garage=http://garage:8080, separated by commas, each name once"
    pairs = [one.partition("=") for one in re.split(r"\s*,\s*(?=[^\s,=/]+\s*=\s*https?://)", value)]
    try:
        named = [NamedAddress(name.strip(), as_url(url.strip())) for name, _, url in pairs if name.strip()]
    except ValueError as trouble:
        raise ValueError(f"{expected}; an address is {trouble}") from None
    if len(named) != len(pairs) or len({one.name for one in named}) != len(named):
        raise ValueError(expected)
    return tuple(named)


def as_listen(value: str) -> tuple[str, int]:
    """A host and a port; ``*`` is every address of IPv4."""
    expected = "HOST:PORT, for instance 127.0.0.1:8080"
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(expected)
    host = _EVERY_ADDRESS if host == "*" else host[1:-1] if host[0] + host[-1] == "[]" else host
    if ":" in host:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError(expected) from None
    elif not _HOST.fullmatch(host) or not can_be_looked_up(host):
        raise ValueError(expected)
    return host, int(port)


def can_be_looked_up(host: str) -> bool:
    """Whether the system may be asked for ``host``: each part between two dots is there, and not too long."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


def host_and_port(host: str, port: int) -> str:
    """Both, as an address has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def as_words(value: str) -> tuple[str, ...]:
    """Words between commas or blanks."""
    return tuple(word for word in re.split(r"[,\s]+", value) if word)


def as_origins(value: str) -> tuple[str, ...]:
    """Origins of web pages."""
    for origin in as_words(value):
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]*", origin) or "*" in origin:
            raise ValueError("origins like https://app.example.org, separated by commas, without * and without a path")
    return as_words(value)


def as_hosts(value: str) -> tuple[str, ...]:
    """Host names, in lower case."""
    for host in as_words(value):
        if not _HOST.fullmatch(host):
            raise ValueError("host names without scheme or port, separated by commas")
    return tuple(host.lower() for host in as_words(value))


def as_networks(value: str) -> tuple[Network, ...]:
    """Networks of addresses, some of them by name."""
    words = {
        "loopback": ("127.0.0.0/8", "::1/128"),
        "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    }
    try:
        return tuple(ipaddress.ip_network(network) for word in as_words(value) for network in words.get(word, (word,)))
    except ValueError:
        raise ValueError("networks like 10.0.0.0/8, or the words loopback and private, separated by commas") from None


def as_trace_url(value: str) -> str:
    """An address with a place for the id of a trace."""
    if "{trace_id}" not in value or not value.startswith(("http://", "https://")):
        raise ValueError("an address with {trace_id} in it")
    return value


def as_path(value: str) -> Path:
    """A path of a file or folder."""
    return Path(value)


def as_webhook(value: str) -> str:
    """An address to post to; its path or query may be what lets one in."""
    expected = "an address like https://host/path"
    _http_parts(value, expected)
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(expected)
    return value


def _http_parts(value: str, expected: str) -> SplitResult:
    """The parts of an address of HTTP. Raises ValueError with ``expected`` where it is none."""
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        raise ValueError(expected) from None
    # What stands between two addresses is no part of a host.
    is_odd = any(mark in _NOT_IN_HOSTS or not mark.isprintable() for mark in parts.netloc.rpartition("@")[2])
    is_http = parts.scheme in ("http", "https")
    if not is_http or not parts.hostname or not port_is_right or is_odd or not can_be_looked_up(parts.hostname):
        raise ValueError(expected)
    return parts
