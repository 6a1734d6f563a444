"""What the model got, looked at in a real Ollama: the text, what was left out, and that nothing changes by looking."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.watching import records
from tests.servers.ollama import MODEL, Ollama
from tests.servers.process import RunningServer
from tests.servers.recorder import running_recorder

SYSTEM = {"role": "system", "content": "Be the brief one."}
TURNS = [
    {"role": role, "content": f"{role} number {number} of the many words"}
    for number in range(12)
    for role in ("user", "assistant")
]
LAST = {"role": "user", "content": "and the last of the words"}


@pytest.fixture(scope="module")
def recorder(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_recorder(tmp_path_factory.mktemp("recorder"), OLLAMA_URL=ollama.url) as server:
        yield server


def post(url: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any], str]:
    """Status, answer and the id of the exchange, if it was one."""
    request = urllib.request.Request(url, b"" if body is None else json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read()), answer.headers.get("X-Exchange-Id", "")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), ""


def chatted(recorder: RunningServer, messages: list[dict[str, Any]], **more: Any) -> str:
    """The id of a chat, when its record is there."""
    asked = {
        "model": MODEL,
        "messages": messages,
        "stream": False,
        "options": {"num_ctx": 128, "num_predict": 2},
    } | more
    status, answer, identifier = post(f"{recorder.url}/api/ollama/api/chat", asked)
    assert (status, answer.get("error")) == (200, None)
    until = time.monotonic() + 20
    while not any(kept.row.id == identifier for kept in records(recorder.log.parent, 1)):
        assert time.monotonic() < until
        time.sleep(0.02)
    return identifier


def rendered(recorder: RunningServer, identifier: str) -> tuple[int, dict[str, Any]]:
    return post(f"{recorder.url}/exchanges/{identifier}/rendered")[:2]


def entries(ollama: Ollama) -> list[dict[str, Any]]:
    """What is loaded of the model; other tests may have loaded others."""
    return [model for model in ollama.ask("/api/ps")["models"] if model["name"] == f"{MODEL}:latest"]


def loaded(ollama: Ollama) -> dict[str, Any]:
    (model,) = entries(ollama)
    return {"context": model["context_length"], "expires": datetime.fromisoformat(model["expires_at"])}


def test_the_messages_that_ollama_left_out_are_named_and_nothing_changes(
    ollama: Ollama, recorder: RunningServer
) -> None:
    identifier = chatted(recorder, [SYSTEM, *TURNS, LAST], keep_alive="77s")
    before, count = loaded(ollama), len(records(recorder.log.parent, 1))
    status, got = rendered(recorder, identifier)
    assert status == 200, got
    left_out = got["left_out"]
    # The oldest, in a row, none of the system's and not the last.
    assert left_out == list(range(1, len(left_out) + 1))
    assert 5 < len(left_out) < len(TURNS)
    kept = [one for at, one in enumerate([SYSTEM, *TURNS, LAST]) if at not in left_out]
    assert got["prompt"] == "".join(f"{one['role']}: {one['content']}\n" for one in kept) + "assistant:"
    assert (got["messages"], got["context_length"]) == (len(TURNS) + 2, 128)
    assert got["whole_characters"] > len(got["prompt"])
    after = loaded(ollama)
    assert after["context"] == before["context"] == 128
    assert abs((after["expires"] - before["expires"]).total_seconds()) < 2
    # A look is no exchange of anybody's.
    assert len(records(recorder.log.parent, 1)) == count


def test_of_a_prompt_that_fitted_nothing_is_left_out(recorder: RunningServer) -> None:
    identifier = chatted(recorder, [SYSTEM, LAST])
    status, got = rendered(recorder, identifier)
    assert (status, got["left_out"], got["messages"]) == (200, [], 2)
    assert got["whole_characters"] == len(got["prompt"])


def test_a_model_that_is_loaded_otherwise_or_not_at_all_is_left_alone(ollama: Ollama, recorder: RunningServer) -> None:
    identifier = chatted(recorder, [SYSTEM, LAST])
    ollama.ask("/api/generate", {"model": MODEL, "options": {"num_ctx": 256}, "keep_alive": "5m"})
    status, got = rendered(recorder, identifier)
    assert status == 409
    assert "room for 256 tokens, and this call asked for 128" in got["error"]
    assert loaded(ollama)["context"] == 256
    ollama.ask("/api/generate", {"model": MODEL, "keep_alive": 0})
    until = time.monotonic() + 20
    while entries(ollama):
        assert time.monotonic() < until
        time.sleep(0.05)
    status, got = rendered(recorder, identifier)
    assert (status, "not loaded" in got["error"]) == (409, True)
    assert entries(ollama) == []


def test_a_model_that_stays_for_ever_still_does(ollama: Ollama, recorder: RunningServer) -> None:
    identifier = chatted(recorder, [SYSTEM, LAST], keep_alive=-1)
    before = loaded(ollama)["expires"]
    assert rendered(recorder, identifier)[0] == 200
    assert abs((loaded(ollama)["expires"] - before).days) < 2
    ollama.ask("/api/generate", {"model": MODEL, "keep_alive": "5m", "options": {"num_ctx": 128}})


def test_what_cannot_be_looked_at_is_told(ollama: Ollama, recorder: RunningServer) -> None:
    asked = {"model": MODEL, "messages": [LAST], "max_tokens": 2}
    identifier = post(f"{recorder.url}/api/ollama/v1/chat/completions", asked)[2]
    assert rendered(recorder, identifier)[0] in (404, 409)
    with_threads = chatted(recorder, [LAST], options={"num_ctx": 128, "num_predict": 2, "num_thread": 1})
    status, got = rendered(recorder, with_threads)
    assert (status, "num_thread" in got["error"]) == (409, True)
    assert rendered(recorder, "0" * 32)[0] == 404


@pytest.mark.long
def test_who_may_not_send_again_may_not_look(ollama: Ollama, tmp_path: Path) -> None:
    with running_recorder(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_REPLAY="false") as recorder:
        identifier = chatted(recorder, [SYSTEM, LAST])
        status, got = rendered(recorder, identifier)
        assert (status, got["setting"]) == (403, "INSPECTOR_REPLAY")
