"""Hostile bodies, in both directions: they pass byte for byte, and each leaves one line that every reader can read."""

import asyncio
import base64
import json
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from service.journal.reader import KeptRecord
from tests.fakes.ollama import CHUNKED, LAST_CHUNK, FakeOllama, answer, chunk, head, whole
from tests.gateway.harness import RawAnswer, request_bytes, talk
from tests.integration.hostile import PACKED, PLAIN
from tests.integration.watching import asked, events, read_record, records, started, summaries
from tests.servers.loki import Loki
from tests.servers.process import RunningServer

StartRecorder = Callable[..., RunningServer]
EVERYTHING: dict[str, tuple[str, bytes]] = {**{name: ("", body) for name, body in PLAIN.items()}, **PACKED}
PATH = "/api/ollama/api/chat"
CHAT = b'{"model":"tiny","messages":[{"role":"user","content":"hi"}]}'
SECONDS = 20.0
# What the process may come to hold, whatever is sent: it has about 60 MB without any traffic.
RESIDENT_MEGABYTES = 200


def headers_of(encoding: str, body: bytes, content_type: str = "application/json") -> dict[str, str]:
    headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
    return headers | ({"Content-Encoding": encoding} if encoding else {})


async def send(
    recorder: RunningServer, encoding: str, body: bytes, content_type: str = "application/json"
) -> RawAnswer:
    said = {"Content-Encoding": encoding} if encoding else {}
    return await talk(recorder.port, request_bytes("POST", PATH, body, Content_Type=content_type, **said), SECONDS)


async def records_of(recorder: RunningServer, answers: Iterable[RawAnswer]) -> list[tuple[KeptRecord, dict[str, Any]]]:
    """For each answer its one record and what it says. Standard output has one line for each, and no defect."""
    return await asyncio.to_thread(_read_records, recorder, [got.header("X-Exchange-Id") or "" for got in answers])


def _read_records(recorder: RunningServer, identifiers: list[str]) -> list[tuple[KeptRecord, dict[str, Any]]]:
    count = len(identifiers)
    kept = records(recorder.log.parent, count)
    by_id = {record.row.id: record for record in kept}
    assert len(by_id) == len(kept) == count
    assert sorted(line["exchange"] for line in summaries(recorder, count)) == sorted(identifiers)
    assert events(recorder, "DefectFound") == []
    return [(by_id[identifier], read_record(by_id[identifier].row.line)) for identifier in identifiers]


async def test_hostile_requests_pass_unchanged_and_each_leaves_one_readable_record(
    start_recorder: StartRecorder,
) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        ollama.answers("/api/chat", answer(whole(b'{"done":true}')))
        answers = [await send(recorder, encoding, body) for encoding, body in EVERYTHING.values()]
        assert {got.status for got in answers} == {200}
        arrived = asked(ollama)
        for (name, (encoding, body)), request in zip(EVERYTHING.items(), arrived, strict=True):
            assert request.body == body, name
            assert (request.header("Content-Encoding") or "") == encoding, name
        lines = {}
        for (name, (encoding, body)), (_, line) in zip(
            EVERYTHING.items(), await records_of(recorder, answers), strict=True
        ):
            assert line["request_bytes"] == len(body), name
            assert line["operation"] in ("chat", "load"), name
            assert line["failed"] is False, name
            if not encoding:
                assert_shows(name, line["request_body"], line.get("request_truncated", False), body)
            lines[name] = line
        assert_packed_bodies_are_shown(lines)


def assert_packed_bodies_are_shown(lines: dict[str, dict[str, Any]]) -> None:
    """Unpacked as far as that can be done; what cannot be unpacked at all is kept as it came."""
    for name in ("gzip", "gzip in two members", "gzip with a tail", "gzip that was cut", "zstd", "deflate"):
        assert lines[name]["request_body"].startswith('{"model":"tiny","messages":[{"role"'), name
    for name in ("gzip", "zstd", "deflate"):
        assert lines[name]["model"] == "tiny", name
    for name in ("zstd that was cut", "zstd that is none", "brotli, which nobody here reads"):
        assert base64.b64decode(lines[name]["request_body"].removeprefix("base64:")) == PACKED[name][1], name


def assert_shows(name: str, shown: str, is_truncated: bool, body: bytes) -> None:
    """A record's copy of a body: its text as Ollama reads it, or its bytes in base64, or what is left and a flag."""
    if is_truncated:
        assert len(shown) > 200, name
        assert "bytes left out" in shown, name
        return
    if shown.startswith("base64:"):
        assert base64.b64decode(shown.removeprefix("base64:")) == body, name
        assert not body.startswith(b"{"), name
    elif body.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert shown == body.decode("utf-16"), name
    else:
        assert shown == re.sub("[\udc80-\udcff]", "\ufffd", body.decode("utf-8", "surrogateescape")), name


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("application/json; charset=utf-8", marks=pytest.mark.long),
        "application/x-ndjson",
        pytest.param("text/event-stream", marks=pytest.mark.long),
    ],
)
async def test_hostile_answers_pass_unchanged_and_each_leaves_one_readable_record(
    content_type: str, start_recorder: StartRecorder
) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        is_stream = content_type in ("application/x-ndjson", "text/event-stream")
        for_sse = content_type == "text/event-stream"
        answers, sent = [], []
        for encoding, body in EVERYTHING.values():
            said = b"data: " + body + b"\n\n" if for_sse and not encoding else body
            if is_stream:
                framing = CHUNKED | ({"Content-Encoding": encoding} if encoding else {})
                middle = len(said) // 2
                pieces = [chunk(piece) for piece in (said[:middle], said[middle:]) if piece]
                script = answer(head(200, framing, content_type), *pieces, LAST_CHUNK)
            else:
                script = answer(head(200, headers_of(encoding, said, content_type)) + said)
            ollama.answers("/api/chat", script)
            answers.append(await send(recorder, "", CHAT))
            sent.append(said)
        for name, got, said in zip(EVERYTHING, answers, sent, strict=True):
            assert got.status == 200, name
            assert got.is_complete, name
            assert got.body == said, name
        for name, said, (_, line) in zip(EVERYTHING, sent, await records_of(recorder, answers), strict=True):
            assert line["response_bytes"] == len(said), name
            assert line["outcome"] == "completed", name
            assert json.loads(line["request_body"]) == json.loads(CHAT), name


