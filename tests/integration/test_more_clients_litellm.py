"""LiteLLM's real proxy in front of the recorder and behind it, with the configuration of docs/clients.md."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.clients.page import shown
from tests.integration.watching import call, records
from tests.servers.ollama import MODEL, Ollama
from tests.servers.process import RunningServer, require, running
from tests.servers.recorder import running_recorder

KEY = "sk-" + os.urandom(24).hex()  # it refuses keys that could be guessed
SAID = {"Authorization": f"Bearer {KEY}"}
MESSAGES = [{"role": "user", "content": "Bonjour"}]

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def front(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The recorder that LiteLLM calls."""
    with running_recorder(tmp_path_factory.mktemp("front"), OLLAMA_URL=ollama.url) as recorder:
        yield recorder


@pytest.fixture(scope="module")
def litellm(front: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    program = require("clients", "run make servers") / "bin" / "litellm"
    folder = tmp_path_factory.mktemp("litellm")
    configuration = folder / "config.yaml"
    configuration.write_text(shown("LiteLLM", "yaml", f"{front.url}/api/ollama", MODEL))
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches a list of prices
        "LITELLM_MASTER_KEY": KEY,
    }

    def command(port: int) -> list[str | Path]:
        options = ("--config", configuration, "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False")
        return [program, *options]

    with running(command, folder=folder, ready="/health/liveliness", environment=environment, seconds=120) as server:
        yield server


def kept_of(recorder: RunningServer, exchange: str | None = None) -> dict[str, Any]:
    """The record of ``exchange``, without one the newest with a model's answer."""
    lines: list[dict[str, Any]] = [json.loads(kept.row.line) for kept in records(recorder.log.parent, 1)]
    if exchange is None:
        return [line for line in lines if line["operation"] == "chat"][-1]
    return next(line for line in lines if line["exchange"] == exchange)


@pytest.mark.parametrize(
    ("model", "path", "api"),
    [(MODEL, "/api/chat", "ollama"), (f"{MODEL}-openai", "/v1/chat/completions", "openai")],
)
@pytest.mark.parametrize("stream", [False, True])
def test_in_front_its_calls_are_recorded(
    model: str, path: str, api: str, stream: bool, front: RunningServer, litellm: RunningServer
) -> None:
    body = {"model": model, "messages": MESSAGES, "max_tokens": 8, "stream": stream}
    answer = call(litellm, "/v1/chat/completions", body, headers=SAID)
    assert answer.status == 200
    record = kept_of(front)
    assert record["request_uri"] == f"/api/ollama/~LiteLLM{path}"
    assert (record["caller"], record["api"], record["model"], record["stream"]) == ("LiteLLM", api, MODEL, stream)
    assert record["completion_tokens"] == 8
    assert KEY not in json.dumps(record)
    if not stream:
        assert answer.json()["choices"][0]["message"]["content"].strip() == record["response_text"].strip()


def test_behind_its_openai_and_anthropic_routes_are_recorded_and_ollamas_are_not_there(
    litellm: RunningServer, tmp_path: Path
) -> None:
    with running_recorder(tmp_path, OLLAMA_URL=litellm.url) as recorder:
        asked = {"model": MODEL, "messages": MESSAGES, "max_tokens": 8}
        streamed = {**asked, "stream": True, "stream_options": {"include_usage": True}}
        for path, body, api in (
            ("/v1/chat/completions", asked, "openai"),
            ("/v1/chat/completions", streamed, "openai"),
            ("/v1/messages", asked, "anthropic"),
        ):
            answer = call(recorder, f"/api/ollama{path}", body, headers=SAID)
            assert answer.status == 200
            record = kept_of(recorder, answer.exchange)
            assert (record["api"], record["model"], record["completion_tokens"]) == (api, MODEL, 8)
            assert KEY not in json.dumps(record)
        assert call(recorder, "/api/ollama/v1/models", headers=SAID).status == 200
        absent = call(recorder, "/api/ollama/api/tags", headers=SAID)
        assert (absent.status, kept_of(recorder, absent.exchange)["failed"]) == (404, True)
