"""READERS_FILE: who may see what is kept, by name. Text in, frozen facts out; all mistakes are told at once.

``[reader."Ann"]`` has ``token_sha256`` and ``may``. ``[proxy]`` has ``header`` and ``addresses``: a proxy that signs
people in names them in that header. ``[here]`` has ``may``: what is open to this machine without a token.
"""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final


class Right(StrEnum):
    """What a reader may do. Whoever may do anything may see numbers."""

    NUMBERS = "numbers"
    BODIES = "bodies"
    ERASE = "erase"
    REPLAY = "replay"


EVERY_RIGHT: Final = frozenset(Right)
_ONLY_NUMBERS: Final = frozenset({Right.NUMBERS})
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,99}")
_LONGEST_NAME: Final = 200

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class NamedReader:
    """``digest`` is the SHA-256 of a token, in lower-case hex; None: known by the proxy's header only.

    ``is_named``: READERS_FILE is in use, so that what this reader does is told by name.
    """

    name: str
    may: frozenset[Right] = EVERY_RIGHT
    digest: str | None = None
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class Readers:
    """What the file holds. ``here`` is this machine; ``header`` is believed from ``proxies`` and nobody else."""

    by_name: Mapping[str, NamedReader] = field(default_factory=dict)
    here: frozenset[Right] = EVERY_RIGHT
    header: str = ""
    proxies: tuple[Network, ...] = ()

    def is_proxy(self, peer: str) -> bool:
        """Whether the header of this peer (an address) is believed."""
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.proxies)


def read_readers(text: str) -> Readers:
    """The readers in a TOML text. Raises ValueError that names every mistake."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as mistake:
        raise ValueError(f"no TOML: {mistake}") from None
    mistakes: list[str] = []
    readers: dict[str, NamedReader] = {}
    proxy, here = document.pop("proxy", {}), document.pop("here", {})
    tables = document.pop("reader", {})
    mistakes += [f'[{kind}]: expected [reader."…"], [proxy] or [here]' for kind in document]
    if not isinstance(tables, dict):
        mistakes.append('[reader]: expected tables with a name, like [reader."Ann"]')
        tables = {}
    for name, table in tables.items():
        try:
            readers[name] = _reader(name, table, has_proxy=bool(proxy))
        except ValueError as mistake:
            mistakes.append(f"[reader.{name[:80]!r}] {mistake}")
    digests = [one.digest for one in readers.values() if one.digest]
    if len(set(digests)) < len(digests):
        mistakes.append("two readers have the same token")
    header, rights = "", EVERY_RIGHT
    proxies: tuple[Network, ...] = ()
    try:
        header, proxies = _proxy(proxy)
        rights = _rights(_table(here, "may").get("may", [str(right) for right in Right]))
    except ValueError as mistake:
        mistakes.append(str(mistake))
    if not readers and not mistakes:
        mistakes.append("no reader in it")
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return Readers(readers, rights, header, proxies)


def _reader(name: str, table: Any, *, has_proxy: bool) -> NamedReader:
    table = _table(table, "token_sha256", "may")
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ValueError(f"expected a name of {_LONGEST_NAME} characters at most")
    digest = table.get("token_sha256")
    if digest is None and not has_proxy:
        raise ValueError("token_sha256: expected, as there is no [proxy] that signs anybody in")
    if digest is not None and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise ValueError("token_sha256: expected the SHA-256 of the token, 64 hexadecimal digits")
    return NamedReader(name, _rights(table.get("may", ["numbers"])), digest.lower() if digest else None)


def _proxy(table: Any) -> tuple[str, tuple[Network, ...]]:
    if not table:
        return "", ()
    table = _table(table, "header", "addresses")
    header, addresses = table.get("header"), table.get("addresses")
    if not isinstance(header, str) or not _HEADER.fullmatch(header):
        raise ValueError('[proxy] header: expected the name of a header, like "Remote-User"')
    if not isinstance(addresses, list) or not addresses:
        raise ValueError('[proxy] addresses: expected the addresses of the proxy itself, like ["10.0.0.5"]')
    try:
        return header, tuple(ipaddress.ip_network(one, strict=False) for one in addresses)
    except ValueError:
        raise ValueError(f"[proxy] addresses = {addresses!r}: expected addresses or networks") from None


def _rights(value: Any) -> frozenset[Right]:
    words = [str(right) for right in Right]
    if not isinstance(value, list) or any(one not in words for one in value):
        raise ValueError("may: expected a list of " + ", ".join(f'"{word}"' for word in words))
    return frozenset(map(Right, value)) | _ONLY_NUMBERS if value else frozenset()


def _table(table: Any, *keys: str) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise ValueError(f"expected a table with {', '.join(keys)}")  # noqa: TRY004 - it is a mistake in a file
    if unknown := table.keys() - set(keys):
        raise ValueError(f"{sorted(unknown)[0][:80]!r} is not known: expected are {', '.join(keys)}")
    return table