@pytest.mark.long
async def test_a_thousandfold_body_costs_neither_memory_nor_time(start_recorder: StartRecorder) -> None:
    bombs = [name for name in PACKED if "thousandfold" in name]
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        answers = []
        for name in bombs * 3:
            encoding, body = PACKED[name]
            ollama.answers("/api/chat", answer(head(200, headers_of(encoding, body)) + body))
            answers.append(await send(recorder, encoding, body))
        found = await records_of(recorder, answers)
        for kept, line in found:
            assert len(kept.request) <= 5 << 20
            assert len(kept.response) <= 5 << 20
            assert line["request_truncated"] is True
        assert peak_megabytes(recorder) < RESIDENT_MEGABYTES


def peak_megabytes(server: RunningServer) -> float:
    """The most that was resident since the process began."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError("no VmHWM")


HOSTILE_HEADERS = {
    "User-Agent": b"\x1b[31mred\xff\xfe \xe2\x80\xae agent",
    "X-N8N-Workflow-Name": b"%00%1b%5b31m%ff%e2%80%ae%0d%0a" + b"%41" * 500,
    "X-N8N-Workflow-Id": b"' OR 1=1; --",
    "X-Caller": b'{"a":"b"}\\" \xe2\x80\xa8',
    "X-OpenWebUI-User-Name": b"=cmd|'/c calc'!A1 \xed\xa0\x80",
    "traceparent": b"00-zz-zz-01\xff",
    "X-Forwarded-For": b"\x1b[31m, 1.2.3.4, <script>",
}


@pytest.mark.long
async def test_hostile_headers_leave_one_readable_record(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        answers = []
        for name, value in HOSTILE_HEADERS.items():
            sent = request_bytes("POST", PATH, CHAT).replace(
                b"Content-Length", name.encode() + b": " + value.replace(b"\x1b", b"\x9b") + b"\r\nContent-Length"
            )
            answers.append(await talk(recorder.port, sent))
        label = b"/api/ollama/~workflow=%1b%5b31m%00%ff%e2%80%ae;node=%22%5c%0a;evil=x;user=" + b"%F0%9F%98%80" * 300
        answers.append(await talk(recorder.port, request_bytes("POST", label.decode() + "/api/chat", CHAT)))
        assert {got.status for got in answers} == {200}
        lines = [line for _, line in await records_of(recorder, answers)]
        assert lines[1]["workflow"].endswith("A")
        assert len(lines[1]["workflow"]) == len(lines[-1]["user"]) == 200
        assert lines[2]["workflow_id"] == "' OR 1=1; --"
        assert lines[-1]["node"] == '"\\\n'
        assert "evil" not in lines[-1]
        assert lines[5]["trace_id"] == lines[5]["exchange"]
        assert {line["remote_addr"] for line in lines} == {"127.0.0.1"}


@pytest.mark.long
async def test_a_real_loki_takes_every_one_of_them(
    start_recorder: StartRecorder, start_loki: Callable[..., Loki]
) -> None:
    began = time.time()
    loki = await asyncio.to_thread(start_loki)
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, LOKI_URL=loki.url)
        answers = []
        for encoding, body in EVERYTHING.values():
            ollama.answers("/api/chat", answer(head(200, headers_of(encoding, body)) + body))
            answers.append(await send(recorder, encoding, body))
        found = await records_of(recorder, answers)
        count = 'sum(count_over_time({job="nginx", service="ollama"}[5m]))'
        async with asyncio.timeout(SECONDS):
            while await asyncio.to_thread(number, loki, count) < len(answers):
                await asyncio.sleep(0.1)
        entries = await asyncio.to_thread(
            loki.query_range, '{job="nginx", service="ollama"}', start=began, end=time.time() + 1
        )
        lines = sorted(line for stream in entries for _, line, *_ in stream["values"])
        assert lines == sorted(kept.row.line.decode() for kept, _ in found)
        unread = '{job="nginx", service="ollama"} | json | __error__ != ""'
        assert await asyncio.to_thread(loki.query_range, unread, start=began, end=time.time() + 1) == []
        spans = await asyncio.to_thread(
            loki.query_range, '{job="spans"} | json | __error__ != ""', start=began, end=time.time() + 1
        )
        assert spans == []
        assert events(recorder, "RecordParked") == []


def number(loki: Loki, query: str) -> float:
    found = loki.query(query, at=time.time())
    return float(found[0]["value"][1]) if found else 0.0
