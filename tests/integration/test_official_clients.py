"""The clients that people really use, against a real Ollama behind the recorder, with and without NGINX between.

A client that takes a second to import is imported where it is used: each process of pytest imports all test files.
"""

import asyncio
import contextlib
import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ollama as ollama_python
import pytest

from tests.fakes.ollama import (
    CHUNKED,
    HOLD,
    LAST_CHUNK,
    FakeOllama,
    answer,
    chunk,
    done_line,
    head,
    recorded,
    token_line,
)
from tests.gateway.harness import request_bytes
from tests.integration.watching import call, records, started
from tests.servers.nginx import running_nginx
from tests.servers.ollama import EMBEDDING_MODEL, MODEL, MODEL_NAMES, Ollama
from tests.servers.process import RunningServer, require
from tests.servers.recorder import running_recorder

MESSAGES: list[Any] = [{"role": "user", "content": "Bonjour"}]
# Without chance: now and then this model would stop early, or say what is no whole character.
OPTIONS = {"num_predict": 8, "temperature": 0, "seed": 1}
STREAM_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Door:
    """One way to Ollama: the base address that a client is given, and who answers there."""

    base: str
    server: RunningServer
    folder: Path


@pytest.fixture(scope="module")
def running(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Path]]:
    folder = tmp_path_factory.mktemp("clients")
    with running_recorder(folder, OLLAMA_URL=ollama.url) as recorder:
        yield recorder, folder


@pytest.fixture(scope="module", params=["directly", "through NGINX"])
def door(request: pytest.FixtureRequest, running: tuple[RunningServer, Path]) -> Iterator[Door]:
    recorder, folder = running
    with contextlib.ExitStack() as servers:
        server = recorder
        if request.param == "through NGINX":
            server = servers.enter_context(running_nginx(folder / "nginx", f"127.0.0.1:{recorder.port}"))
        yield Door(f"http://localhost:{server.port}/api/ollama", server, folder)


def last_record(door: Door, exchange: str | None = None) -> dict[str, Any]:
    """The newest record, or that of ``exchange``. An answer was delivered, so it is there."""
    kept = records(door.folder, 1)
    found = kept[-1] if exchange is None else next(record for record in kept if record.row.id == exchange)
    said: dict[str, Any] = json.loads(found.row.line)
    return said


def next_record(door: Door, before: dict[str, Any]) -> dict[str, Any]:
    """The newest record, once there is a newer one than ``before``."""
    until = time.monotonic() + STREAM_SECONDS
    while (newest := last_record(door))["exchange"] == before["exchange"]:
        assert time.monotonic() < until, "no newer record"
        time.sleep(0.01)
    return newest


def test_ollama_python_works(door: Door) -> None:
    with ollama_python.Client(host=door.base + "/") as client:
        _use_ollama_python(client, door)


def _use_ollama_python(client: ollama_python.Client, door: Door) -> None:
    assert {model.model for model in client.list().models} == MODEL_NAMES
    assert client.show(MODEL).details is not None
    once = client.chat(MODEL, MESSAGES, options=OPTIONS)
    assert once.eval_count == 8
    record = last_record(door)
    assert record["caller"] == "ollama-python"
    assert record.get("response_text", "") == once.message.content
    pieces = list(client.chat(MODEL, MESSAGES, options=OPTIONS, stream=True))
    assert pieces[-1].done
    assert len(pieces) > 2
    assert last_record(door).get("response_text", "") == "".join(piece.message.content or "" for piece in pieces)
    generated = list(client.generate(MODEL, "Bonjour", options=OPTIONS, stream=True))
    assert generated[-1].eval_count == last_record(door)["completion_tokens"] == 8
    assert len(client.embed(EMBEDDING_MODEL, ["a", "b"]).embeddings) == 2
    assert client.embeddings(EMBEDDING_MODEL, "a").embedding
    assert {model.name for model in client.ps().models} == MODEL_NAMES
    with pytest.raises(ollama_python.ResponseError, match="not found") as absent:
        client.chat("absent", MESSAGES)
    assert absent.value.status_code == 404
    with pytest.raises(ollama_python.ResponseError, match="ALLOW_MANAGEMENT"):
        client.delete(MODEL)


@pytest.mark.blocks("the client, when it is made, reads all certificates of this system")
async def test_ollama_python_streams_asynchronously(door: Door) -> None:
    async with ollama_python.AsyncClient(host=door.base) as client:
        stream = await client.chat(MODEL, MESSAGES, options=OPTIONS, stream=True)
        texts = [part.message.content or "" async for part in stream]
    assert (await asyncio.to_thread(last_record, door)).get("response_text", "") == "".join(texts)


