"""OpenTelemetry's standard variables, as its specification of OTLP exporters has them."""

import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import service
from service.setting_values import can_be_looked_up
from service.settings import SettingsError

NAME: Final = "otlp"
TRACES_PATH: Final = "/v1/traces"
METRICS_PATH: Final = "/v1/metrics"
_BASE_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_METRICS_EXPORTER: Final = "OTEL_METRICS_EXPORTER"
_INTERVAL: Final = "OTEL_METRIC_EXPORT_INTERVAL"
_TEMPORALITY: Final = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
# The specification's, for whoever asks for metrics and names no endpoint.
_DEFAULT_ADDRESS: Final = "http://localhost:4318"
_OTLP_EXPORTERS: Final = frozenset({"otlp", "otlp_proto_http"})
# Those of the specification that are none of ours: /metrics is for Prometheus, the log has every record.
_OTHER_EXPORTERS: Final = frozenset({"none", "prometheus", "console", "logging"})


class OtlpEndpoint(NamedTuple):
    """Where a signal is exported to: the ``variable`` that names it, what that says, and the ``url`` of the exports.

    ``signal`` is TRACES or METRICS, as it stands in the names of variables.
    """

    variable: str
    address: str
    url: str
    signal: str = "TRACES"


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """Where a signal goes and how. ``timeout`` is seconds for one request; ``attributes`` tell who sends."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    compresses: bool
    attributes: Mapping[str, str]
    tls: ssl.SSLContext | None = None

    def resource(self, instance: str) -> dict[str, str]:
        """Attributes of the resource; ``instance`` is its ``service.instance.id`` unless another is set."""
        return {
            "service.name": "ollama-recorder",
            "service.version": service.__version__,
            "service.instance.id": instance,
            **self.attributes,
        }


def find_endpoint(environment: Mapping[str, str]) -> OtlpEndpoint | None:
    """Where spans are to be exported to; None when nowhere. The traces' own variable goes before the general one.

    The traces' own is an address as it stands, the general one a base address.
    """
    variables = _standard_variables(environment)
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true" or variables.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    return _endpoint_of("TRACES", TRACES_PATH, variables)


def find_metrics_endpoint(environment: Mapping[str, str]) -> OtlpEndpoint | None:
    """Where metrics are to be exported to; None unless ``OTEL_METRICS_EXPORTER`` asks for OTLP.

    Raises SettingsError when that variable says what nobody knows.
    """
    variables = _standard_variables(environment)
    if variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    text = variables.get(_METRICS_EXPORTER, "none")
    wishes = {each.strip().lower() for each in text.split(",") if each.strip()}
    if wishes - _OTLP_EXPORTERS - _OTHER_EXPORTERS:
        raise SettingsError(f"{_METRICS_EXPORTER}={text!r}: expected otlp or none")
    if not wishes & _OTLP_EXPORTERS:
        return None
    default = OtlpEndpoint(_METRICS_EXPORTER, _DEFAULT_ADDRESS, _DEFAULT_ADDRESS + METRICS_PATH, "METRICS")
    return _endpoint_of("METRICS", METRICS_PATH, variables) or default


def read_export_interval(environment: Mapping[str, str]) -> float:
    """Seconds between two exports of metrics, which are always cumulative.

    Raises SettingsError when a variable says otherwise.
    """
    variables = _standard_variables(environment)
    mistakes: list[str] = []
    temporality = variables.get(_TEMPORALITY, "cumulative")
    if temporality.lower() != "cumulative":
        mistakes.append(f"{_TEMPORALITY}={temporality!r}: expected cumulative, which is all that the recorder sends")
    seconds = _seconds(_INTERVAL, variables.get(_INTERVAL, ""), "60000", mistakes)
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return seconds


def _endpoint_of(signal: str, path: str, variables: Mapping[str, str]) -> OtlpEndpoint | None:
    variable = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
    if own := variables.get(variable):
        return OtlpEndpoint(variable, own, own, signal)
    if base := variables.get(_BASE_VARIABLE):
        return OtlpEndpoint(_BASE_VARIABLE, base, base.rstrip("/") + path, signal)
    return None


def read_otlp_settings(endpoint: OtlpEndpoint, environment: Mapping[str, str]) -> OtlpSettings:
    """Read the standard variables.

    Raises SettingsError, whose text has one line for each mistake: the variable, its value and what is expected.
    """
    variables = _standard_variables(environment)
    mistakes: list[str] = []
    _check_url(endpoint, mistakes)
    signal = endpoint.signal
    _check_protocol(signal, variables, mistakes)
    settings = OtlpSettings(
        url=endpoint.url,
        headers=_pairs(*_of_signal(signal, variables, "HEADERS"), mistakes, secret=True),
        timeout=_timeout(signal, variables, mistakes),
        compresses=_compresses(signal, variables, mistakes),
        attributes=_attributes(variables, mistakes),
        tls=_tls(signal, variables, mistakes),
    )
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return settings


def _standard_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that are set. An empty variable counts as not set."""
    return {name: value.strip() for name, value in environment.items() if name.startswith("OTEL_") and value.strip()}


