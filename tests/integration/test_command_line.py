"""The command as users start it: what it says, how it ends, and what it tells of a recorder that runs."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.journal.folder import JOURNAL
from tests.integration.watching import call, records, spoken
from tests.servers.process import RunningServer, free_port
from tests.servers.recorder import PROJECT

pytestmark = pytest.mark.long

StartRecorder = Callable[..., RunningServer]
SECONDS = 30
NOBODY = "http://127.0.0.1:1"


def command(*words: str, folder: Path | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
    """``ollama-recorder`` with these words and nothing of this process's settings."""
    settings = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(PROJECT), **environment}
    if folder is not None:
        settings["DATA_DIR"] = str(folder / "data")
    return subprocess.run(
        [sys.executable, "-m", "service", *words],
        env=settings,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@contextlib.contextmanager
def listening() -> Iterator[int]:
    """A port that is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_all_mistakes_in_the_settings_are_named_at_once(tmp_path: Path) -> None:
    done = command(
        "serve",
        folder=tmp_path,
        OLLAMA_URL="localhost:11434",
        OLLAMA_TIMEOUT="soon",
        LISTEN="8080",
        KEEP_BODY_BYTES="-1",
        CORS_ORIGINS="*",
        LOKI_PASSWORD="hunter2",
        LOKI_URL="ftp://loki",
        API_KEYS_FILE=str(tmp_path / "absent"),
    )
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    for mistake in ("OLLAMA_URL='localhost:11434'", "OLLAMA_TIMEOUT='soon'", "LISTEN='8080'", "KEEP_BODY_BYTES='-1'"):
        assert [line for line in lines if line.startswith(f"{mistake}: expected ")]
    assert {"CORS_ORIGINS", "LOKI_URL"} <= {line.partition("=")[0] for line in lines}
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_mistakes_outside_the_table_stop_the_start_as_well(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("n8n not-a-hash\n\n# nobody\nx y z\n")
    done = command("serve", folder=tmp_path, API_KEYS_FILE=str(keys))
    assert done.returncode == 2
    assert "API_KEYS_FILE" in done.stderr
    assert "line 1" in done.stderr
    assert "line 4" in done.stderr
    done = command("serve", folder=tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=NOBODY, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert done.returncode == 2
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" in done.stderr


def test_a_port_that_is_taken_is_said_in_one_sentence(tmp_path: Path) -> None:
    with listening() as port:
        done = command("serve", folder=tmp_path, LISTEN=f"127.0.0.1:{port}")
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert f"127.0.0.1:{port}" in sentence
    assert "LISTEN" in sentence
    # It leaves its journal in order.
    assert command("journal", "check", folder=tmp_path).returncode == 0


def test_an_address_that_is_not_ours_is_said_in_one_sentence(tmp_path: Path) -> None:
    done = command("serve", folder=tmp_path, LISTEN="192.0.2.1:8080")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "192.0.2.1:8080" in done.stderr


def test_a_second_recorder_on_the_same_journal_is_refused(start_recorder: StartRecorder, tmp_path: Path) -> None:
    first = start_recorder(ready="/healthz", OLLAMA_URL=NOBODY)
    folder = first.log.parent
    second = command("serve", folder=folder, LISTEN=f"127.0.0.1:{free_port()}", OLLAMA_URL=NOBODY)
    assert second.returncode == 1
    assert str(folder / "data") in second.stderr
    assert "Traceback" not in second.stderr
    # The first one is none the worse for it.
    assert call(first, "/api/ollama/api/tags").status == 502
    assert len(records(folder, 1)) == 1


def test_a_data_dir_that_is_a_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("I am no folder\n")
    for words in (("serve",), ("journal", "check"), ("ship", "status")):
        done = command(*words, folder=tmp_path, LISTEN=f"127.0.0.1:{free_port()}")
        assert (words, done.returncode) == (words, 1)
        assert str(tmp_path / "data") in done.stderr
        assert "Traceback" not in done.stderr


def test_health_tells_alive_from_dead(start_recorder: StartRecorder) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL=NOBODY)
    listen = f"127.0.0.1:{recorder.port}"
    # Alive without Ollama: a health check that fails then would have the recorder started again for nothing.
    alive = command("health", LISTEN=listen)
    assert (alive.returncode, alive.stdout, alive.stderr) == (0, "ready\n", "")
    assert command("health", "--url", recorder.url).returncode == 0
    assert command("health", LISTEN=f"0.0.0.0:{recorder.port}").returncode == 0
    readiness = call(recorder, "/readyz")
    assert readiness.status == 503
    recorder.stop()
    dead = command("health", LISTEN=listen)
    assert dead.returncode == 1
    assert f"http://{listen}/readyz" in dead.stderr
    assert "Traceback" not in dead.stderr


def test_journal_check_and_ship_status_answer_while_the_recorder_runs(start_recorder: StartRecorder) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL=NOBODY, LOKI_URL=NOBODY)
    folder = recorder.log.parent
    for _ in range(3):
        call(recorder, "/api/ollama/api/tags")
    records(folder, 3)
    checked = command("journal", "check", "--json", folder=folder)
    assert checked.returncode == 0
    report = json.loads(checked.stdout)
    assert report["records"] == report["newest_number"] == 3
    assert report["problems"] == []
    assert "records: 3" in command("journal", "check", folder=folder).stdout
    status = json.loads(command("ship", "status", "--json", folder=folder, LOKI_URL=NOBODY).stdout)
    assert status["newest"] == 3
    assert status["receivers"]["loki"] == {"address": NOBODY, "has": 0, "waiting": 3}
    assert status["parked"] == []
    assert "loki" in command("ship", "status", folder=folder, LOKI_URL=NOBODY).stdout


def test_journal_check_finds_a_damaged_file(start_recorder: StartRecorder) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL=NOBODY)
    folder = recorder.log.parent
    for _ in range(50):
        call(recorder, "/api/ollama/api/tags", {"filler": "x" * 4000}, method="GET")
    records(folder, 50)
    recorder.stop()
    journal = folder / "data" / JOURNAL
    damaged = bytearray(journal.read_bytes())
    damaged[40_000:80_000] = b"\xa5" * 40_000
    journal.write_bytes(damaged)
    done = command("journal", "check", folder=folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_it_stops_in_order_and_says_so_in_json(start_recorder: StartRecorder) -> None:
    recorder = start_recorder(ready="/healthz", OLLAMA_URL=NOBODY)
    began = time.monotonic()
    assert recorder.stop() == 0
    assert time.monotonic() - began < 5
    said: list[dict[str, Any]] = spoken(recorder)
    assert [line["event"] for line in said] == ["RecorderStarted", "RecorderStopped"]
    assert said[0]["listen"] == recorder.url
    mode = {path.name: oct(path.stat().st_mode & 0o777) for path in (recorder.log.parent / "data").iterdir()}
    assert set(mode.values()) == {"0o600"}
    assert oct((recorder.log.parent / "data").stat().st_mode & 0o777) == "0o700"
