"""Which receivers are wanted: the recorder, ``ship status``, doctor and erasing ask here."""

import pytest

from service.settings import read_settings
from service.shipping.registry import wanted_receivers

LOKI = {"LOKI_URL": "http://loki:3100"}
OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://tempo:4318"}
TRACES = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://jaeger:4318/v1/traces"}


def wanted(**environment: str) -> dict[str, str]:
    """Names and addresses."""
    receivers = wanted_receivers(read_settings(environment), environment)
    return {receiver.name: receiver.address for receiver in receivers}


@pytest.mark.parametrize(
    ("environment", "receivers"),
    [
        ({}, {}),
        (LOKI, {"loki": "http://loki:3100"}),
        (LOKI | OTLP, {"loki": "http://loki:3100", "otlp": "http://tempo:4318"}),
        (OTLP | TRACES, {"otlp": "http://jaeger:4318/v1/traces"}),
        (TRACES, {"otlp": "http://jaeger:4318/v1/traces"}),
        (LOKI | OTLP | {"OTEL_SDK_DISABLED": "true"}, {"loki": "http://loki:3100"}),
        (OTLP | TRACES | {"OTEL_TRACES_EXPORTER": "none"}, {}),
    ],
)
def test_a_receiver_is_wanted_if_its_address_is_set_and_nothing_switches_it_off(
    environment: dict[str, str], receivers: dict[str, str]
) -> None:
    assert wanted(**environment) == receivers


def test_every_receiver_has_a_name_of_its_own_and_makes_itself_under_that_name() -> None:
    environment = LOKI | OTLP
    receivers = wanted_receivers(read_settings(environment), environment)
    assert [receiver.prepare()("box").name for receiver in receivers] == [receiver.name for receiver in receivers]
    assert len({receiver.name for receiver in receivers}) == len(receivers)
