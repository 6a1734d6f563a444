"""MCP over HTTP, asked by the client of the official SDK: who may, what each gets, and what keeps others out."""

import asyncio
import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.cli.mcp_tools import MOST_CHARACTERS, TOOLS
from tests.cli.kept import chat, keep
from tests.gateway.harness import request_bytes, talk
from tests.integration.watching import events
from tests.running_app import ELSEWHERE, ask, get, running
from tests.servers.process import RunningServer, require
from tests.servers.recorder import PROJECT, running_recorder

WORD = "quetzalcoatl"
SLOW = "0" * 31 + "a"
LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).encode()
ACCEPT = {"Accept": "application/json, text/event-stream", "Content_Type": "application/json"}
VERSION = "2026-07-28"
# What a client of the newest protocol sends with each call, as it opens no session.
NEWEST = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "a test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
Question = tuple[str, dict[str, Any]]


def client(server: RunningServer, *questions: Question, **headers: str) -> subprocess.CompletedProcess[str]:
    """The SDK's client, asking as somebody from elsewhere."""
    python = require("mcp", "run make servers") / "bin" / "python"
    words = [word for name, arguments in questions for word in (name, json.dumps(arguments))]
    return subprocess.run(
        [python, PROJECT / "tests/servers/mcp/mcp_client.py", f"http://127.0.0.1:{server.port}/mcp", *words],
        env={"PYTHONPATH": str(PROJECT), "MCP_HEADERS": json.dumps({"X-Forwarded-For": "203.0.113.9", **headers})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def answers(server: RunningServer, token: str, *questions: Question) -> list[Any]:
    """What it got: the tools, then each answer."""
    ran = client(server, *questions, Authorization=f"Bearer {token}")
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A recorder beside the SDK, with two readers and two exchanges."""
    python = require("mcp", "run make servers") / "bin" / "python"
    folder = tmp_path_factory.mktemp("mcp")
    readers = folder / "readers.toml"
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("ann", "grace")}
    readers.write_text(
        f'[reader.Ann]\ntoken_sha256 = "{digests["ann"]}"\nmay = ["bodies"]\n'
        f'[reader.Grace]\ntoken_sha256 = "{digests["grace"]}"\n'
    )
    slow = chat(2, f"Summarise {WORD} " + "long " * 50_000, id=SLOW, seconds=90.0, model="big")
    keep(folder / "recorder" / "data", chat(1), slow)
    with running_recorder(folder / "recorder", ready="/healthz", python=python, READERS_FILE=str(readers)) as recorder:
        yield recorder


def test_a_client_with_the_token_finds_why_a_call_was_slow_and_is_told_by_name(server: RunningServer) -> None:
    before = len(events(server, "WordsRead"))
    tools, found, told, whole, wrong = answers(
        server,
        "ann",
        ("find_exchanges", {"slower": 60}),
        ("explain_exchange", {"id": SLOW}),
        ("read_exchange", {"id": SLOW}),
        ("find_exchanges", {"slower": "soon"}),
    )
    assert tools == {tool.name: True for tool in TOOLS}
    (entry,) = json.loads(found["text"])["exchanges"]
    assert (entry["exchange"], entry["model"]) == (SLOW, "big")
    assert json.loads(told["text"])["sentence"]
    assert WORD in whole["text"]
    assert len(whole["text"]) <= MOST_CHARACTERS
    assert (wrong["is_error"], "slower='soon'" in wrong["text"]) == (True, True)
    read = [(one["reader"], one["address"], one["path"]) for one in events(server, "WordsRead")[before:]]
    asked = ["find_exchanges", "explain_exchange", "read_exchange", "find_exchanges"]
    assert read == [("Ann", "203.0.113.9", f"/mcp {tool}") for tool in asked]


@pytest.mark.long
def test_who_may_see_numbers_gets_numbers_and_no_words(server: RunningServer) -> None:
    before = len(events(server, "WordsRead"))
    tools, found, totals, searched, whole = answers(
        server,
        "grace",
        ("find_exchanges", {}),
        ("totals", {"by": "model"}),
        ("find_exchanges", {"q": WORD}),
        ("read_exchange", {"id": SLOW}),
    )
    assert tools == {"find_exchanges": True, "totals": True}
    assert [entry["number"] for entry in json.loads(found["text"])["exchanges"]] == [2, 1]
    assert {group["name"] for group in json.loads(totals["text"])["groups"]} >= {"big"}
    assert (searched["is_error"], "numbers only" in searched["text"]) == (True, True)
    assert (whole["is_error"], "There is no tool" in whole["text"]) == (True, True)
    assert WORD not in found["text"] + totals["text"]
    assert events(server, "WordsRead")[before:] == []


async def test_what_the_sdk_alone_would_take_for_json_is_refused_as_its_words_would_be_read_untold(
    server: RunningServer,
) -> None:
    before = len(events(server, "WordsRead"))
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "read_exchange", "arguments": {"id": SLOW}, "_meta": NEWEST},
    }
    plain = json.dumps(call)
    headers = ACCEPT | {"X-Forwarded-For": "203.0.113.9", "Authorization": "Bearer ann"}
    newest = headers | {"mcp-protocol-version": VERSION, "mcp-method": "tools/call", "mcp-name": "read_exchange"}

    async def answer(body: bytes, headers: dict[str, str]) -> tuple[int, bool]:
        got = await talk(server.port, request_bytes("POST", "/mcp", body, **headers), within=60)
        return got.status, WORD.encode() in got.body

    for sent in (headers, newest):
        assert await answer(plain.replace('"id": 1', '"id": 1, "odd": NaN').encode(), sent) == (400, False)
        assert await answer(plain.encode("utf-16"), sent) == (400, False)
        deep = plain.replace('"id": 1', '"id": 1, "odd": ' + "[" * 900 + "]" * 900)
        assert await answer(deep.encode(), sent) == (400, False)
    assert events(server, "WordsRead")[before:] == []
    assert await answer(plain.encode(), newest) == (200, True)
    assert len(events(server, "WordsRead")) == before + 1
    assert events(server, "DefectFound") == []


@pytest.mark.long
def test_without_a_token_or_with_a_wrong_one_nothing_is_told(server: RunningServer) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}):
        ran = client(server, ("totals", {}), **headers)
        assert ran.returncode != 0
        assert "groups" not in ran.stdout


async def test_what_is_hostile_is_answered_and_the_next_question_too(server: RunningServer) -> None:
    async def status(body: bytes, method: str = "POST", **headers: str) -> int:
        got = await talk(server.port, request_bytes(method, "/mcp", body, **{**ACCEPT, **headers}), within=60)
        return got.status

    assert await status(LIST) == 200
    assert await status(b"") in (400, 405)
    assert await status(b"", "GET") == await status(b"", "DELETE") == 405
    assert 400 <= await status(b"{") < 500
    assert 400 <= await status(b"[" * 10_000) < 500
    assert await status(b" " * 300_000) == 413
    assert 400 <= await status(b'[{"params":{"name":["a"]}},7]') < 500
    assert await status(LIST, Origin="https://evil.example") == 403
    assert await status(LIST, Host="evil.example") in (400, 403)
    # Whoever leaves before the answer takes no place from others.
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_bytes("POST", "/mcp", LIST, **ACCEPT))
        writer.close()
    assert await status(LIST) == 200
    assert events(server, "DefectFound") == []


@pytest.mark.long
async def test_without_the_sdk_it_says_what_to_install_and_refuses_as_the_page_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_sdk(name: str) -> Callable[..., Any]:
        raise ImportError(name)

    monkeypatch.setattr("service.mcp_over_http.import_module", no_sdk)
    async with running(tmp_path) as app:
        assert (await ask(app, "/mcp", LIST, **ELSEWHERE)).status == 401
        got = await ask(app, "/mcp", LIST)
        assert got.status == 501
        assert b"ollama-recorder[mcp]" in got.body
        assert (await get(app, "/mcp")).status == 405
