"""The description for programs is true: schemathesis makes requests from it, and looks whether the answers fit."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.journals import make_journal
from tests.servers.ollama import Ollama
from tests.servers.process import RunningServer

# What only ends when its reader goes, and what changes what the next request finds.
LEFT_OUT = ["/live", "/exchanges/{id}/replay", "/replays.json"]


@pytest.mark.long
def test_answers_are_as_the_description_says(
    ollama: Ollama, start_recorder: Callable[..., RunningServer], tmp_path: Path
) -> None:
    make_journal(tmp_path / "recorder" / "data", 300)
    server = start_recorder(OLLAMA_URL=ollama.url)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"]
    command += ["--max-examples=25", "--workers=1", "--request-timeout=20", "--seed=1", "--suppress-health-check=all"]
    command += ["--phases=examples,coverage,fuzzing", "--max-time=40"]
    # Not "every valid request is accepted": what a search or a point in time may be, a schema cannot say.
    command += ["--checks=not_a_server_error,status_code_conformance,content_type_conformance"]
    command[-1] += ",response_schema_conformance,unsupported_method,use_after_free"
    for path in LEFT_OUT:
        command += ["--exclude-path", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