def _of_signal(signal: str, variables: Mapping[str, str], what: str) -> tuple[str, str]:
    """Name and value of a variable: the signal's own goes before the general one."""
    own, general = f"OTEL_EXPORTER_OTLP_{signal}_{what}", f"OTEL_EXPORTER_OTLP_{what}"
    return (own, variables[own]) if own in variables else (general, variables.get(general, ""))


def _check_url(endpoint: OtlpEndpoint, mistakes: list[str]) -> None:
    try:
        parts = urlsplit(endpoint.address)
        is_host = bool(parts.hostname) and can_be_looked_up(parts.hostname or "")
        is_right = parts.scheme in ("http", "https") and is_host and (parts.port is None or parts.port > 0)
    except ValueError:
        is_right = False
    if not is_right:
        mistakes.append(f"{endpoint.variable}={endpoint.address!r}: expected an address like http://host:4318")


def _check_protocol(signal: str, variables: Mapping[str, str], mistakes: list[str]) -> None:
    variable, protocol = _of_signal(signal, variables, "PROTOCOL")
    if protocol not in ("", "http/protobuf"):
        hint = ", and an endpoint that speaks it: usually port 4318, not 4317" if protocol == "grpc" else ""
        mistakes.append(f"{variable}={protocol!r}: expected http/protobuf{hint}")


def _compresses(signal: str, variables: Mapping[str, str], mistakes: list[str]) -> bool:
    variable, wish = _of_signal(signal, variables, "COMPRESSION")
    if wish not in ("", "none", "gzip"):
        mistakes.append(f"{variable}={wish!r}: expected gzip or none")
    return wish == "gzip"


def _timeout(signal: str, variables: Mapping[str, str], mistakes: list[str]) -> float:
    """The specification's default is 10 seconds."""
    return _seconds(*_of_signal(signal, variables, "TIMEOUT"), "10000", mistakes)


def _seconds(variable: str, text: str, default: str, mistakes: list[str]) -> float:
    """Seconds, of milliseconds up to an hour."""
    try:
        milliseconds = float(text or default)
    except ValueError:
        milliseconds = math.nan
    if not 1 <= milliseconds <= 3_600_000:
        mistakes.append(f"{variable}={text!r}: expected milliseconds, for instance {default}")
    return milliseconds / 1000


def _pairs(variable: str, text: str, mistakes: list[str], secret: bool = False) -> dict[str, str]:
    """``key=value,key=value`` with percent-encoded values (the form of W3C Baggage)."""
    pairs = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        key, equals, value = (each.strip() for each in part.partition("="))
        value = unquote(value)
        if not equals or not key or not (key + value).isprintable() or (secret and not key.isascii()):
            shown = "(a secret)" if secret else repr(text)
            mistakes.append(f"{variable}={shown}: expected key=value pairs separated by commas, percent-encoded")
            return {}
        pairs[key] = value
    return pairs


def _attributes(variables: Mapping[str, str], mistakes: list[str]) -> dict[str, str]:
    variable = "OTEL_RESOURCE_ATTRIBUTES"
    own = {"service.name": variables["OTEL_SERVICE_NAME"]} if "OTEL_SERVICE_NAME" in variables else {}
    return _pairs(variable, variables.get(variable, ""), mistakes) | own


def _tls(signal: str, variables: Mapping[str, str], mistakes: list[str]) -> ssl.SSLContext | None:
    authority_variable, authority = _of_signal(signal, variables, "CERTIFICATE")
    certificate_variable, certificate = _of_signal(signal, variables, "CLIENT_CERTIFICATE")
    key = _of_signal(signal, variables, "CLIENT_KEY")[1]
    if not authority and not certificate:
        return None
    variable = authority_variable
    try:
        context = ssl.create_default_context(cafile=authority or None)
        if certificate:
            variable = certificate_variable
            context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError):
        mistakes.append(f"{variable}={variables[variable]!r}: expected a readable PEM file")
        return None
    return context
