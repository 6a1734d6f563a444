"""One real Ollama for many: the queue is fair, limits hold, and official clients understand each refusal."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ollama as ollama_python
import pytest

from tests.gateway.harness import RawAnswer, request_bytes, talk
from tests.integration.watching import call, records
from tests.servers.ollama import MODEL, Ollama
from tests.servers.process import RunningServer, require
from tests.servers.recorder import running_recorder

BATCH = 200
LIMITS = """
[workflow."nobody"]
models = ["other"]

[workflow."spent"]
tokens_per_day = 1

[workflow."careful"]
context = "refuse"

[workflow."often"]
requests_per_minute = 1
"""


@dataclass(frozen=True, slots=True)
class Shared:
    """A recorder that shares a real Ollama, and its folder."""

    server: RunningServer
    folder: Path
    limits: Path

    def base(self, workflow: str) -> str:
        return f"http://127.0.0.1:{self.server.port}/api/ollama/~workflow={workflow}"

    def lines(self) -> list[dict[str, Any]]:
        """All records, oldest first."""
        return [json.loads(kept.row.line) for kept in records(self.folder, 0)]


@contextmanager
def shared(ollama: Ollama, folder: Path, **settings: str) -> Iterator[Shared]:
    folder.mkdir(exist_ok=True)
    limits = folder / "limits.toml"
    limits.write_text(LIMITS)
    environment: dict[str, Any] = {"OLLAMA_URL": ollama.url, "LIMITS_FILE": str(limits), **settings}
    with running_recorder(folder, **environment) as server:
        yield Shared(server, folder, limits)


@pytest.fixture(scope="module")
def standing_shared(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with shared(ollama, tmp_path_factory.mktemp("shared"), MAX_ACTIVE="1", QUEUE_LENGTH="300") as found:
        yield found


async def chat(port: int, labels: str, text: str) -> RawAnswer:
    """A small call."""
    body = {"model": MODEL, "stream": False, "messages": [{"role": "user", "content": text}]}
    body["options"] = {"num_predict": 1}
    sent = request_bytes("POST", f"/api/ollama/~{labels}/api/chat", json.dumps(body).encode())
    return await talk(port, sent, within=500)


@pytest.mark.long
@pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it")
async def test_a_person_waits_for_one_call_and_not_for_two_hundred(
    standing_shared: Shared, measured: Callable[[str], None]
) -> None:
    port = standing_shared.server.port
    await chat(port, "user=Warm", "hello")
    began = time.monotonic()
    batch = [asyncio.create_task(chat(port, "workflow=Invoices", f"invoice {number}")) for number in range(BATCH)]

    async def picture() -> dict[str, Any]:
        got = await talk(port, request_bytes("GET", "/queue.json"))
        return dict(json.loads(got.body))

    while (await picture())["waiting_count"] < BATCH // 2:
        await asyncio.sleep(0.01)
    person = asyncio.create_task(chat(port, "user=Ann", "a person"))
    asked = time.monotonic()
    seen = await picture()
    got = await person
    waited = time.monotonic() - asked
    answers = await asyncio.gather(*batch)
    together = time.monotonic() - began
    measured(f"a person waited {waited:.2f} s beside {BATCH} calls, which took {together:.1f} s together")
    assert got.status == 200
    assert {one.status for one in answers} == {200}
    # The queue showed both, unless the person was served before it could be looked at.
    assert {call["caller"] for call in seen["waiting"]} >= {"workflow Invoices"}

    lines = standing_shared.lines()
    (line,) = [one for one in lines if one.get("user") == "Ann"]
    mine = [one for one in lines if one.get("workflow") == "Invoices"]
    assert len(mine) == BATCH
    # Served meanwhile: the call that ran when it came, and one more if that ended just then.
    assert line["queue_behind"].startswith(("workflow Invoices: 1 call,", "workflow Invoices: 2 calls,"))
    assert waited < together / 5


CLIENTS_OF_A_REFUSAL = [("nobody", 403), ("spent", 429)]


@pytest.mark.long  # test_refused_clients.py has the quick one
@pytest.mark.parametrize(("workflow", "status"), CLIENTS_OF_A_REFUSAL)
def test_official_clients_understand_a_refusal(standing_shared: Shared, workflow: str, status: int) -> None:
    base = standing_shared.base(workflow)
    messages: list[Any] = [{"role": "user", "content": "Bonjour"}]
    if workflow == "spent":
        answer = call(
            standing_shared.server, f"/api/ollama/~workflow={workflow}/api/chat", {"model": MODEL, "messages": messages}
        )
        assert answer.status == 200
        time.sleep(0.5)
    words = "may not use the model" if status == 403 else "may use 1 token a day, and has used"
    with ollama_python.Client(host=base) as own, pytest.raises(ollama_python.ResponseError, match=words) as native:
        own.chat(MODEL, messages)
    assert native.value.status_code == status

    import openai  # takes a second: not whenever tests are collected

    expected = openai.PermissionDeniedError if status == 403 else openai.RateLimitError
    with (
        openai.OpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(expected, match=words) as compatible,
    ):
        client.chat.completions.create(model=MODEL, messages=messages)
    assert compatible.value.type in ("permission_error", "rate_limit_error")
    if status == 429:
        assert int(compatible.value.response.headers["Retry-After"]) > 0

    program = """
