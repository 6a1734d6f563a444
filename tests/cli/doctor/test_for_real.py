"""In front of the real Ollama and Loki: nothing is found when all is well, then each fault of callers."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from service.cli.doctor import loki_content
from service.cli.doctor.chapters import Chapter
from tests.cli.conftest import Run
from tests.journal.given import wait_until
from tests.servers.loki import Loki
from tests.servers.ollama import Ollama
from tests.servers.process import RunningServer

LONG_TEXT = {"type": "object", "properties": {"text": {"type": "string", "minLength": 99}}, "required": ["text"]}
# What each caller sends wrong: (path, request, headers, what doctor must find)
FAULTS: tuple[tuple[str, Any, dict[str, str], Chapter], ...] = (
    ("/api/chat", {"model": "llama9", "messages": []}, {}, Chapter.NO_MODEL),
    ("/api/pull", {"model": "llama3.2"}, {}, Chapter.MANAGEMENT),
    ("/chat", {"model": "tiny"}, {}, Chapter.WRONG_ADDRESS),
    ("/api/tags", {}, {}, Chapter.WRONG_ADDRESS),
    ("/api/chat", {"model": "tiny", "messages": []}, {"Host": "llm.example.org"}, Chapter.HOST_NAME),
    ("/api/chat", {"model": "tiny", "messages": []}, {"Origin": "https://app.example.org"}, Chapter.ORIGIN),
    (
        "/api/generate",
        {"model": "tiny", "prompt": "word " * 300, "stream": False, "options": {"num_ctx": 64, "num_predict": 5}},
        {},
        Chapter.CUT_PROMPT,
    ),
    (
        "/api/generate",
        {"model": "tiny", "prompt": "List", "stream": False, "format": LONG_TEXT, "options": {"num_predict": 8}},
        {},
        Chapter.CUT_ANSWER,
    ),
    (
        "/api/generate",
        {"model": "tiny", "prompt": "Why?", "options": {"num_predict": 3}},
        {"User-Agent": "n8n"},
        Chapter.MANY_OBJECTS,
    ),
)


def send(recorder: RunningServer, path: str, body: Any, headers: dict[str, str]) -> int:
    request = urllib.request.Request(
        f"{recorder.url}/api/ollama{path}", json.dumps(body).encode(), {"Content-Type": "application/json"} | headers
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def look(run: Run) -> tuple[int, list[dict[str, Any]]]:
    done = run("doctor", "--json")
    findings = json.loads(done.stdout)["findings"]
    return done.exit_code, [finding for finding in findings if finding["state"] in ("advice", "problem")]


@pytest.fixture
def watched(
    run: Run,
    ollama: Ollama,
    loki: Loki,
    start_recorder: Callable[..., RunningServer],
    monkeypatch: pytest.MonkeyPatch,
) -> RunningServer:
    """A recorder with everything, and the settings of it in this process."""
    environment = {"OLLAMA_URL": ollama.url, "LOKI_URL": loki.url, "RETENTION_GB": "0.01"}
    recorder = start_recorder(**environment)
    known = {"DATA_DIR": str(recorder.log.parent / "data"), "LISTEN": f"127.0.0.1:{recorder.port}"}
    for name, value in (environment | known).items():
        monkeypatch.setenv(name, value)
    return recorder


def test_a_healthy_set_up_gives_no_finding_and_each_fault_gives_its_own(
    watched: RunningServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A real Loki finds at once what it took.
    monkeypatch.setattr(loki_content, "_SETTLED_SECONDS", 0.0)
    well = {"model": "tiny", "prompt": "Why?", "stream": False, "options": {"num_predict": 5}}
    assert [send(watched, "/api/generate", well, {}) for _ in range(5)] == [200] * 5
    wait_until(lambda: "It gives back the newest record that it took." in run("doctor").stdout)
    assert look(run) == (0, [])

    for path, body, headers, _ in FAULTS:
        send(watched, path, body, headers)
    wait_until(lambda: "It has everything." in run("doctor").stdout)
    exit_code, found = look(run)
    assert exit_code == 1
    assert {finding["entry"] for finding in found} == {entry.value for _, _, _, entry in FAULTS}
    assert all(finding["advice"] and finding["see"] for finding in found)
