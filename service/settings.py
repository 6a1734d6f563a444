"""The one table of settings: each variable's name, default, meaning and how it is read.

``.env.example`` and ``docs/settings.md`` are written from it, and ``ollama-recorder settings`` shows it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from service.data_folder import default_data_dir
from service.setting_values import (
    NamedAddress,
    Network,
    as_addresses,
    as_header_text,
    as_hosts,
    as_listen,
    as_named_addresses,
    as_networks,
    as_number,
    as_one_of,
    as_origins,
    as_path,
    as_some_of,
    as_text,
    as_trace_url,
    as_truth,
    as_truth_or_strict,
    as_url,
    as_webhook,
    host_and_port,
)


class SettingsError(Exception):
    """The settings cannot be used. Its text names each variable, its value and what is expected."""


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

    ollama_urls: tuple[NamedAddress, ...] = _setting(
        "http://127.0.0.1:11434",
        "the Ollama behind the recorder (a path is allowed), or several, separated by commas;"
        " see `ollama-recorder docs several`",
        as_addresses,
        name="OLLAMA_URL",
    )
    ollama_timeout: float = _setting(
        "300",
        "seconds without a byte from Ollama before giving up; 0 = never",
        as_number("seconds, 0 or more", 0, float),
    )
    request_head_timeout: float = _setting(
        "30", "seconds until a request's head has to be whole; 0 = never", as_number("seconds, 0 or more", 0, float)
    )
    request_body_timeout: float = _setting(
        "60",
        "seconds without a byte of a request's body before giving up; 0 = never",
        as_number("seconds, 0 or more", 0, float),
    )
    answer_read_timeout: float = _setting(
        "300",
        "seconds without a byte of its answer that a client takes before giving it up; 0 = never",
        as_number("seconds, 0 or more", 0, float),
    )
    max_connections: int = _setting(
        "0",
        "connections of clients at once; 0 = half of the files that the system lets the recorder open",
        as_number("connections, 0 or more", 0, int),
    )
    max_connections_per_address: int = _setting(
        "0",
        "of these from one address, which may be a reverse proxy's; 0 = three quarters of them",
        as_number("connections, 0 or more", 0, int),
    )
    listen: tuple[str, int] = _setting("127.0.0.1:8080", "address and port to listen on", as_listen)
    data_dir: Path = _setting(
        "",
        "folder of the journal (made with mode 0700, files 0600); empty = ./data in a checkout and where a journal is"
        " there, else the user's own, such as ~/.local/share/ollama-recorder",
        as_path,
    )
    loki_url: str = _setting(
        "", "base address of a Loki to ship to, for instance http://loki:3100; empty = do not ship", as_url
    )
    loki_tenant: str = _setting("", "tenant (X-Scope-OrgID) for a Loki with several", as_header_text)
    loki_username: str = _setting("", "user name for Loki (basic authentication, with LOKI_PASSWORD)", as_text)
    loki_password: str = _setting("", "password for Loki", as_text, secret=True)
    loki_token: str = _setting("", "bearer token for Loki", as_header_text, secret=True)
    peers: tuple[NamedAddress, ...] = _setting(
        "",
        "the other recorders that ship to the same Loki, as name=address with commas, for instance"
        " garage=http://garage:8080; the name is the label `instance` of what they record",
        as_named_addresses,
    )
    peer_tokens_file: Path | None = _setting(
        "",
        "file with lines 'name token': what lets this recorder erase at each of PEERS (the INSPECTOR_TOKEN there, or"
        " that of a reader who may erase)",
        as_path,
    )
    otlp_endpoint: str = _setting(
        "",
        "base address of an OTLP/HTTP receiver, for instance http://tempo:4318; empty = do not export"
        " (the other standard OTEL_ variables are honoured too)",
        as_url,
        name="OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    otlp_bodies: bool = _setting(
        "true",
        "put requests as they came, and so whole prompts, into the spans that an OTLP receiver gets"
        " (http.request.body.content)",
        as_truth,
        name="OTEL_INSTRUMENTATION_HTTP_CAPTURE_BODY_CONTENT",
    )
    otlp_polls: bool = _setting(
        "false", "export spans of lists and descriptions of models too (/api/tags, /api/ps, /api/version …)", as_truth
    )
    record_before_reply: bool | Literal["strict"] = _setting(
        "true",
        "hold an answer's last byte until its record is on disk: true = 250 ms at most, strict = however long it takes",
        as_truth_or_strict,
    )
    journal_sync: str = _setting(
        "full", "full survives a power loss, normal survives a killed process only", as_one_of("full", "normal")
    )
    keep_body_bytes: int = _setting(
        "1048576",
        "bytes kept of each body; the length that passed is always recorded; under 1000 the counts of an answer may go"
        " with its text",
        as_number("bytes, 0 or more", 0, int),
    )
    in_flight_body_bytes: int = _setting(
        "134217728",
        "bytes that the copies of all exchanges in flight may take together; beyond it less is kept of each body",
        as_number("bytes, 0 or more", 0, int),
    )
    retention_days: float = _setting("30", "days a record is kept", as_number("days, more than 0", 0.001, float))
    retention_gb: float = _setting(
        "10", "gigabytes the journal may take", as_number("gigabytes, more than 0", 0.001, float)
    )
    allow_management: bool = _setting(
        "false", "also allow pull, push, create, copy, delete, blobs and Ollama's experimental web routes", as_truth
    )
    allowed_hosts: tuple[str, ...] = _setting(
        "", "further host names that the recorder is reached by, separated by commas", as_hosts
    )
    cors_origins: tuple[str, ...] = _setting(
        "", "origins of web pages that may call, separated by commas; empty = local ones, as Ollama does", as_origins
    )
    api_keys_file: Path | None = _setting(
        "", "file with lines 'name sha256-of-key'; when set, every gateway call needs one of these keys", as_path
    )
    max_active: int = _setting(
        "0",
        "model calls that are at Ollama at a time; the others wait in the recorder, in a fair order; 0 = no queue",
        as_number("a number of calls, 0 or more", 0, int),
    )
    queue_length: int = _setting(
        "100", "calls that may wait; further ones are refused (429)", as_number("a number of calls, 0 or more", 0, int)
    )
    queue_timeout: float = _setting(
        "300",
        "seconds that a call may wait before it is refused (503); 0 = any time",
        as_number("seconds, 0 or more", 0, float),
    )
    limits_file: Path | None = _setting(
        "",
        "TOML file of what each key, workflow, caller and user may have; see `ollama-recorder docs sharing`",
        as_path,
    )
    inspector_token: str = _setting(
        "",
        "needed for /metrics, the page and /exchanges from any address but this machine's",
        as_header_text,
        secret=True,
    )
    readers_file: Path | None = _setting(
        "",
        "TOML file of who may see numbers, see bodies, erase and replay, by name; see `ollama-recorder docs privacy`",
        as_path,
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        "loopback,private", "networks whose X-Forwarded-For and X-Real-IP are believed", as_networks
    )
    mask_secrets: bool = _setting("true", "mask well-known shapes of secrets in recorded bodies", as_truth)
    mask_pack: tuple[str, ...] = _setting(
        "",
        "what else is masked: some of email, iban, phone, card, all, with commas; see `ollama-recorder docs privacy`",
        as_some_of("email", "iban", "phone", "card", "all"),
    )
    mask_file: Path | None = _setting(
        "",
        "TOML file of masks of your own: name, regex, where; see `ollama-recorder docs privacy`",
        as_path,
    )
    loki_spans: bool = _setting("true", "ship the spans of each exchange to Loki as well", as_truth)
    trace_url: str = _setting("", "address of a trace in Grafana with {trace_id} in it", as_trace_url)
    n8n_url: str = _setting(
        "", "address of n8n as a browser reaches it, for links from records to executions; empty = no links", as_url
    )
    inspector_replay: str = _setting(
        "loopback",
        "who may send a prompt again: true = whoever may see the page, false = nobody, loopback = this machine only"
        " (for a recorder in Docker every browser is on another one)",
        as_one_of("true", "false", "loopback"),
    )
    generate_model: str = _setting(
        "", "model for POST /generate; empty = the first of Ollama's list that generates text", as_text
    )
    alert_webhook_url: str = _setting(
        "",
        "address that alerts are posted to; in the stack Grafana posts them and the recorder does not; empty = nobody",
        as_webhook,
        secret=True,
    )
    alert_p95_seconds: float = _setting(
        "30",
        "an alert fires when one call in twenty takes longer, in seconds",
        as_number("seconds, more than 0", 0.001, float),
    )
    log_level: str = _setting("info", "debug, info, warning or error", as_one_of("debug", "info", "warning", "error"))
    log_format: str = _setting(
        "auto", "text (for people), json, or auto: text on a terminal, else json", as_one_of("auto", "text", "json")
    )
    log_names: bool = _setting(
        "true",
        "whether the log says who asked (user, key, caller, program, address): no erasure gets there",
        as_truth,
    )

    @property
    def ollama_url(self) -> str:
        """The address of the one Ollama; those of all, where there are several."""
        return ", ".join(address.url for address in self.ollama_urls)

    def listen_at(self, port: int | None = None) -> str:
        """Host and port to listen on, as an address has them; another ``port`` where the system chose it."""
        return host_and_port(self.listen[0], self.listen[1] if port is None else port)


def _variable(name: str, metadata: Mapping[str, Any]) -> Variable:
    return Variable(
        metadata["name"] or name.upper(), metadata["default"], metadata["meaning"], metadata["read"], metadata["secret"]
    )


TABLE: dict[str, Variable] = {item.name: _variable(item.name, item.metadata) for item in fields(Settings)}
_DEPENDS_ON_THE_PLACE = {"data_dir": default_data_dir}
_NOT_READ_WHEN_EMPTY = {as_url: "", as_path: None, as_trace_url: "", as_webhook: "", as_named_addresses: ()}

_FILES = {
    "api_keys_file": "file of lines 'name sha256-of-key'",
    "limits_file": "TOML file; `ollama-recorder docs sharing` has examples",
    "mask_file": "TOML file; `ollama-recorder docs privacy` has examples",
    "peer_tokens_file": "file of lines 'name token'",
    "readers_file": "TOML file; `ollama-recorder docs privacy` has examples",
}


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read all settings; raise SettingsError naming every mistake at once.

    An empty variable counts as not set, as compose files write ``NAME=``.
    """
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for attribute, variable in TABLE.items():
        text = environment.get(variable.name, "").strip() or variable.default
        if not text and attribute in _DEPENDS_ON_THE_PLACE:
            values[attribute] = _DEPENDS_ON_THE_PLACE[attribute](environment)
            continue
        if not text and variable.read in _NOT_READ_WHEN_EMPTY:
            values[attribute] = _NOT_READ_WHEN_EMPTY[variable.read]
            continue
        try:
            values[attribute] = variable.read(text)
        except ValueError as expected:
            shown = "(a secret)" if variable.secret else repr(text)
            mistakes.append(f"{variable.name}={shown}: expected {expected}")
    mistakes += _contradictions(values)
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return Settings(**values)


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    """What does not go together, of the values that could be read."""
    mistakes = []
    if values.get("loki_token") and values.get("loki_username"):
        mistakes.append("LOKI_TOKEN and LOKI_USERNAME are both set: expected one of the two")
    if bool(values.get("loki_username")) != bool(values.get("loki_password")):
        mistakes.append("LOKI_USERNAME and LOKI_PASSWORD: expected both or neither")
    for attribute, expected in _FILES.items():
        file = values.get(attribute)
        if file is not None and not file.is_file():
            mistakes.append(f"{TABLE[attribute].name}={str(file)!r}: expected an existing {expected}")
    return mistakes
