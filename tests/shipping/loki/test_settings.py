"""Loki's address and login, made once of the settings."""

import pytest

from service.settings import read_settings
from service.shipping.loki.settings import LokiSettings, login_headers, read_loki_settings


def read(**variables: str) -> LokiSettings:
    loki = read_loki_settings(read_settings({"LOKI_URL": "http://loki:3100", **variables}))
    assert loki is not None
    return loki


def test_without_an_address_there_are_none() -> None:
    assert read_loki_settings(read_settings({"LOKI_TENANT": "team-a"})) is None


@pytest.mark.parametrize(
    ("variables", "headers"),
    [
        ({}, {}),
        ({"LOKI_TENANT": "team-a"}, {"X-Scope-OrgID": "team-a"}),
        ({"LOKI_TOKEN": "t0k"}, {"Authorization": "Bearer t0k"}),
        ({"LOKI_USERNAME": "u", "LOKI_PASSWORD": "p\u00e4ssword"}, {"Authorization": "Basic dTpww6Rzc3dvcmQ="}),
    ],
)
def test_tenant_and_login_are_headers(variables: dict[str, str], headers: dict[str, str]) -> None:
    assert read(**variables).headers == headers


def test_a_login_never_shows() -> None:
    assert "hunter2" not in repr(read(LOKI_TOKEN="hunter2"))
    assert login_headers(username="u", password="")["Authorization"] == "Basic dTo="


@pytest.mark.parametrize("behind", ["", "/", "/loki/api/v1/push"])
def test_the_base_address_has_no_push_behind_it(behind: str) -> None:
    assert read(LOKI_URL="https://host/prefix" + behind).base == "https://host/prefix"


def test_spans_go_there_unless_that_is_switched_off() -> None:
    assert read().with_spans
    assert not read(LOKI_SPANS="false").with_spans
