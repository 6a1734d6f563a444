"""``make demo``, as its user sees it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.servers.process import running

PROJECT = Path(__file__).parents[2]


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_there_is_a_day_to_look_at_and_more_comes(tmp_path: Path) -> None:
    def command(port: int) -> list[str | Path]:
        return ["env", f"LISTEN=127.0.0.1:{port}", "DEMO_PAUSE=0.2", sys.executable, "-m", "examples.demo"]

    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path)}
    with running(command, folder=tmp_path, ready="/readyz", environment=environment) as server:
        until = time.monotonic() + 20
        while (count := ask(f"{server.url}/timeline.json")["count"]) < 410:
            assert time.monotonic() < until, count
            time.sleep(0.1)
        assert "Open http://localhost:" in server.log_text()
        found = ask(f"{server.url}/exchanges.json?workflow=Invoice+triage&node=Classify&slower=20")["exchanges"]
        assert "park" in found[0]["prompt"]
        assert ask(f"{server.url}/exchanges/{found[0]['exchange']}.json")["explanation"]["sentence"]
        assert ask(f"{server.url}/stats.json?by=workflow")["groups"][0]["calls"] > 50
        assert server.stop() == 0
    assert not list(tmp_path.glob("ollama-recorder-demo-*"))


def test_a_wrong_setting_is_told_in_its_words(tmp_path: Path) -> None:
    environment = {**os.environ, "LISTEN": "nowhere", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "LISTEN='nowhere'" in done.stderr
