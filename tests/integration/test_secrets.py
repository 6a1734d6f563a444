"""Credentials: looked for in everything that is kept, shipped or said, byte by byte."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from service.journal.reader import Reader
from tests.fakes.ollama import HOLD, FakeOllama, answer, json_answer, whole
from tests.gateway.harness import request_bytes, talk
from tests.integration.watching import asked, events, read_record, records, started, summaries
from tests.journal.given import bytes_kept
from tests.servers.loki import Loki
from tests.servers.process import RunningServer

StartRecorder = Callable[..., RunningServer]
PATH = "/api/ollama/api/chat"
SECONDS = 20.0

# In headers: never kept, whatever their shape.
CREDENTIALS = {
    "Authorization": "Bearer authorization-credential-1",
    "Cookie": "session=cookie-credential-2",
    "x-api-key": "key-credential-3",
    "Proxy-Authorization": "Basic proxy-credential-4",
    "X-Auth-Token": "token-credential-5",
    "api-key": "azure-credential-6",
}
# In bodies: known by their shape.
SHAPES = (
    "sk-proj-" + "Ab1" * 12,
    "ghp_" + "Cd2" * 12,
    "AKIA" + "ABCDEFGHIJ234567",
    "xoxb-" + "123456789012-abcdefGHIJ",
    "glpat-" + "Ef3Gh4Ij5Kl6Mn7Op8Qr",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk",
)


def everything_kept(folder: Path) -> bytes:
    """The bytes of every file of the recorder: the journal with its side files, and what it said."""
    kept = bytes_kept(folder)
    assert len(kept) > 1000
    return kept


async def shipped(loki: Loki, began: float, count: int) -> str:
    """All lines and labels that Loki has, once ``count`` records are there."""
    async with asyncio.timeout(SECONDS):
        while True:
            entries = await asyncio.to_thread(loki.query_range, '{service="ollama"}', start=began, end=time.time() + 1)
            if sum(len(stream["values"]) for stream in entries if stream["stream"]["job"] == "nginx") >= count:
                return json.dumps(entries)
            await asyncio.sleep(0.1)


async def test_credentials_in_headers_reach_ollama_and_nothing_else(
    start_recorder: StartRecorder, start_loki: Callable[..., Loki]
) -> None:
    began = time.time()
    loki = await asyncio.to_thread(start_loki)
    async with FakeOllama() as ollama:
        recorder = await started(
            start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, LOKI_URL=loki.url, LOG_LEVEL="debug"
        )
        sent = request_bytes("POST", PATH, b'{"model":"tiny","messages":[]}')
        lines = "".join(f"{name}: {value}\r\n" for name, value in CREDENTIALS.items()).encode()
        await talk(recorder.port, sent.replace(b"Content-Length", lines + b"Content-Length"))
        # Refused, malformed and broken off as well.
        await talk(recorder.port, sent.replace(b"Content-Length", lines + b"Content-Length").replace(b"chat", b"pull"))
        await talk(recorder.port, sent.replace(b"Content-Length", lines + b"Bad Header: x\r\nContent-Length"))
        ollama.answers("/api/chat", answer(whole(b'{"done":true}', 500)))
        await talk(recorder.port, sent.replace(b"Content-Length", lines + b"Content-Length"))
        await asyncio.to_thread(records, recorder.log.parent, 3)
        in_loki = await shipped(loki, began, 3)
        first = asked(ollama)[0]
        passed = {name: value for name, value in CREDENTIALS.items() if name != "Proxy-Authorization"}
        assert {name: first.header(name) for name in passed} == passed
        assert first.header("Proxy-Authorization") is None
        await asyncio.to_thread(recorder.stop)
        kept = everything_kept(recorder.log.parent)
        for value in CREDENTIALS.values():
            secret = value.split("=")[-1].split(" ")[-1]
            assert secret.encode() not in kept
            assert secret not in in_loki


async def test_known_shapes_of_secrets_are_masked_in_all_that_is_kept(
    start_recorder: StartRecorder, start_loki: Callable[..., Loki]
) -> None:
    began = time.time()
    loki = await asyncio.to_thread(start_loki)
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, LOKI_URL=loki.url)
        said = {"model": "tiny", "message": {"role": "assistant", "content": " or ".join(SHAPES)}, "done": True}
        ollama.answers("/api/chat", json_answer(said))
        body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": " and ".join(SHAPES)}]}).encode()
        target = PATH + "?key=" + SHAPES[0]
        got = await talk(recorder.port, request_bytes("POST", target, body, User_Agent="x/" + SHAPES[1]))
        assert json.loads(got.body) == said
        assert asked(ollama)[0].body == body
        # Refused and unanswered requests are kept on other ways.
        refused = await talk(recorder.port, request_bytes("POST", "/api/ollama/api/pull", body))
        assert refused.status == 403
        kept = await asyncio.to_thread(records, recorder.log.parent, 2)
        assert kept[0].request.count(b"***") == kept[0].response.count(b"***") == len(SHAPES)
        in_loki = await shipped(loki, began, 2)
        await asyncio.to_thread(recorder.stop)
        on_disk = everything_kept(recorder.log.parent)
        for secret in SHAPES:
            assert secret.encode() not in on_disk, secret
            assert secret not in in_loki, secret


@pytest.mark.long
async def test_a_request_that_was_in_flight_in_a_crash_is_masked_as_well(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/chat", answer(HOLD))
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": " and ".join(SHAPES)}]}).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
        writer.write(request_bytes("POST", PATH, body, Authorization="Bearer crash-credential-7"))
        async with asyncio.timeout(SECONDS):
            while not asked(ollama):
                await asyncio.sleep(0.01)
            reader_of_journal = Reader(recorder.log.parent / "data")
            while not await asyncio.to_thread(reader_of_journal.ask, "SELECT id FROM open_exchange"):
                await asyncio.sleep(0.02)
            reader_of_journal.close()
        recorder.process.kill()
        await asyncio.to_thread(recorder.process.wait)
        writer.close()
        again = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        (kept,) = await asyncio.to_thread(records, recorder.log.parent, 1)
        line = read_record(kept.row.line)
        assert line["outcome"] == "gateway_died"
        assert line["request_body"].count("***") == len(SHAPES)
        assert events(again, "DefectFound") == []
        await asyncio.to_thread(again.stop)
        on_disk = everything_kept(recorder.log.parent)
        for secret in (*SHAPES, "crash-credential-7"):
            assert secret.encode() not in on_disk, secret


@pytest.mark.long
async def test_masking_can_be_turned_off(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, MASK_SECRETS="false")
        body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": SHAPES[0]}]}).encode()
        await talk(recorder.port, request_bytes("POST", PATH, body, Authorization="Bearer authorization-credential-1"))
        (kept,) = await asyncio.to_thread(records, recorder.log.parent, 1)
        assert kept.request == body
        assert b"authorization-credential-1" not in everything_kept(recorder.log.parent)


@pytest.mark.long
async def test_keys_open_the_gateway_name_the_caller_and_go_no_further(
    start_recorder: StartRecorder, tmp_path: Path
) -> None:
    keys = {"n8n": "n8n-key-111", "notebook": "notebook-key-222"}
    file = tmp_path / "keys"
    hashes = [f"{name} {hashlib.sha256(key.encode()).hexdigest()}" for name, key in keys.items()]
    file.write_text("# who may call\n" + "\n".join(hashes) + "\n")
    body = b'{"model":"tiny","messages":[]}'
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, API_KEYS_FILE=str(file))
        openai = "/api/ollama/v1/chat/completions"
        anthropic = "/api/ollama/v1/messages"
        closed = {
            PATH: {},
            PATH + "?": {"Authorization": "Bearer wrong-key-333"},
            PATH + "?a": {"Authorization": "Basic " + keys["n8n"]},
            openai: {"Authorization": "Bearer " + hashes[0].split()[1]},
            anthropic: {"x-api-key": ""},
        }
        for path, headers in closed.items():
            got = await talk(recorder.port, request_bytes("POST", path, body, **headers))
            assert (path, got.status) == (path, 401)
            assert got.header("WWW-Authenticate") == "Bearer"
            assert b"API key" in got.body
        assert asked(ollama) == []
        for headers in ({"Authorization": "Bearer " + keys["n8n"]}, {"x-api-key": keys["notebook"]}):
            got = await talk(recorder.port, request_bytes("POST", PATH, body, User_Agent="curl/8", **headers))
            assert got.status == 200
        for request in asked(ollama):
            assert request.header("Authorization") is request.header("x-api-key") is None
        lines = [read_record(kept.row.line) for kept in await asyncio.to_thread(records, recorder.log.parent, 7)]
        assert [line["outcome"] for line in lines] == ["refused"] * 5 + ["completed"] * 2
        assert [line["caller"] for line in lines[5:]] == ["n8n", "notebook"]
        assert all("error" in line for line in lines[:5])
        assert len(await asyncio.to_thread(summaries, recorder, 7)) == 7
        await asyncio.to_thread(recorder.stop)
        kept_bytes = everything_kept(recorder.log.parent)
        for secret in (*keys.values(), "wrong-key-333"):
            assert secret.encode() not in kept_bytes