def test_the_openai_sdk_works(door: Door) -> None:
    import openai

    with openai.OpenAI(base_url=door.base + "/v1", api_key="ollama", max_retries=0) as client:
        assert {model.id for model in client.models.list()} == MODEL_NAMES
        assert client.models.retrieve(MODEL).id == MODEL
        once = client.chat.completions.create(model=MODEL, messages=MESSAGES, max_tokens=8)
        assert once.usage is not None
        record = last_record(door)
        assert record.get("response_text", "") == once.choices[0].message.content
        assert record["completion_tokens"] == once.usage.completion_tokens == 8
        assert record["caller"] == "OpenAI"
        stream = client.chat.completions.create(
            model=MODEL, messages=MESSAGES, max_tokens=8, stream=True, stream_options={"include_usage": True}
        )
        parts = list(stream)
        assert parts[-1].usage is not None
        text = "".join(part.choices[0].delta.content or "" for part in parts if part.choices)
        # It hangs up at [DONE], which is before HTTP's own end.
        record = next_record(door, record)
        assert record.get("response_text", "") == text
        assert record["prompt_tokens"] == parts[-1].usage.prompt_tokens
        assert record["outcome"] == "completed"
        completed = client.completions.create(model=MODEL, prompt="Bonjour", max_tokens=8)
        assert last_record(door).get("response_text", "") == completed.choices[0].text
        vectors = client.embeddings.create(model=EMBEDDING_MODEL, input=["a", "b"])
        assert len(vectors.data) == 2
        with pytest.raises(openai.NotFoundError, match="absent"):
            client.chat.completions.create(model="absent", messages=MESSAGES)


def test_the_openai_sdk_reads_responses_whole_and_as_events(door: Door) -> None:
    import openai

    with openai.OpenAI(base_url=door.base + "/v1", api_key="ollama", max_retries=0) as client:
        once = client.responses.create(model=MODEL, input="Bonjour", max_output_tokens=8)
        record = last_record(door)
        assert record.get("response_text", "") == once.output_text
        seen = list(client.responses.create(model=MODEL, input="Bonjour", max_output_tokens=8, stream=True))
        assert seen[-1].type == "response.completed"
        record = next_record(door, record)
        assert record.get("response_text", "") == seen[-1].response.output_text
        assert record["completion_tokens"] > 0
        assert record["outcome"] == "completed"


def test_the_openai_sdk_understands_a_refusal_of_ours(door: Door) -> None:
    import openai

    with openai.OpenAI(base_url=door.base + "/v1", api_key="ollama", max_retries=0) as client:
        with pytest.raises(openai.NotFoundError) as refused:
            client.files.list()
        assert "no address of Ollama" in refused.value.message


@pytest.mark.long
def test_langchain_works(door: Door) -> None:
    import langchain_ollama

    chat = langchain_ollama.ChatOllama(model=MODEL, base_url=door.base, num_predict=8)
    text = langchain_ollama.OllamaLLM(model=MODEL, base_url=door.base, num_predict=8)
    vectors = langchain_ollama.OllamaEmbeddings(model=EMBEDDING_MODEL, base_url=door.base)
    with contextlib.ExitStack() as opened:
        for model in (chat, text, vectors):
            # langchain never closes them.
            assert model._client is not None
            assert model._async_client is not None
            opened.callback(model._client.close)
            opened.callback(asyncio.run, model._async_client.close())  # type: ignore[no-untyped-call]  # ollama's
        told = chat.invoke("Bonjour")
        assert last_record(door).get("response_text", "") == told.content
        streamed = "".join(str(piece.content) for piece in chat.stream("Bonjour"))
        assert last_record(door).get("response_text", "") == streamed
        completed = text.invoke("Bonjour")
        assert last_record(door).get("response_text", "") == completed
        assert len(vectors.embed_documents(["a", "b"])) == 2


