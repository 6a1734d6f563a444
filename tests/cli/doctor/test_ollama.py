"""What can be wrong with Ollama, and what is said to do."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor import ollama
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.ollama import listening_addresses, look_at_ollama
from service.settings import Settings
from tests.cli.answering import Answering, Said
from tests.servers.ollama import Ollama

WELL: dict[str, Any] = {"/api/version": {"version": "0.17.4"}, "/api/tags": {"models": [{"name": "tiny:latest"}]}}
Make = Callable[..., Any]


def problems(found: list[CheckResult]) -> list[CheckResult]:
    return [finding for finding in found if finding.state is Severity.PROBLEM]


def test_a_real_ollama_is_well(ollama: Ollama, settings: Callable[..., Settings]) -> None:
    found = look_at_ollama(settings(OLLAMA_URL=ollama.url))
    assert not problems(found)
    said = " ".join(finding.text for finding in found)
    assert "tiny" in said
    assert "127.0.0.1 only" in said
    assert "The same as Ollama's" in said


def test_one_that_does_not_run_is_said_with_how_to_start_it(
    settings: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ollama, "_CONTAINER_MARKS", (tmp_path / "absent",))
    (found,) = look_at_ollama(settings(OLLAMA_URL="http://127.0.0.1:1"))
    assert (found.state, "Connection refused" in found.text, "ollama serve" in found.advice) == (
        Severity.PROBLEM,
        True,
        True,
    )
    monkeypatch.setattr(ollama, "_CONTAINER_MARKS", (tmp_path,))
    (found,) = look_at_ollama(settings(OLLAMA_URL="http://localhost:1"))
    assert "host.docker.internal" in found.advice
    (found,) = look_at_ollama(settings(OLLAMA_URL="http://127.0.0.1.invalid:11434"))
    assert "OLLAMA_HOST=0.0.0.0:11434" in found.advice


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Said(b"", 403), "OLLAMA_HOST"),
        (Said(b"<html>", 200), "OLLAMA_URL"),
        (Said([1], 200), "OLLAMA_URL"),
        (Said({"error": "no"}, 404), "OLLAMA_URL"),
        (Said(b"[" * 100_000, 200), "OLLAMA_URL"),
    ],
)
def test_what_is_no_ollama_or_refuses_us_is_told_apart(answer: Said, words: str, settings: Make, answers: Make) -> None:
    (found,) = look_at_ollama(settings(OLLAMA_URL=answers({"/api/version": answer}).url))
    assert (found.state, words in found.advice) == (Severity.PROBLEM, True)


def test_no_models_and_small_contexts_are_told(settings: Make, answers: Make) -> None:
    empty = look_at_ollama(settings(OLLAMA_URL=answers(WELL | {"/api/tags": {"models": []}}).url))
    assert [finding.advice for finding in problems(empty)] == ["Fetch one: ollama pull llama3.2"]
    loaded = {"models": [{"name": "tiny", "context_length": 4096}, {"name": "big", "context_length": 32768}, 5]}
    found = look_at_ollama(settings(OLLAMA_URL=answers(WELL | {"/api/ps": loaded}).url))
    (small,) = [finding for finding in found if finding.about == "context"]
    assert (small.state, "tiny runs with 4,096 tokens" in small.text) == (Severity.NOTE, True)


def test_a_clock_that_is_apart_is_told(settings: Make, answers: Make) -> None:
    server: Answering = answers(WELL, date="Sat, 01 Jan 2000 00:00:00 GMT")
    (clock,) = problems(look_at_ollama(settings(OLLAMA_URL=server.url)))
    assert "NTP" in clock.advice


def test_where_somebody_listens_is_read_from_the_kernels_tables(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("::", 0), family=socket.AF_INET6) as other,
    ):
        assert listening_addresses(one.getsockname()[1]) == ["127.0.0.1"]
        assert listening_addresses(other.getsockname()[1]) == ["::"]
    assert listening_addresses(1, [tmp_path / "absent"]) == []
