"""``make demo``, as its user sees it."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.servers.process import running

PROJECT = Path(__file__).parents[2]


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def first_call(url: str, *, is_streamed: bool) -> list[Any]:
    """The lines of what is answered to the README's call."""
    found = re.search(r"curl http://localhost:8080(/\S+) -d '([^']+)'", (PROJECT / "README.md").read_text())
    assert found is not None
    body = json.dumps(json.loads(found[2]) | {"stream": is_streamed}).encode()
    with urllib.request.urlopen(f"{url}{found[1]}", body, timeout=20) as answer:
        return [json.loads(line) for line in answer]


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
        for streamed in (False, True):
            told = first_call(server.url, is_streamed=streamed)
            assert "Docker" in "".join(line["response"] for line in told)
            assert (told[-1]["done"], told[-1]["model"]) == (True, "llama3.2")
        assert server.stop() == 0
    assert not list(tmp_path.glob("ollama-recorder-demo-*"))


@pytest.mark.long
def test_another_model_answers_in_its_own_words_and_an_unknown_one_is_not_found(tmp_path: Path) -> None:
    def command(port: int) -> list[str | Path]:
        return ["env", f"LISTEN=127.0.0.1:{port}", "DEMO_PAUSE=100000", sys.executable, "-m", "examples.demo"]

    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path)}
    with running(command, folder=tmp_path, ready="/readyz", environment=environment) as server:
        until = time.monotonic() + 20
        while not (found := ask(f"{server.url}/exchanges.json?node=Summarise&to=-1m")["exchanges"]):
            assert time.monotonic() < until
            time.sleep(0.1)
        answers = {}
        for model in ("llama3.1:8b", "mistral:7b"):
            again = urllib.request.Request(
                f"{server.url}/exchanges/{found[0]['exchange']}/replay",
                json.dumps({"model": model, "stream": True}).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(again, timeout=30) as answer:
                lines = [json.loads(line) for line in answer]
            assert {line["model"] for line in lines} == {model}
            answers[model] = "".join(line["message"]["content"] for line in lines)
        assert "4711" in answers["llama3.1:8b"]
        assert "4711" not in answers["mistral:7b"]
        once = json.dumps(
            {"model": "mistral:7b", "stream": False, "messages": [{"role": "user", "content": "Explique Docker"}]}
        ).encode()
        with urllib.request.urlopen(f"{server.url}/api/ollama/api/chat", once, timeout=30) as answer:
            whole = json.load(answer)
        assert (whole["done"], whole["message"]["content"][:6], whole["eval_count"] > 5) == (True, "Docker", True)
        unknown = urllib.request.Request(
            f"{server.url}/api/ollama/api/chat", b'{"model": "x", "messages": [{"content": ""}]}'
        )
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            urllib.request.urlopen(unknown, timeout=20)
        assert json.load(refused.value) == {"error": "model 'x' not found"}
        refused.value.close()


@pytest.mark.long
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
