"""``ship again``: what was parked, or what a filter selects, once more to one receiver."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.cli.answering import Said
from tests.cli.kept import chat, keep
from tests.journal.given import open_journal

Make = Callable[..., Any]
Run = Callable[..., Result]
TRACES = "/v1/traces"


@pytest.fixture
def otlp(answers: Make, monkeypatch: pytest.MonkeyPatch) -> Any:
    server = answers({TRACES: b""})
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
    return server


def test_a_span_of_time_is_sent_once_more(run: Run, folder: Path, otlp: Any) -> None:
    keep(folder, chat(1), chat(2), chat(3))
    done = run("ship", "again", "--from", "2020-01-01", "--receiver", "otlp", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) | {"selected": 3, "taken": 3, "receiver": "otlp"} == json.loads(done.stdout)
    assert [asked.target for asked in otlp.asked] == [TRACES]


def test_what_was_parked_is_sent_once_more_and_nothing_else(run: Run, folder: Path, otlp: Any) -> None:
    with open_journal(folder, receivers=["otlp"]) as journal:
        journal.write([chat(1), chat(2), chat(3)])
        journal.park("otlp", 2, "http_422", "HTTP 422")
    done = run("ship", "again", "--parked")
    assert done.exit_code == 0, done.output
    assert "OTLP took 1 of 1 records." in done.stdout
    assert len(otlp.asked) == 1


def test_where_nothing_is_parked_or_matches_that_is_told(run: Run, folder: Path, otlp: Any) -> None:
    keep(folder, chat(1))
    for words, told in ((("--parked",), "Nothing is parked for OTLP."), (("--model", "gone"), "Nothing matches.")):
        done = run("ship", "again", *words)
        assert (done.exit_code, done.stdout.strip()) == (0, told)
    assert otlp.asked == []


def test_it_has_to_be_told_what_and_to_whom(run: Run, folder: Path, otlp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(folder, chat(1))
    for arguments, words in (
        ((), "--parked"),
        (("--from", "yesterday-ish"), "from"),
        (("--parked", "--receiver", "tempo"), "there is no such receiver"),
    ):
        told = run("ship", "again", *arguments)
        assert told.exit_code == 2
        assert words in told.output
    monkeypatch.setenv("LOKI_URL", "http://127.0.0.1:1")
    told = run("ship", "again", "--parked")
    assert (told.exit_code, "loki and otlp" in told.output) == (2, True)
    assert otlp.asked == []


def test_without_a_receiver_there_is_nothing_to_do(run: Run, folder: Path) -> None:
    keep(folder, chat(1))
    told = run("ship", "again", "--parked")
    assert (told.exit_code, "Nothing is shipped" in told.output) == (2, True)


def test_a_receiver_that_refuses_is_told_with_where_it_stopped(
    run: Run, folder: Path, answers: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answers({TRACES: Said(b"", 401)})
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
    keep(folder, chat(1), chat(2))
    told = run("ship", "again", "--from", "2020-01-01")
    assert told.exit_code == 1
    assert "Stopped at record 1" in told.output
    assert "OTEL_EXPORTER_OTLP_HEADERS" in told.output
