"""OpenTelemetry's standard variables, as its specification of OTLP exporters has them."""

import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

import service
from service.settings import SettingsError

NAME: Final = "otlp"
TRACES_PATH: Final = "/v1/traces"
_BASE_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_VARIABLE: Final = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


class OtlpEndpoint(NamedTuple):
    """Where spans are exported to: the ``variable`` that names it, what that says, and the ``url`` of the exports."""

    variable: str
    address: str
    url: str


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """Where spans go and how. ``timeout`` is seconds for one request; ``attributes`` tell who sends."""

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
    if own := variables.get(_TRACES_VARIABLE):
        return OtlpEndpoint(_TRACES_VARIABLE, own, own)
    if base := variables.get(_BASE_VARIABLE):
        return OtlpEndpoint(_BASE_VARIABLE, base, base.rstrip("/") + TRACES_PATH)
    return None


def read_otlp_settings(endpoint: OtlpEndpoint, environment: Mapping[str, str]) -> OtlpSettings:
    """Read the standard variables.

    Raises SettingsError, whose text has one line for each mistake: the variable, its value and what is expected.
    """
    variables = _standard_variables(environment)
    mistakes: list[str] = []
    _check_url(endpoint, mistakes)
    _check_protocol(variables, mistakes)
    settings = OtlpSettings(
        url=endpoint.url,
        headers=_pairs(*_of_traces(variables, "HEADERS"), mistakes, secret=True),
        timeout=_timeout(variables, mistakes),
        compresses=_compresses(variables, mistakes),
        attributes=_attributes(variables, mistakes),
        tls=_tls(variables, mistakes),
    )
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    return settings


def _standard_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Those that are set. An empty variable counts as not set."""
    return {name: value.strip() for name, value in environment.items() if name.startswith("OTEL_") and value.strip()}


def _of_traces(variables: Mapping[str, str], what: str) -> tuple[str, str]:
    """Name and value of a variable: the traces' own goes before the general one."""
    own, general = f"OTEL_EXPORTER_OTLP_TRACES_{what}", f"OTEL_EXPORTER_OTLP_{what}"
    return (own, variables[own]) if own in variables else (general, variables.get(general, ""))


def _check_url(endpoint: OtlpEndpoint, mistakes: list[str]) -> None:
    try:
        parts = urlsplit(endpoint.address)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_right = False
    if not is_right:
        mistakes.append(f"{endpoint.variable}={endpoint.address!r}: expected an address like http://host:4318")


def _check_protocol(variables: Mapping[str, str], mistakes: list[str]) -> None:
    variable, protocol = _of_traces(variables, "PROTOCOL")
    if protocol not in ("", "http/protobuf"):
        hint = ", and an endpoint that speaks it: usually port 4318, not 4317" if protocol == "grpc" else ""
        mistakes.append(f"{variable}={protocol!r}: expected http/protobuf{hint}")


def _compresses(variables: Mapping[str, str], mistakes: list[str]) -> bool:
    variable, wish = _of_traces(variables, "COMPRESSION")
    if wish not in ("", "none", "gzip"):
        mistakes.append(f"{variable}={wish!r}: expected gzip or none")
    return wish == "gzip"


def _timeout(variables: Mapping[str, str], mistakes: list[str]) -> float:
    """The specification's unit is milliseconds, its default 10 seconds."""
    variable, text = _of_traces(variables, "TIMEOUT")
    try:
        milliseconds = float(text or "10000")
    except ValueError:
        milliseconds = math.nan
    if not 1 <= milliseconds <= 3_600_000:
        mistakes.append(f"{variable}={text!r}: expected milliseconds, for instance 10000")
        return 10.0
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


def _tls(variables: Mapping[str, str], mistakes: list[str]) -> ssl.SSLContext | None:
    authority_variable, authority = _of_traces(variables, "CERTIFICATE")
    certificate_variable, certificate = _of_traces(variables, "CLIENT_CERTIFICATE")
    key = _of_traces(variables, "CLIENT_KEY")[1]
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
