"""OpenTelemetry's standard variables, as its specification of OTLP exporters has them."""

import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import service
from service.shipping.genai import captures_messages

TRACES_PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class OtlpSettings:
    """Where spans go and how. ``timeout`` is seconds for one request, ``resource`` the attributes of who sends."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    timeout: float
    compresses: bool
    resource: Mapping[str, str]
    with_messages: bool
    tls: ssl.SSLContext | None = None


def read_otlp_settings(environment: Mapping[str, str], instance: str) -> OtlpSettings | None:
    """Read the standard variables; None when spans are not to be exported.

    ``instance`` is the default of ``service.instance.id``. Raises ValueError, whose text has one
    line for each mistake: the variable, its value and what is expected.
    """
    said = {name: value.strip() for name, value in environment.items() if name.startswith("OTEL_") and value.strip()}
    if said.get("OTEL_SDK_DISABLED", "").lower() == "true" or said.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    endpoint_variable, url = _endpoint(said)
    if not url:
        return None
    mistakes: list[str] = []
    _check_url(endpoint_variable, said[endpoint_variable], mistakes)
    _check_protocol(said, mistakes)
    settings = OtlpSettings(
        url=url,
        headers=_pairs(*_of_traces(said, "HEADERS"), mistakes, secret=True),
        timeout=_timeout(said, mistakes),
        compresses=_compresses(said, mistakes),
        resource=_resource(said, instance, mistakes),
        with_messages=captures_messages(said),
        tls=_tls(said, mistakes),
    )
    if mistakes:
        raise ValueError("\n".join(mistakes))
    return settings


def _endpoint(said: Mapping[str, str]) -> tuple[str, str]:
    """The traces' own variable is an address as it stands, the general one a base address."""
    if own := said.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        return "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", own
    base = said.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    return "OTEL_EXPORTER_OTLP_ENDPOINT", base.rstrip("/") + TRACES_PATH if base else ""


def _of_traces(said: Mapping[str, str], what: str) -> tuple[str, str]:
    """Name and value of a variable: the traces' own goes before the general one."""
    own, general = f"OTEL_EXPORTER_OTLP_TRACES_{what}", f"OTEL_EXPORTER_OTLP_{what}"
    return (own, said[own]) if own in said else (general, said.get(general, ""))


def _check_url(variable: str, url: str, mistakes: list[str]) -> None:
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_right = False
    if not is_right:
        mistakes.append(f"{variable}={url!r}: expected an address like http://host:4318")


def _check_protocol(said: Mapping[str, str], mistakes: list[str]) -> None:
    variable, protocol = _of_traces(said, "PROTOCOL")
    if protocol not in ("", "http/protobuf"):
        hint = ", and an endpoint that speaks it: usually port 4318, not 4317" if protocol == "grpc" else ""
        mistakes.append(f"{variable}={protocol!r}: expected http/protobuf{hint}")


def _compresses(said: Mapping[str, str], mistakes: list[str]) -> bool:
    variable, wish = _of_traces(said, "COMPRESSION")
    if wish not in ("", "none", "gzip"):
        mistakes.append(f"{variable}={wish!r}: expected gzip or none")
    return wish == "gzip"


def _timeout(said: Mapping[str, str], mistakes: list[str]) -> float:
    """The specification's unit is milliseconds, its default 10 seconds."""
    variable, text = _of_traces(said, "TIMEOUT")
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


def _resource(said: Mapping[str, str], instance: str, mistakes: list[str]) -> dict[str, str]:
    variable = "OTEL_RESOURCE_ATTRIBUTES"
    defaults = {
        "service.name": "ollama-recorder",
        "service.version": service.__version__,
        "service.instance.id": instance,
    }
    own = {"service.name": said["OTEL_SERVICE_NAME"]} if "OTEL_SERVICE_NAME" in said else {}
    return defaults | _pairs(variable, said.get(variable, ""), mistakes) | own


def _tls(said: Mapping[str, str], mistakes: list[str]) -> ssl.SSLContext | None:
    authority_variable, authority = _of_traces(said, "CERTIFICATE")
    certificate_variable, certificate = _of_traces(said, "CLIENT_CERTIFICATE")
    key = _of_traces(said, "CLIENT_KEY")[1]
    if not authority and not certificate:
        return None
    variable = authority_variable
    try:
        context = ssl.create_default_context(cafile=authority or None)
        if certificate:
            variable = certificate_variable
            context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError):
        mistakes.append(f"{variable}={said[variable]!r}: expected a readable PEM file")
        return None
    return context
