"""The one table of settings: each variable's name, default, meaning and how it is read.

``.env.example`` and ``docs/settings.md`` are written from it, and ``ollama-recorder settings`` shows it.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SettingsError(Exception):
    """The settings cannot be used. Its text names each variable, its value and what is expected."""


def _text(value: str) -> str:
    return value


def _truth(value: str) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if value.lower() not in words:
        raise ValueError("true or false")
    return words[value.lower()]


def _truth_or_strict(value: str) -> bool | Literal["strict"]:
    try:
        return "strict" if value.lower() == "strict" else _truth(value)
    except ValueError:
        raise ValueError("true, false or strict") from None


def _number(expected: str, at_least: float, kind: type[int] | type[float]) -> Callable[[str], Any]:
    def read(value: str) -> int | float:
        try:
            number = kind(value)
        except ValueError:
            raise ValueError(expected) from None
        if not at_least <= number < 1e15:
            raise ValueError(expected)
        return number

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value.lower() not in words:
            raise ValueError("one of " + ", ".join(words))
        return value.lower()

    return read


def _url(value: str) -> str:
    expected = "an address like http://host:port"
    try:
        parts = urlsplit(value)
        port_is_right = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        raise ValueError(expected) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_right:
        raise ValueError(expected)
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError(expected + ", without a user name, a query or a fragment")
    return value.rstrip("/")


def _listen(value: str) -> tuple[str, int]:
    expected = "HOST:PORT, for instance 127.0.0.1:8080"
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(expected)
    return host.strip("[]"), int(port)


def _words(value: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,\s]+", value) if word)


def _origins(value: str) -> tuple[str, ...]:
    for origin in _words(value):
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/\s]*", origin) or "*" in origin:
            raise ValueError("origins like https://app.example.org, separated by commas, without * and without a path")
    return _words(value)


def _hosts(value: str) -> tuple[str, ...]:
    for host in _words(value):
        if not re.fullmatch(r"[A-Za-z0-9._-]+", host):
            raise ValueError("host names without scheme or port, separated by commas")
    return tuple(host.lower() for host in _words(value))


def _networks(value: str) -> tuple[Network, ...]:
    words = {
        "loopback": ("127.0.0.0/8", "::1/128"),
        "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    }
    try:
        return tuple(ipaddress.ip_network(network) for word in _words(value) for network in words.get(word, (word,)))
    except ValueError:
        raise ValueError("networks like 10.0.0.0/8, or the words loopback and private, separated by commas") from None


def _trace_url(value: str) -> str:
    if "{trace_id}" not in value or not value.startswith(("http://", "https://")):
        raise ValueError("an address with {trace_id} in it")
    return value


@dataclass(frozen=True)
class Variable:
    """One line of the table. ``read`` turns text into the value or raises ValueError with what is expected."""

    name: str
    default: str
    meaning: str
    read: Callable[[str], Any]
    secret: bool = False


def _setting(default: str, meaning: str, read: Callable[[str], Any], secret: bool = False, name: str = "") -> Any:
    return field(metadata={"default": default, "meaning": meaning, "read": read, "secret": secret, "name": name})


@dataclass(frozen=True)
class Settings:
    """All settings of one recorder. A field's variable is its name in capitals unless it says another."""

    ollama_url: str = _setting("http://127.0.0.1:11434", "the one Ollama behind the recorder (a path is allowed)", _url)
    ollama_timeout: float = _setting(
        "300", "seconds without a byte from Ollama before giving up; 0 = never", _number("seconds, 0 or more", 0, float)
    )
    request_head_timeout: float = _setting(
        "30", "seconds until a request's head has to be whole; 0 = never", _number("seconds, 0 or more", 0, float)
    )
    request_body_timeout: float = _setting(
        "60",
        "seconds without a byte of a request's body before giving up; 0 = never",
        _number("seconds, 0 or more", 0, float),
    )
    answer_read_timeout: float = _setting(
        "300",
        "seconds without a byte of its answer that a client takes before giving it up; 0 = never",
        _number("seconds, 0 or more", 0, float),
    )
    max_connections: int = _setting(
        "0",
        "connections of clients at once; 0 = half of the files that the system lets the recorder open",
        _number("connections, 0 or more", 0, int),
    )
    max_connections_per_address: int = _setting(
        "0",
        "of these from one address, which may be a reverse proxy's; 0 = three quarters of them",
        _number("connections, 0 or more", 0, int),
    )
    listen: tuple[str, int] = _setting("127.0.0.1:8080", "address and port to listen on", _listen)
    data_dir: Path = _setting("./data", "folder of the journal (made with mode 0700, files 0600)", Path)
    loki_url: str = _setting(
        "", "base address of a Loki to ship to, for instance http://loki:3100; empty = do not ship", _url
    )
    loki_tenant: str = _setting("", "tenant (X-Scope-OrgID) for a Loki with several", _text)
    loki_username: str = _setting("", "user name for Loki (basic authentication, with LOKI_PASSWORD)", _text)
    loki_password: str = _setting("", "password for Loki", _text, secret=True)
    loki_token: str = _setting("", "bearer token for Loki", _text, secret=True)
    otlp_endpoint: str = _setting(
        "",
        "base address of an OTLP/HTTP receiver, for instance http://tempo:4318; empty = do not export"
        " (the other standard OTEL_ variables are honoured too)",
        _url,
        name="OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    otlp_bodies: bool = _setting(
        "true",
        "put requests as they came, and so whole prompts, into the spans that an OTLP receiver gets"
        " (http.request.body.content)",
        _truth,
        name="OTEL_INSTRUMENTATION_HTTP_CAPTURE_BODY_CONTENT",
    )
    otlp_polls: bool = _setting(
        "false", "export spans of lists and descriptions of models too (/api/tags, /api/ps, /api/version …)", _truth
    )
    record_before_reply: bool | Literal["strict"] = _setting(
        "true",
        "hold an answer's last byte until its record is on disk: true = 250 ms at most, strict = however long it takes",
        _truth_or_strict,
    )
    journal_sync: str = _setting(
        "full", "full survives a power loss, normal survives a killed process only", _one_of("full", "normal")
    )
    keep_body_bytes: int = _setting(
        "1048576",
        "bytes kept of each body; the length that passed is always recorded",
        _number("bytes, 0 or more", 0, int),
    )
    in_flight_body_bytes: int = _setting(
        "134217728",
        "bytes that the copies of all exchanges in flight may take together; beyond it less is kept of each body",
        _number("bytes, 0 or more", 0, int),
    )
    retention_days: float = _setting("30", "days a record is kept", _number("days, more than 0", 0.001, float))
    retention_gb: float = _setting(
        "10", "gigabytes the journal may take", _number("gigabytes, more than 0", 0.001, float)
    )
    allow_management: bool = _setting(
        "false", "also allow pull, push, create, copy, delete, blobs and Ollama's experimental web routes", _truth
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "", "further host names that the recorder is reached by, separated by commas", _hosts
    )
    cors_origins: tuple[str, ...] = _setting(
        "", "origins of web pages that may call, separated by commas; empty = local ones, as Ollama does", _origins
    )
    api_keys_file: Path | None = _setting(
        "", "file with lines 'name sha256-of-key'; when set, every gateway call needs one of these keys", Path
    )
    max_active: int = _setting(
        "0",
        "model calls that are at Ollama at a time; the others wait in the recorder, in a fair order; 0 = no queue",
        _number("a number of calls, 0 or more", 0, int),
    )
    queue_length: int = _setting(
        "100", "calls that may wait; further ones are refused (429)", _number("a number of calls, 0 or more", 0, int)
    )
    queue_timeout: float = _setting(
        "300",
        "seconds that a call may wait before it is refused (503); 0 = any time",
        _number("seconds, 0 or more", 0, float),
    )
    limits_file: Path | None = _setting(
        "", "TOML file of what each key, workflow, caller and user may have; see docs/sharing.md", Path
    )
    inspector_token: str = _setting(
        "", "needed for /metrics, the page and /exchanges from any address but this machine's", _text, secret=True
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        "loopback,private", "networks whose X-Forwarded-For and X-Real-IP are believed", _networks
    )
    mask_secrets: bool = _setting("true", "mask well-known shapes of secrets in recorded bodies", _truth)
    loki_spans: bool = _setting("true", "ship the spans of each exchange to Loki as well", _truth)
    trace_url: str = _setting("", "address of a trace in Grafana with {trace_id} in it", _trace_url)
    n8n_url: str = _setting(
        "", "address of n8n as a browser reaches it, for links from records to executions; empty = no links", _url
    )
    inspector_replay: str = _setting(
        "loopback",
        "who may send a prompt again: true = whoever may see the page, false = nobody, loopback = this machine only"
        " (for a recorder in Docker every browser is on another one)",
        _one_of("true", "false", "loopback"),
    )
    generate_model: str = _setting("", "model for POST /generate; empty = the first that Ollama lists", _text)
    log_level: str = _setting("info", "debug, info, warning or error", _one_of("debug", "info", "warning", "error"))
    log_format: str = _setting(
        "auto", "text (for people), json, or auto: text on a terminal, else json", _one_of("auto", "text", "json")
    )
    log_names: bool = _setting(
        "true",
        "whether the log says who asked (user, key, caller, program, address): no erasure gets there",
        _truth,
    )


