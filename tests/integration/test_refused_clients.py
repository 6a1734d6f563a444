"""What official clients raise for each refusal of the queue and of the limits: the kind, the status and our words."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import ollama as ollama_python
import pytest

from tests.fakes.ollama import CHUNKED, HOLD, FakeOllama, answer, chunk, head, token_line
from tests.gateway.harness import request_bytes
from tests.integration.watching import call, records, started
from tests.servers.process import RunningServer, require

pytestmark = pytest.mark.long

MESSAGES: list[Any] = [{"role": "user", "content": "Bonjour"}]
LIMITS = """
[workflow."elsewhere"]
models = ["other"]

[workflow."for ever"]
keep_alive_at_most = "5m"

[workflow."often"]
requests_per_minute = 1

[workflow."crowd"]
max_waiting = 0
"""
SETTINGS = {"MAX_ACTIVE": "1", "QUEUE_LENGTH": "1", "QUEUE_TIMEOUT": "1"}


class Refused(NamedTuple):
    """Who is refused, how, and in which words."""

    workflow: str
    status: int
    words: str
    more: Mapping[str, Any] = MappingProxyType({})
    is_of_ollamas_own_api: bool = False


REFUSALS = [
    Refused("elsewhere", 403, "may not use the model"),
    Refused("for ever", 403, "keep_alive", {"keep_alive": -1}, is_of_ollamas_own_api=True),
    Refused("often", 429, "may make 1 request a minute"),
    Refused("crowd", 429, "which may have no calls waiting"),
    Refused("late", 503, "No place at Ollama became free within 1 s"),
]
OPENAI = {403: "PermissionDeniedError", 429: "RateLimitError", 503: "InternalServerError"}
ANTHROPIC = {403: "PermissionDeniedError", 429: "RateLimitError", 503: "ServiceUnavailableError"}


@pytest.fixture
async def shared(
    start_recorder: Callable[..., RunningServer], tmp_path: Path
) -> AsyncIterator[tuple[RunningServer, Path]]:
    """A recorder whose only place at Ollama is taken, by a call that goes on until the test ends."""
    limits = tmp_path / "limits.toml"
    limits.write_text(LIMITS)
    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", answer(head(200, CHUNKED, "application/x-ndjson"), chunk(token_line("a")), HOLD))
        server = await started(start_recorder, OLLAMA_URL=ollama.url, LIMITS_FILE=str(limits), **SETTINGS)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes("POST", "/api/ollama/~workflow=often/api/chat", b'{"model":"tiny"}'))
        async with asyncio.timeout(20):
            await reader.readuntil(b"}\n")
        yield server, tmp_path / "recorder"
        writer.transport.abort()


@pytest.mark.blocks("the clients are threads and a process; this loop is only the Ollama behind the recorder")
@pytest.mark.parametrize(
    "refused",
    # One is quick; the others are long, as Anthropic's SDK takes seconds to start.
    [
        pytest.param(one, id=one.workflow, marks=[pytest.mark.long] if one is not REFUSALS[0] else [])
        for one in REFUSALS
    ],
)
async def test_official_clients_understand_each_refusal(refused: Refused, shared: tuple[RunningServer, Path]) -> None:
    server, folder = shared
    base = f"http://127.0.0.1:{server.port}/api/ollama/~workflow={refused.workflow.replace(' ', '%20')}"
    await asyncio.to_thread(_ask_by_ollama, base, refused)
    apis = ["ollama"]
    if not refused.is_of_ollamas_own_api:
        await asyncio.to_thread(_ask_by_openai, base, refused)
        await asyncio.to_thread(_ask_by_anthropic, base, refused)
        apis += ["openai", "anthropic"]
    raw = await asyncio.to_thread(
        call,
        server,
        base.partition(str(server.port))[2] + "/api/chat",
        {"model": "tiny", "messages": MESSAGES, **refused.more},
    )
    assert raw.status == refused.status
    assert (raw.headers["Retry-After"] is not None) == (refused.status != 403)
    kept = await asyncio.to_thread(records, folder, len(apis) + 1)
    lines = [json.loads(one.row.line) for one in kept]
    mine = [line for line in lines if line["outcome"] == "refused"]
    assert [line["api"] for line in mine] == [*apis, "ollama"]
    assert {(line["workflow"], line["status"]) for line in mine} == {(refused.workflow, refused.status)}
    assert all(refused.words in line["error"] for line in mine)


def _ask_by_ollama(base: str, refused: Refused) -> None:
    with (
        ollama_python.Client(host=base) as client,
        pytest.raises(ollama_python.ResponseError, match=refused.words) as got,
    ):
        client.chat("tiny", MESSAGES, **refused.more)
    assert got.value.status_code == refused.status


def _ask_by_openai(base: str, refused: Refused) -> None:
    import openai  # takes a second: not whenever tests are collected

    with (
        openai.OpenAI(base_url=f"{base}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(getattr(openai, OPENAI[refused.status]), match=refused.words) as got,
    ):
        client.chat.completions.create(model="tiny", messages=MESSAGES, extra_body=dict(refused.more))
    assert got.value.status_code == refused.status


def _ask_by_anthropic(base: str, refused: Refused) -> None:
    program = """
import json, sys, anthropic
client = anthropic.Anthropic(base_url=sys.argv[1], api_key="none", max_retries=0)
try:
    client.messages.create(
        model="tiny", max_tokens=4, messages=json.loads(sys.argv[2]), extra_body=json.loads(sys.argv[3])
    )
except anthropic.APIStatusError as error:
    print(type(error).__name__, error.status_code, error.body["error"]["message"])
"""
    python = require("clients", "run make servers") / "bin" / "python"
    arguments = [base, json.dumps(MESSAGES), json.dumps(dict(refused.more))]
    ran = subprocess.run([python, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=120)
    assert ran.stdout.startswith(f"{ANTHROPIC[refused.status]} {refused.status} ")
    assert refused.words in ran.stdout
