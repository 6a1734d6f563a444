"""The command: all findings, and an exit code that says whether something has to be done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor import machine
from tests.cli.conftest import Run
from tests.cli.kept import HOSTILE, chat, keep
from tests.servers.process import RunningServer


def test_all_is_well_when_all_is_well(
    run: Run, answers: Callable[..., Any], start_recorder: Callable[..., RunningServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    ollama = answers({"/api/version": {"version": "0.17.4"}, "/api/tags": {"models": [{"name": "tiny"}]}})
    recorder = start_recorder(OLLAMA_URL=ollama.url)
    monkeypatch.setenv("DATA_DIR", str(recorder.log.parent / "data"))
    monkeypatch.setenv("LISTEN", f"127.0.0.1:{recorder.port}")
    monkeypatch.setenv("OLLAMA_URL", ollama.url)
    done = run("doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["well"]) == (0, True), done.stdout
    assert {"Ollama", "models", "recorder", "disk", "journal", "receivers", "versions"} <= {
        finding["about"] for finding in report["findings"]
    }
    assert "✗" not in run("doctor").stdout


def test_what_has_to_be_done_is_said_and_is_exit_code_1(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_URL", "http://127.0.0.1:1")
    keep(folder, chat(1))
    done = run("doctor")
    assert done.exit_code == 1
    assert "✗ Ollama" in done.stdout
    assert "→ " in done.stdout
    assert not json.loads(run("doctor", "--json").stdout)["well"]


def test_one_look_that_fails_hides_nothing_of_the_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("unheard of")

    monkeypatch.setattr(machine, "look_at_machine", fail)
    done = run("doctor")
    assert done.exit_code == 1
    assert "unheard of" in done.stdout
    assert "recorder" in done.stdout


def test_what_others_answer_is_text(run: Run, answers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = {"/api/version": {"version": HOSTILE}, "/api/tags": {"models": [{"name": HOSTILE}]}}
    monkeypatch.setenv("OLLAMA_URL", answers(hostile).url)
    assert all(line.isprintable() for line in run("doctor").stdout.splitlines())