def _variable(name: str, metadata: Mapping[str, Any]) -> Variable:
    return Variable(
        metadata["name"] or name.upper(), metadata["default"], metadata["meaning"], metadata["read"], metadata["secret"]
    )


TABLE: dict[str, Variable] = {item.name: _variable(item.name, item.metadata) for item in fields(Settings)}
_NOT_READ_WHEN_EMPTY = {_url: "", Path: None, _trace_url: ""}


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read all settings; raise SettingsError naming every mistake at once.

    An empty variable counts as not set, as compose files write ``NAME=``.
    """
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for attribute, variable in TABLE.items():
        text = environment.get(variable.name, "").strip() or variable.default
        if not text and variable.read in _NOT_READ_WHEN_EMPTY:
            values[attribute] = _NOT_READ_WHEN_EMPTY[variable.read]
            continue
        try:
            values[attribute] = variable.read(text)
        except ValueError as expected:
            shown = "(a secret)" if variable.secret else repr(text)
            mistakes.append(f"{variable.name}={shown}: expected {expected}")
    if not mistakes:
        mistakes = _contradictions(values)
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return Settings(**values)


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    mistakes = []
    if values["loki_token"] and values["loki_username"]:
        mistakes.append("LOKI_TOKEN and LOKI_USERNAME are both set: expected one of the two")
    if bool(values["loki_username"]) != bool(values["loki_password"]):
        mistakes.append("LOKI_USERNAME and LOKI_PASSWORD: expected both or neither")
    keys_file = values["api_keys_file"]
    if keys_file is not None and not keys_file.is_file():
        mistakes.append(f"API_KEYS_FILE={str(keys_file)!r}: expected an existing file of lines 'name sha256-of-key'")
    limits_file = values["limits_file"]
    if limits_file is not None and not limits_file.is_file():
        mistakes.append(
            f"LIMITS_FILE={str(limits_file)!r}: expected an existing TOML file; docs/sharing.md has examples"
        )
    return mistakes
