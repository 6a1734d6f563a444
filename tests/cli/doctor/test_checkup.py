"""The command: all findings, and an exit code that says whether something has to be done."""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor import checkup, machine
from service.journal.folder import take_lock
from tests.cli.conftest import Run
from tests.cli.doctor.given_traffic import call, happened
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


def test_everything_broken_at_once_is_told_in_sentences_and_soon(
    run: Run, folder: Path, answers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_bytes(b"no folder")
    loki = answers({"/ready": b"ready", "/loki/api/v1/query_range": b"\xff<html>"})
    monkeypatch.setenv("LOKI_URL", loki.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        # It takes connections and says nothing.
        monkeypatch.setenv("OLLAMA_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        done = run("doctor", "--json")
        assert time.monotonic() - began < 20
    report = json.loads(done.stdout)
    said = {finding["about"]: finding["text"] for finding in report["findings"] if finding["state"] == "problem"}
    assert done.exit_code == 1
    assert {"Ollama", "recorder", "journal", "OTLP"} <= set(said)
    assert "no answer in time" in said["Ollama"]
    assert "is no folder" in said["journal"]
    assert not any("report this" in finding["advice"] for finding in report["findings"])


def test_who_answers_drop_by_drop_does_not_hold_the_others_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_MOST_SECONDS", 0.5)
    is_over = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not is_over.wait(0.05):
                connection.sendall(b".")

    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("OLLAMA_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            done = run("doctor", "--json")
        finally:
            is_over.set()
            dripping.join()
    problems = [finding for finding in json.loads(done.stdout)["findings"] if finding["state"] == "problem"]
    assert any(one["about"] == "Ollama" and "took more than" in one["text"] for one in problems)
    assert any(one["about"] == "recorder" for one in problems)


def test_what_this_user_may_not_read_is_told_with_whom_to_be(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(folder, chat(1))

    monkeypatch.setattr(os, "access", lambda path, mode: False)
    findings = json.loads(run("doctor", "--json").stdout)["findings"]
    (told,) = [finding for finding in findings if str(folder) in finding["text"] and finding["about"] == "journal"]
    assert "the recorder's own user" in told["advice"]


def test_a_problem_says_where_to_read_on_and_advice_is_no_failure(
    run: Run, folder: Path, answers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answers(
        {
            "/api/version": {"version": "0.17.4"},
            "/api/tags": {"models": [{"name": "tiny"}]},
            "/healthz": b"ok",
        }
    )
    monkeypatch.setenv("OLLAMA_URL", server.url)
    happened(folder, [call(1, done_reason="length"), call(2, ago=3 * 86_400, prompt_truncated=True)])
    take_lock(folder)
    advised = run("doctor", "--url", server.url)
    assert advised.exit_code == 0, advised.stdout
    assert "! answers" in advised.stdout
    assert "ollama-recorder docs troubleshooting#the-json-is-cut-the-answer-stops-in-the-middle" in advised.stdout
    report = json.loads(run("doctor", "--url", server.url, "--since", "7d", "--json").stdout)
    (cut,) = [finding for finding in report["findings"] if finding["state"] == "problem"]
    assert cut["see"] == "ollama-recorder docs troubleshooting#the-prompt-is-cut-the-model-forgets-the-beginning"


@pytest.mark.parametrize("since", ["", "soon", "0", "-", "d", "nan", "1e9", "99999d", "\x1b[2J"])
def test_a_time_that_is_none_is_a_usage_error(since: str, run: Run) -> None:
    done = run("doctor", "--since", since)
    assert (done.exit_code, "expected is a duration" in done.stderr) == (2, True)
