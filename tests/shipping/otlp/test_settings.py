from pathlib import Path

import pytest

from service.settings import SettingsError
from service.shipping.otlp.settings import (
    OtlpSettings,
    find_endpoint,
    find_metrics_endpoint,
    read_export_interval,
    read_otlp_settings,
)

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://tempo:4318"}


def settings(**environment: str) -> OtlpSettings:
    variables = {**BASE, **environment}
    endpoint = find_endpoint(variables)
    assert endpoint is not None
    return read_otlp_settings(endpoint, variables)


def mistakes(**environment: str) -> str:
    with pytest.raises(SettingsError, match="expected") as caught:
        settings(**environment)
    return str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        {**BASE, "OTEL_SDK_DISABLED": "TRUE"},
        {**BASE, "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_without_an_endpoint_or_when_disabled_nothing_is_exported(environment: dict[str, str]) -> None:
    assert find_endpoint(environment) is None


def test_the_general_endpoint_is_a_base_and_the_traces_own_is_taken_as_it_stands() -> None:
    assert settings().url == "http://tempo:4318/v1/traces"
    assert settings(OTEL_EXPORTER_OTLP_ENDPOINT="https://host/otlp/").url == "https://host/otlp/v1/traces"
    assert settings(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="https://host/in").url == "https://host/in"


def test_defaults_are_those_of_the_specification() -> None:
    read = settings()
    assert (read.timeout, read.compresses, read.headers) == (10.0, False, {})
    assert read.resource("box-1")["service.name"] == "ollama-recorder"
    assert read.resource("box-1")["service.instance.id"] == "box-1"


def test_what_is_said_for_traces_goes_before_what_is_said_in_general() -> None:
    read = settings(
        OTEL_EXPORTER_OTLP_TIMEOUT="1000",
        OTEL_EXPORTER_OTLP_TRACES_TIMEOUT="2500",
        OTEL_EXPORTER_OTLP_HEADERS="a=1",
        OTEL_EXPORTER_OTLP_TRACES_HEADERS="authorization=Basic%20dTpw==, b = 2",
        OTEL_EXPORTER_OTLP_COMPRESSION="none",
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION="gzip",
    )
    assert read.timeout == 2.5
    assert read.headers == {"authorization": "Basic dTpw==", "b": "2"}
    assert read.compresses


def test_the_service_name_goes_before_the_resource_attributes() -> None:
    attributes = "service.name=other,deployment.environment.name=home%2Flab"
    assert settings(OTEL_RESOURCE_ATTRIBUTES=attributes).resource("box-1")["service.name"] == "other"
    read = settings(OTEL_RESOURCE_ATTRIBUTES=attributes, OTEL_SERVICE_NAME="mine")
    assert read.resource("box-1")["service.name"] == "mine"
    assert read.resource("box-1")["deployment.environment.name"] == "home/lab"


def test_grpc_is_refused_with_what_to_use_instead() -> None:
    text = mistakes(OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert text.startswith("OTEL_EXPORTER_OTLP_PROTOCOL='grpc': expected http/protobuf")
    assert "4318" in text
    assert settings(OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_EXPORTER_OTLP_TRACES_PROTOCOL="http/protobuf").url


def test_all_mistakes_are_told_at_once_and_no_secret_with_them(tmp_path: Path) -> None:
    text = mistakes(
        OTEL_EXPORTER_OTLP_ENDPOINT="tempo:4318",
        OTEL_EXPORTER_OTLP_PROTOCOL="http/json",
        OTEL_EXPORTER_OTLP_HEADERS="authorization hunter2",
        OTEL_EXPORTER_OTLP_TIMEOUT="soon",
        OTEL_EXPORTER_OTLP_COMPRESSION="zstd",
        OTEL_RESOURCE_ATTRIBUTES="nonsense",
        OTEL_EXPORTER_OTLP_CERTIFICATE=str(tmp_path / "absent.pem"),
    )
    assert len(text.splitlines()) == 7
    assert "hunter2" not in text


@pytest.mark.parametrize("headers", ["x=a%0d%0aInjected: 1", "é=1", "=1", "a%0a=1\x00"])
def test_headers_cannot_smuggle_anything(headers: str) -> None:
    assert "OTEL_EXPORTER_OTLP_HEADERS" in mistakes(OTEL_EXPORTER_OTLP_HEADERS=headers)


@pytest.mark.parametrize("url", ["grpc://host:4317", "http://", "http://host:99999", "http://[::1", "http://a..b:4318"])
def test_an_endpoint_that_is_no_address_is_a_mistake(url: str) -> None:
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in mistakes(OTEL_EXPORTER_OTLP_ENDPOINT=url)


METRICS = {**BASE, "OTEL_METRICS_EXPORTER": "otlp"}


@pytest.mark.parametrize(
    "environment",
    [
        BASE,
        {**BASE, "OTEL_METRICS_EXPORTER": ""},
        {**BASE, "OTEL_METRICS_EXPORTER": "none"},
        {**BASE, "OTEL_METRICS_EXPORTER": "prometheus,console"},
        {**METRICS, "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_metrics_are_exported_only_where_otlp_is_asked_for(environment: dict[str, str]) -> None:
    assert find_metrics_endpoint(environment) is None


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "http://tempo:4318/v1/metrics"),
        ({"OTEL_METRICS_EXPORTER": "prometheus, OTLP"}, "http://tempo:4318/v1/metrics"),
        ({"OTEL_TRACES_EXPORTER": "none"}, "http://tempo:4318/v1/metrics"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://host/otlp/"}, "https://host/otlp/v1/metrics"),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "https://host/in"}, "https://host/in"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, "http://localhost:4318/v1/metrics"),
    ],
)
def test_metrics_go_to_their_own_endpoint_the_general_one_or_the_standards(
    environment: dict[str, str], url: str
) -> None:
    endpoint = find_metrics_endpoint({**METRICS, **environment})
    assert endpoint is not None
    assert endpoint.url == url


def test_what_is_told_for_metrics_does_not_count_for_traces_and_the_other_way_round() -> None:
    variables = {
        **METRICS,
        "OTEL_EXPORTER_OTLP_HEADERS": "a=1",
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS": "b=2",
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2500",
    }
    endpoint = find_metrics_endpoint(variables)
    assert endpoint is not None
    metrics = read_otlp_settings(endpoint, variables)
    assert (metrics.headers, metrics.timeout) == ({"b": "2"}, 10.0)
    assert (settings(**variables).headers, settings(**variables).timeout) == ({"a": "1"}, 2.5)


def test_metrics_are_sent_each_minute_unless_the_standards_variable_says_otherwise() -> None:
    assert read_export_interval({}) == 60.0
    assert read_export_interval({"OTEL_METRIC_EXPORT_INTERVAL": "1500"}) == 1.5


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_METRIC_EXPORT_INTERVAL", "soon"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-5"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "nan"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1e99"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
    ],
)
def test_an_interval_or_temporality_that_cannot_be_is_named_with_its_value(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match="expected") as caught:
        read_export_interval({variable: value})
    assert f"{variable}={value!r}" in str(caught.value)


def test_a_slip_in_the_name_of_the_exporter_is_named() -> None:
    with pytest.raises(SettingsError, match="OTEL_METRICS_EXPORTER='otpl': expected otlp or none"):
        find_metrics_endpoint({"OTEL_METRICS_EXPORTER": "otpl"})
