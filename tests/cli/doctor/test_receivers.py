"""Whether Loki and an OTLP receiver are ready, what waits for them, what they refused."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.receivers import look_at_receivers
from tests.cli.answering import Said
from tests.cli.kept import chat, keep
from tests.journal.given import open_journal
from tests.servers.loki import Loki

Make = Callable[..., Any]


def said(found: list[CheckResult], state: Severity) -> list[str]:
    return [finding.text for finding in found if finding.state is state]


def test_nothing_is_shipped_unless_that_is_set(settings: Make) -> None:
    assert [finding.state for finding in look_at_receivers(settings())] == [Severity.NOTE]


def test_a_real_loki_is_ready(settings: Make, loki: Loki) -> None:
    found = look_at_receivers(settings(LOKI_URL=loki.url))
    assert not said(found, Severity.PROBLEM)
    assert f"Ready at {loki.url}." in said(found, Severity.GOOD)


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (Said(b"Ingester not ready", 503), Severity.PROBLEM, "not ready"),
        (Said(b"", 401), Severity.PROBLEM, "refuses us"),
        (Said(b"", 404), Severity.NOTE, "does not say"),
    ],
)
def test_one_that_is_not_ready_is_told_with_its_reason(
    answer: Said, state: Severity, words: str, settings: Make, answers: Make
) -> None:
    server = answers({"/ready": answer})
    found = look_at_receivers(settings(LOKI_URL=server.url, LOKI_TOKEN="secret"))
    assert any(words in text for text in said(found, state))
    assert server.asked[0].headers["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("switch", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_a_receiver_that_is_off_is_not_looked_at(switch: dict[str, str], settings: Make) -> None:
    (found,) = look_at_receivers(settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"), switch)
    assert (found.state, "switch OTLP off" in found.text) == (Severity.NOTE, True)


def test_the_traces_own_address_is_asked_and_not_the_general_one(settings: Make, answers: Make) -> None:
    server = answers({})
    own = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{server.url}/in"}
    found = look_at_receivers(settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"), own)
    assert not said(found, Severity.PROBLEM)
    assert f"Something listens at {server.url}/in." in said(found, Severity.GOOD)
    general = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1"}
    (away,) = [each for each in look_at_receivers(settings(), general) if each.state is Severity.PROBLEM]
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" in away.advice


def test_settings_with_which_the_recorder_does_not_start_are_a_problem(settings: Make) -> None:
    endpoint = settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    (problem,) = said(look_at_receivers(endpoint, {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}), Severity.PROBLEM)
    assert "OTEL_EXPORTER_OTLP_PROTOCOL='grpc'" in problem


def test_a_push_address_in_loki_url_is_asked_at_its_base(settings: Make, answers: Make) -> None:
    server = answers({"/ready": b"ready"})
    found = look_at_receivers(settings(LOKI_URL=f"{server.url}/loki/api/v1/push"))
    assert f"Ready at {server.url}." in said(found, Severity.GOOD)


def test_those_that_are_away_are_told(settings: Make) -> None:
    found = look_at_receivers(settings(LOKI_URL="http://127.0.0.1:1", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1"))
    assert len(said(found, Severity.PROBLEM)) == 2
    assert all("Connection refused" in text for text in said(found, Severity.PROBLEM))


def test_what_waits_and_what_was_refused_are_told(settings: Make, answers: Make, folder: Path) -> None:
    url = answers({"/ready": b"ready"}).url
    keep(folder, chat(1), chat(2, ended_ns=time.time_ns()), chat(3, ended_ns=time.time_ns()))
    (waiting,) = said(look_at_receivers(settings(LOKI_URL=url)), Severity.PROBLEM)
    assert waiting.startswith("Not delivered yet: 3 records, the oldest for ")
    with open_journal(folder, receivers=["loki"]) as journal:
        journal.move_cursor("loki", 2)
        journal.park("loki", 2, "too old", "entry too far behind \x1b[2J")
    found = look_at_receivers(settings(LOKI_URL=url))
    assert not said(found, Severity.PROBLEM)
    assert "1 record on the way." in said(found, Severity.GOOD)
    assert any("too old" in text for text in said(found, Severity.ADVICE))
    with open_journal(folder, receivers=["loki"]) as journal:
        journal.move_cursor("loki", 3)
    assert "It has everything." in said(look_at_receivers(settings(LOKI_URL=url)), Severity.GOOD)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "requests as they came"),
        ({"OTEL_INSTRUMENTATION_HTTP_CAPTURE_BODY_CONTENT": "false"}, "neither prompts nor answers"),
        ({"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true"}, "prompts and answers"),
    ],
)
def test_what_an_otlp_receiver_gets_of_prompts_is_told(
    variables: dict[str, str], words: str, settings: Make, answers: Make
) -> None:
    given = settings(OTEL_EXPORTER_OTLP_ENDPOINT=answers({}).url, **variables)
    (note,) = [each for each in look_at_receivers(given, variables) if each.text.startswith("Spans carry")]
    assert words in note.text
    assert "OTEL_INSTRUMENTATION_HTTP_CAPTURE_BODY_CONTENT=false" in note.advice


def test_victorialogs_is_told_apart_from_loki(settings: Make, answers: Make, folder: Path) -> None:
    host = {"X-Server-Hostname": "logs"}
    server = answers(
        {"/insert/ready": Said(b"", headers=host), "/insert/loki/api/v1/query_range": Said(b"", 400, host)}
    )
    keep(folder, chat(1))
    found = look_at_receivers(settings(LOKI_URL=f"{server.url}/insert"))
    (note,) = [each for each in found if "VictoriaLogs" in each.text]
    assert note.state is Severity.NOTE
    assert "disableMessageParsing" in note.advice
    assert not [text for text in said(found, Severity.PROBLEM) if "no Loki" in text]


def test_the_receiver_of_metrics_is_looked_at_where_metrics_are_wanted(settings: Make, answers: Make) -> None:
    server = answers({})
    wanted = {"OTEL_METRICS_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{server.url}/v1/metrics"}
    (nothing, metrics) = look_at_receivers(settings(), wanted)
    assert (nothing.state, metrics.about, metrics.state) == (Severity.NOTE, "OTLP metrics", Severity.GOOD)
    away = wanted | {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1/v1/metrics"}
    (problem,) = said(look_at_receivers(settings(), away), Severity.PROBLEM)
    assert "http://127.0.0.1:1/v1/metrics cannot be reached" in problem
    wrong = wanted | {"OTEL_METRIC_EXPORT_INTERVAL": "often"}
    (mistake,) = said(look_at_receivers(settings(), wrong), Severity.PROBLEM)
    assert "OTEL_METRIC_EXPORT_INTERVAL='often'" in mistake
