"""Who asks: from labels in the path, headers, the API key's name, the user agent, in this order."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote

from multidict import MultiMapping

from service.record.exchange import Caller

LONGEST = 200
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Each field of a Caller is a label; the execution has a second one.
_LABELS = {name: name for name in Caller._fields} | {"execution": "execution_id"}
# n8n sends no such header by itself: our templates add them by expression. Open WebUI sends
# its own with ENABLE_FORWARD_USER_INFO_HEADERS=true; a chat there is what an execution is in n8n.
_HEADERS = (
    ("X-N8N-Workflow-Id", "workflow_id"),
    ("X-N8N-Workflow-Name", "workflow"),
    ("X-N8N-Execution-Id", "execution_id"),
    ("X-N8N-Node", "node"),
    ("X-Caller", "caller"),
    ("X-OpenWebUI-User-Name", "user"),
    ("X-OpenWebUI-Chat-Id", "execution_id"),
)

_EXCHANGE = re.compile("[0-9a-f]{32}")
# By these a proxy names the client.
_ADDRESS_HEADERS = (
    *("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP"),
    *("Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP"),
)
# By these it tells that it was there, and nothing about the client.
_PROXY_HEADERS = ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server")


def name_caller(labels: Iterable[tuple[str, str]], headers: Mapping[str, str], key_name: str | None) -> Caller:
    """Put the caller together; for each field the first source that has it wins."""
    fields: dict[str, str] = {}
    for label, value in labels:
        if label in _LABELS:
            fields.setdefault(_LABELS[label], value[:LONGEST])
    for header, name in _HEADERS:
        if value_sent := headers.get(header):
            fields.setdefault(name, unquote(value_sent)[:LONGEST])
    if "caller" not in fields:
        caller = key_name or _program(headers)
        if caller:
            fields["caller"] = caller[:LONGEST]
    return Caller(**fields)


def replayed(headers: Mapping[str, str]) -> str | None:
    """The id of the exchange that this request repeats, from ``X-Replay-Of``; None when it repeats none."""
    identifier = headers.get("X-Replay-Of")
    return identifier if identifier is not None and _EXCHANGE.fullmatch(identifier) else None


def _program(headers: Mapping[str, str]) -> str | None:
    """The name of the program. Open WebUI's own user agent names only its HTTP library.

    In a browser the program is a page: all browsers call themselves ``Mozilla``, ``Origin`` names the page's host.
    """
    if "X-OpenWebUI-User-Id" in headers or "X-OpenWebUI-User-Name" in headers:
        return "Open WebUI"
    product = _product(headers.get("User-Agent", ""))
    page = headers.get("Origin", "").partition("://")[2] if product == "Mozilla" else ""
    return page or product


@lru_cache(maxsize=256)
def _product(user_agent: str) -> str | None:
    """The product that a user agent names: ``ollama-js`` of ``ollama-js/0.6.4 (x64 linux …)``.

    Programs that pretend to be browsers name themselves inside the comment, as n8n does:
    ``Mozilla/5.0 (compatible; n8n/2.30.8; +https://n8n.io/)``.
    """
    compatible = re.match(r"Mozilla/\S+ \(compatible; ([^/;)\s]+)", user_agent)
    product = compatible.group(1) if compatible else user_agent.partition(" ")[0].partition("/")[0]
    return product or None


@lru_cache(maxsize=1024)
def _is_within(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)


def client_address(peer: str, headers: MultiMapping[str], trusted: tuple[Network, ...]) -> str:
    """The client's address: the peer's, or the one that a trusted proxy names.

    ``X-Forwarded-For`` is read from the right, as each proxy appends the peer that it saw; the
    first address that is not itself a trusted proxy is the client. A header of an untrusted
    peer is ignored. Some proxies append a line of their own instead: all lines count as one.
    """
    forwarded = ",".join(headers.getall("X-Forwarded-For", ()))
    real = headers.get("X-Real-IP")
    if (not forwarded and not real) or not _is_within(peer, trusted):
        return peer
    address = peer
    for hop in reversed((forwarded or real or "").split(",")):
        hop = hop.strip()
        try:
            ipaddress.ip_address(hop)
        except ValueError:
            break
        address = hop
        if not _is_within(hop, trusted):
            break
    return address


def is_trusted(peer: str, trusted: tuple[Network, ...]) -> bool:
    """Whether this peer's headers about its clients are believed."""
    return _is_within(peer, trusted)


def is_at_this_machine(peer: str, headers: MultiMapping[str]) -> bool:
    """Whether a request was made on this machine.

    Each hop on its way has to be this machine, whichever header names it: a client can write
    ``X-Forwarded-For: 127.0.0.1``, and a trusted proxy between us would only append to that.
    Of a proxy that does not name its client nobody knows where that is.
    """
    if "Forwarded" in headers or "Via" in headers:
        return False
    named = [value for header in _ADDRESS_HEADERS for value in headers.getall(header, ())]
    if not named and any(header in headers for header in _PROXY_HEADERS):
        return False
    hops = [hop.strip() for hop in ",".join([peer, *named]).split(",")]
    return all(map(is_loopback, hops))


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped.is_loopback
    return parsed.is_loopback
