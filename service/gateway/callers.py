"""Who asks: from labels in the path, headers, the API key's name, the user agent, in this order."""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote

from multidict import MultiMapping

from service.record.exchange import Caller
from service.record.n8n_marks import N8N, is_name, may_be_ai_node
from service.record.surrogates import storable

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

# Which of a node's items is asked for, and which try of the node it is: the label, the header, the lowest number.
_COUNTS = (("item", "X-N8N-Item", 0), ("attempt", "X-N8N-Attempt", 1))
CALLER_HEADERS = frozenset(name for name, _ in _HEADERS) | {header for _, header, _ in _COUNTS}
"""The headers that name who asks."""
_COUNT = re.compile("[0-9]{1,9}")

# How the credential of n8n's AI nodes names them.
_LABELS_OF_N8N = frozenset({"workflow", "execution", "node"})

# Programs that call themselves by several names, one for each way of asking.
_ONE_PROGRAM = {
    "ai-sdk-provider-utils": "ai",  # Vercel's AI SDK, where it streams
    "AsyncAnthropic": "Anthropic",
    "AsyncOpenAI": "OpenAI",
}
# What tells nothing beside the library that comes after it: `Python/3.11 aiohttp/3.14.5`.
_LANGUAGES = frozenset({"Python"})

_EXCHANGE = re.compile("[0-9a-f]{32}")
# By these a proxy names the client.
_ADDRESS_HEADERS = (
    *("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Forwarded", "Forwarded-For"),
    *("Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Original-Forwarded-For"),
    *("Proxy-Client-IP", "WL-Proxy-Client-IP", "X-Remote-IP", "X-Remote-Addr", "X-Originating-IP"),
    *("X-Envoy-External-Address", "X-ProxyUser-Ip"),
)
# By the beginnings of these it tells that it was there, and nothing about the client.
_OF_PROXIES = (
    "x-forwarded-",
    "x-original-",
    "x-envoy-",
    "x-auth-request-",
    "x-scheme",
    "x-url-scheme",
    "front-end-https",
)
# What has been through one of these networks or tunnels comes from another machine.
_OF_NETWORKS = (
    *(
        "cdn-loop",
        "cf-",
        "fly-",
        "x-azure-",
        "x-appengine-",
        "x-amz-cf-",
        "x-amzn-",
        "tailscale-",
        "ngrok-",
        "x-ngrok-",
    ),
)


def name_caller(labels: Iterable[tuple[str, str]], headers: Mapping[str, str], key_name: str | None) -> Caller:
    """Put the caller together; for each field the first source that has it wins, and a placeholder is no name."""
    fields: dict[str, str] = {}
    labelled = set()
    for label, value in labels:
        labelled.add(label)
        if label in _LABELS and is_name(value := storable(value)[:LONGEST]):
            fields.setdefault(_LABELS[label], value)
    for header, name in _HEADERS:
        if (value_sent := headers.get(header)) and is_name(value := storable(unquote(value_sent))[:LONGEST]):
            fields.setdefault(name, value)
    if "caller" not in fields:
        caller = key_name or (N8N if _is_n8n(labelled, headers) else _program(headers))
        if caller:
            fields["caller"] = storable(caller)[:LONGEST]
    return Caller(**fields)


def item_and_attempt(labels: Iterable[tuple[str, str]], headers: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Which item of its node, from 0 on, and which try of the node, from 1 on; None: nobody told it, or no number."""
    labelled = list(labels)
    item, attempt = (
        _first_count([*(value for label, value in labelled if label == name), headers.get(header, "")], lowest)
        for name, header, lowest in _COUNTS
    )
    return item, attempt


def _first_count(values: Iterable[str], lowest: int) -> int | None:
    found = (int(value) for value in values if _COUNT.fullmatch(value))
    return next((count for count in found if count >= lowest), None)


def _is_n8n(labelled: set[str], headers: Mapping[str, str]) -> bool:
    """Whether n8n asks, by names that only n8n has.

    Its HTTP Request node is called n8n unless its user agent was changed. Its AI nodes go by the names of their
    libraries; what they have of n8n is the address of their credential, with its three labels.
    """
    if "X-N8N-Execution-Id" in headers:
        return True
    user_agent = headers.get("User-Agent", "")
    return labelled >= _LABELS_OF_N8N and (not user_agent or may_be_ai_node(user_agent))


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
    if compatible:
        return compatible.group(1)
    products = [word.partition("/")[0] for word in user_agent.split(" ", 2)[:2]]
    product = products[-1] if products[0] in _LANGUAGES else products[0]
    return _ONE_PROGRAM.get(product, product) or None


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
    names = [name.lower() for name in headers]
    if "forwarded" in names or "via" in names or any(name.startswith(_OF_NETWORKS) for name in names):
        return False
    named = [value for header in _ADDRESS_HEADERS for value in headers.getall(header, ())]
    if not named and any(name.startswith(_OF_PROXIES) for name in names):
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