def test_ollama_js_works(door: Door) -> None:
    node = require("node", "install Node.js 20 or newer")
    modules = require("javascript", "run make servers")
    script = Path(__file__).with_name("javascript_client.mjs")
    done = subprocess.run(
        [node, script, modules, door.base, MODEL, EMBEDDING_MODEL], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    got = json.loads(done.stdout)
    assert {*got["models"]} == {*got["running"]} == MODEL_NAMES
    assert got["family"] == "llama"
    assert got["chat"]["eval_count"] == 8
    assert got["pieces"][-1]["done"]
    assert got["generated"][-1]["eval_count"] == 8
    assert len(got["embeddings"]) == 2
    assert got["error"]["status"] == 404
    assert "not found" in got["error"]["message"]
    assert got["refused"]["status"] == 403
    assert "ALLOW_MANAGEMENT" in got["refused"]["message"]
    said = [json.loads(kept.row.line) for kept in records(door.folder, 1)]
    # The small model sometimes says nothing; what is not there is absent from a record.
    texts = [line.get("response_text", "") for line in said if line.get("caller") == "ollama-js" and line.get("stream")]
    assert "".join(piece["message"]["content"] for piece in got["pieces"]) in texts
    assert "".join(piece["response"] for piece in got["generated"]) in texts


def test_anthropic_messages_work_whole_and_as_events(door: Door) -> None:
    asked = {"model": MODEL, "max_tokens": 8, "messages": MESSAGES}
    path = "/api/ollama/v1/messages"
    once = call(door.server, path, asked, headers={"x-api-key": "none", "anthropic-version": "2023-06-01"})
    assert once.status == 200
    record = last_record(door, once.exchange)
    assert record["api"] == "anthropic"
    assert record.get("response_text", "") == "".join(part.get("text", "") for part in once.json()["content"])
    streamed = call(door.server, path, {**asked, "stream": True})
    assert b"event: message_stop" in streamed.body
    assert last_record(door, streamed.exchange)["stream"] is True
    refused = call(door.server, "/api/ollama/v1/messages/count_tokens", asked)
    assert refused.status == 404
    assert refused.json()["type"] == "error"


@contextlib.asynccontextmanager
async def curl(address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """``curl -N`` with a streamed chat; ended with the block."""
    words = ("--silent", "--show-error", "-N", address, "-d", '{"model":"tiny","messages":[]}')
    program = require("curl", "apt-get install curl")
    process = await asyncio.create_subprocess_exec(
        str(program), *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.mark.long
async def test_a_client_that_hangs_up_at_the_streams_own_end_had_it_all(
    start_recorder: Callable[..., RunningServer],
) -> None:
    """As OpenAI's and Anthropic's SDKs do: HTTP's own end of the answer does not interest them."""
    ends = {
        "/v1/chat/completions": ("text/event-stream", recorded("v1_chat_stream")),
        "/v1/responses": ("text/event-stream", recorded("v1_responses_stream")),
        "/v1/messages": ("text/event-stream", recorded("v1_messages_stream")),
        "/api/chat": ("application/x-ndjson", recorded("chat_stream")),
    }
    async with FakeOllama() as ollama:
        server = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        for number, (path, (_, whole_answer)) in enumerate(ends.items(), 1):
            without_end = whole_answer.removesuffix(LAST_CHUNK)
            assert without_end != whole_answer
            ollama.answers(path, answer(without_end, HOLD))
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(request_bytes("POST", f"/api/ollama{path}", b'{"model":"tiny","stream":true}'))
            async with asyncio.timeout(STREAM_SECONDS):
                await reader.readuntil(without_end[-40:-2])
            writer.transport.abort()
            (*_, kept) = await asyncio.to_thread(records, server.log.parent, number)
            line = json.loads(kept.row.line)
            assert (path, line["outcome"], line["failed"], line["status"]) == (path, "completed", False, 200)
            assert kept.row.outcome == "completed"


@pytest.mark.parametrize("way", ["directly", "through NGINX"])
async def test_curl_shows_a_stream_while_it_is_generated(
    way: str, start_recorder: Callable[..., RunningServer], start_nginx: Callable[..., RunningServer]
) -> None:
    go_on = [asyncio.Event() for _ in range(3)]
    async with FakeOllama() as ollama:
        words = [token_line(f" word{number}") for number in range(3)]
        waited = [step for word, event in zip(words, go_on, strict=True) for step in (event, chunk(word))]
        ollama.answers(
            "/api/chat",
            answer(head(200, CHUNKED, "application/x-ndjson"), *waited, chunk(done_line(3)), LAST_CHUNK),
        )
        server = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        if way == "through NGINX":
            server = await started(start_nginx, f"127.0.0.1:{server.port}")
        async with curl(f"{server.url}/api/ollama/api/chat") as process:
            assert process.stdout is not None
            # Each word is read before the next one is generated: nothing on the way may hold it back.
            for word, event in zip(words, go_on, strict=True):
                event.set()
                async with asyncio.timeout(STREAM_SECONDS):
                    assert await process.stdout.readline() == word
            async with asyncio.timeout(STREAM_SECONDS):
                assert await process.stdout.read() == done_line(3)
            assert await process.wait() == 0
