"""``ship status`` and ``journal check`` name the receivers that the recorder itself ships to."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.kept import chat, keep
from tests.journal.given import open_journal

BASE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://tempo:4318"}
TRACES = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://jaeger:4318/in"}
Run = Callable[..., Result]


@pytest.mark.parametrize(
    ("environment", "receivers"),
    [
        ({}, {}),
        (BASE, {"otlp": "http://tempo:4318"}),
        (BASE | TRACES, {"otlp": "http://jaeger:4318/in"}),
        (BASE | {"OTEL_SDK_DISABLED": "true"}, {}),
        (BASE | {"OTEL_TRACES_EXPORTER": "none"}, {}),
        # The recorder does not start with it, and still nothing hides what has to be mended.
        (BASE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {"otlp": "http://tempo:4318"}),
        ({"LOKI_URL": "http://loki:3100"}, {"loki": "http://loki:3100"}),
    ],
)
def test_a_receiver_that_is_off_is_not_listed_and_the_traces_own_address_goes_first(
    environment: dict[str, str],
    receivers: dict[str, str],
    run: Run,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    keep(folder, chat(1), chat(2))
    status: dict[str, Any] = json.loads(run("ship", "status", "--json").stdout)
    assert {name: receiver["address"] for name, receiver in status["receivers"].items()} == receivers
    assert {receiver["waiting"] for receiver in status["receivers"].values()} <= {2}
    check: dict[str, Any] = json.loads(run("journal", "check", "--json").stdout)
    assert check["lag"] == dict.fromkeys(receivers, 2)


def test_a_receiver_that_is_not_wanted_any_more_keeps_its_place(run: Run, folder: Path) -> None:
    with open_journal(folder, receivers=["otlp"]) as journal:
        journal.write([chat(1), chat(2)])
        journal.move_cursor("otlp", 1)
    status: dict[str, Any] = json.loads(run("ship", "status", "--json").stdout)
    assert status["receivers"] == {"otlp": {"address": "not set", "has": 1, "waiting": 1}}


def test_a_clock_cannot_be_trusted_for_a_journal_that_is_not_there(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "nowhere"))
    told = run("journal", "trust-clock")
    assert told.exit_code == 1
    assert "There is no journal in DATA_DIR=" in told.stderr