import sys, anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="none", max_retries=0)
try:
    client.messages.create(model="tiny", max_tokens=4, messages=[{"role": "user", "content": "Bonjour"}])
except anthropic.APIStatusError as error:
    print(type(error).__name__, error.status_code, error.body["error"]["type"], error.body["error"]["message"])
"""
    python = require("clients", "run make servers") / "bin" / "python"
    ran = subprocess.run([python, "-c", program, base], capture_output=True, text=True, check=True, timeout=120)
    kind = "PermissionDeniedError 403 permission_error" if status == 403 else "RateLimitError 429 rate_limit_error"
    assert ran.stdout.startswith(kind)
    assert words in ran.stdout
    refused = [
        line for line in standing_shared.lines() if line["outcome"] == "refused" and line["workflow"] == workflow
    ]
    assert [line["api"] for line in refused] == ["ollama", "openai", "anthropic"]


def test_a_prompt_that_is_too_long_is_refused_with_the_numbers_where_a_rule_asks_for_that(
    standing_shared: Shared,
) -> None:
    body = {
        "model": MODEL,
        "stream": False,
        "options": {"num_ctx": 256, "num_predict": 4},
        "messages": [{"role": "user", "content": "word " * 1500}],
    }
    answer = call(standing_shared.server, "/api/ollama/~workflow=careful/api/chat", body)
    assert answer.status == 400
    detail = call(standing_shared.server, f"/exchanges/{answer.exchange}.json").json()
    assert detail["record"]["changed"] == ["truncate", "shift"]
    advice = " ".join(f"{finding['text']} {finding['advice']}" for finding in detail["explanation"]["findings"])
    assert "num_ctx" in advice
    assert "OLLAMA_CONTEXT_LENGTH" in advice
    assert "256" in advice
    # Without the rule it is as ever: cut, and told.
    answer = call(standing_shared.server, "/api/ollama/~workflow=other/api/chat", body)
    assert answer.status == 200
    detail = call(standing_shared.server, f"/exchanges/{answer.exchange}.json").json()
    assert detail["record"]["prompt_truncated"] is True
    assert "changed" not in detail["record"]


def test_a_hangup_signal_reads_the_limits_again(ollama: Ollama, tmp_path: Path) -> None:
    with shared(ollama, tmp_path / "recorder") as found:
        body = {"model": MODEL, "stream": False, "messages": []}
        assert call(found.server, "/api/ollama/~workflow=nobody/api/chat", body).status == 403
        found.limits.write_text("[default]\n")
        found.server.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 20
        while call(found.server, "/api/ollama/~workflow=nobody/api/chat", body).status != 200:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.mark.long
def test_a_mistake_in_the_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "limits.toml").write_text("[default]\nmax_activ = 1\n")
    ran = subprocess.run(
        [sys.executable, "-m", "service", "serve"],
        env={"LIMITS_FILE": str(tmp_path / "limits.toml"), "DATA_DIR": str(tmp_path / "data"), "LISTEN": "127.0.0.1:0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert ran.returncode == 2
    assert "[default] max_activ: expected one of max_active, max_waiting" in ran.stderr
