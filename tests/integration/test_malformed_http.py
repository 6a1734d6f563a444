"""What is no HTTP, or HTTP that two readers could read differently: refused or cut off, never passed on."""

import asyncio
import re
from collections.abc import Callable

import pytest

from tests.fakes.ollama import FakeOllama
from tests.gateway.harness import request_bytes, talk
from tests.integration.watching import asked, events, read_record, records, spoken, started
from tests.servers.process import RunningServer

StartRecorder = Callable[..., RunningServer]
SECONDS = 10.0
CHAT = b'{"model":"tiny"}'
SMUGGLED = b"GET /api/ollama/api/tags HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: yes\r\n\r\n"


def post(*headers: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1", host: bytes = b"Host: localhost") -> bytes:
    lines = [b"POST /api/ollama/api/chat " + version, *([host] if host else []), b"Connection: close", *headers]
    return b"\r\n".join([*lines, b"", b""]) + body


LENGTH = b"Content-Length: %d" % len(CHAT)
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(CHAT), CHAT)
CHUNKED = b"Transfer-Encoding: chunked"

MALFORMED: dict[str, bytes] = {
    "a length and chunks": post(LENGTH, CHUNKED, body=CHUNKS + SMUGGLED),
    "chunks and a length": post(CHUNKED, b"Content-Length: 5", body=CHUNKS + SMUGGLED),
    "two lengths": post(LENGTH, b"Content-Length: 0", body=CHAT + SMUGGLED),
    "one length twice": post(LENGTH, LENGTH, body=CHAT),
    "a list of lengths": post(b"Content-Length: 16, 16", body=CHAT),
    "a length with a plus": post(b"Content-Length: +16", body=CHAT),
    "a length with a minus": post(b"Content-Length: -1", body=CHAT),
    "a length in hexadecimal": post(b"Content-Length: 0x10", body=CHAT),
    "a length in other digits": post("Content-Length: １６".encode(), body=CHAT),
    "a length beyond all numbers": post(b"Content-Length: " + b"9" * 40, body=CHAT),
    "no length": post(b"Content-Length:", body=CHAT),
    "an unknown coding": post(b"Transfer-Encoding: xchunked", body=CHUNKS),
    "chunks that are not last": post(b"Transfer-Encoding: chunked, gzip", body=CHUNKS),
    "chunks twice": post(b"Transfer-Encoding: chunked, chunked", body=CHUNKS),
    "chunks behind a tab": post(b"Transfer-Encoding:\x0bchunked", body=CHUNKS),
    "a bad chunk size": post(CHUNKED, body=b"zz\r\n" + CHAT + b"\r\n0\r\n\r\n"),
    "a negative chunk size": post(CHUNKED, body=b"-1\r\n" + CHAT + b"\r\n0\r\n\r\n"),
    "an endless chunk size": post(CHUNKED, body=b"f" * 40 + b"\r\n" + CHAT + b"\r\n0\r\n\r\n"),
    "a chunk longer than its size": post(CHUNKED, body=b"3\r\n" + CHAT + b"\r\n0\r\n\r\n"),
    "a line feed in a chunk's extension": post(CHUNKED, body=b"10;a\nb\r\n" + CHAT + b"\r\n0\r\n\r\n"),
    "bare line feeds": post(LENGTH, body=CHAT).replace(b"\r\n", b"\n"),
    "a bare carriage return": post(b"X-A: a\rX-B: b", LENGTH, body=CHAT),
    "a folded header": post(b"X-A: a\r\n b", LENGTH, body=CHAT),
    "a folded first header": post(LENGTH, body=CHAT).replace(b"\r\nHost", b"\r\n Host", 1),
    "a space before a colon": post(b"Content-Length : 16", body=CHAT),
    "a space in a name": post(b"Content Length: 16", body=CHAT),
    "a name that is none": post(b"X-\x00A: a", body=CHAT),
    "an empty name": post(b": a", LENGTH, body=CHAT),
    "a header without a colon": post(b"nothing", LENGTH, body=CHAT),
    "a NUL in a value": post(b"X-A: a\x00b", LENGTH, body=CHAT),
    "an escape in a value": post(b"X-A: \x1b[31m", LENGTH, body=CHAT),
    "no host": post(LENGTH, body=CHAT, host=b""),
    "two hosts": post(b"Host: 127.0.0.1", LENGTH, body=CHAT),
    "a foreign host": post(LENGTH, body=CHAT, host=b"Host: evil.example"),
    "a host with a path": post(LENGTH, body=CHAT, host=b"Host: localhost/evil"),
    "a host with a user": post(LENGTH, body=CHAT, host=b"Host: localhost@evil.example"),
    "version 2.0": post(LENGTH, body=CHAT, version=b"HTTP/2.0"),
    "version 0.9": post(LENGTH, body=CHAT, version=b"HTTP/0.9"),
    "version 1.2": post(LENGTH, body=CHAT, version=b"HTTP/1.2"),
    "no version": post(LENGTH, body=CHAT, version=b""),
    "another protocol": post(LENGTH, body=CHAT, version=b"ICE/1.0"),
    "chunks in version 1.0": post(CHUNKED, body=CHUNKS, version=b"HTTP/1.0"),
    "a header of 66 kB": post(b"X-A: " + b"a" * 66_000, LENGTH, body=CHAT),
    "200 headers": post(*[b"X-%d: a" % number for number in range(200)], LENGTH, body=CHAT),
    "an address of 66 kB": post(LENGTH, body=CHAT).replace(b"/api/chat ", b"/api/chat?" + b"a" * 66_000 + b" ", 1),
    "a space in the address": post(LENGTH, body=CHAT).replace(b"/api/chat ", b"/api/chat /x ", 1),
    "a control in the address": post(LENGTH, body=CHAT).replace(b"/api/chat ", b"/api/\x01chat ", 1),
    "no method": b" " + post(LENGTH, body=CHAT)[4:],
    "a method that is none": b"P\x00ST" + post(LENGTH, body=CHAT)[4:],
    "a method nobody knows": b"BREW" + post(LENGTH, body=CHAT)[4:],
    "a tunnel": b"CONNECT localhost:11434 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "HTTP/2 from the start": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    "binary": bytes(range(256)) * 40 + b"\r\n\r\n",
}

# NGINX reads these in the one way that they can be meant, and sends them on in a form that nobody can mistake.
CLEANED_BY_NGINX = {"bare line feeds", "a header without a colon", "version 1.2"}


async def ask(port: int, sent: bytes) -> bytes:
    """All that comes back until the connection ends; our own side stays open, as a real client's would."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        async with asyncio.timeout(SECONDS):
            return await reader.read()
    except (ConnectionResetError, BrokenPipeError):
        return b""
    finally:
        writer.close()


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


async def test_malformed_requests_are_refused_and_never_passed_on(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        answers = {}
        for name, sent in MALFORMED.items():
            answers[name] = await ask(recorder.port, sent)
        wrong = {name: got for name, got in answers.items() if any(not 400 <= status < 600 for status in statuses(got))}
        assert wrong == {}
        assert not [name for name, got in answers.items() if len(statuses(got)) > 1]
        assert [request.head for request in asked(ollama)] == []
        alive = await talk(recorder.port, request_bytes("POST", "/api/ollama/api/chat", CHAT))
        assert alive.status == 200
        # Every line can be read, and holds nothing that a terminal obeys: ``spoken`` looks.
        assert spoken(recorder)
        malformed, defects = events(recorder, "RequestMalformed"), events(recorder, "DefectFound")
        assert malformed
        assert defects == []
        assert b"Traceback" not in recorder.log.read_bytes()


@pytest.mark.long
async def test_malformed_requests_through_nginx_are_refused_or_made_clean(
    start_recorder: StartRecorder, start_nginx: Callable[..., RunningServer]
) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        nginx = await started(start_nginx, f"127.0.0.1:{recorder.port}")
        passed = set()
        for name, sent in MALFORMED.items():
            before = len(asked(ollama))
            answer = await ask(nginx.port, sent)
            arrived = asked(ollama)[before:]
            assert len(arrived) <= 1, name
            if arrived:
                passed.add(name)
                (request,) = arrived
                assert request.path == "/api/chat", name
                assert request.body == CHAT, name
                assert request.header("X-Smuggled") is None, name
            else:
                assert all(400 <= status < 600 for status in statuses(answer)), (name, answer[:200])
        assert passed <= CLEANED_BY_NGINX  # Which of them are read so, depends on NGINX's version.
        assert events(recorder, "DefectFound") == []
        assert spoken(recorder)


@pytest.mark.long
async def test_an_upload_that_turns_bad_on_the_way_is_never_complete_for_ollama(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, OLLAMA_TIMEOUT="1")
        reader, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
        try:
            writer.write(post(CHUNKED, body=b"%x\r\n%s\r\n" % (len(CHAT), CHAT)))
            async with asyncio.timeout(SECONDS):
                while not asked(ollama):
                    await asyncio.sleep(0.005)
                (request,) = asked(ollama)
                while request.body_length < len(CHAT):
                    await asyncio.sleep(0.005)
                writer.write(b"zz\r\n" + SMUGGLED)
                await request.hung_up.wait()
                answer = await reader.read(65536)
        finally:
            writer.close()
        assert all(status in (400, 408) for status in statuses(answer))
        assert not request.body_is_complete
        (kept,) = await asyncio.to_thread(records, recorder.log.parent, 1)
        line = read_record(kept.row.line)
        assert line["outcome"] == "refused"
        assert line["failed"] is True
        assert len(asked(ollama)) == 1


@pytest.mark.long
async def test_a_flood_of_malformed_requests_is_counted_and_not_logged_one_by_one(
    start_recorder: StartRecorder,
) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        for _ in range(50):
            await ask(recorder.port, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nX: \x1b[2J\r\n\r\n")
        metrics = await talk(recorder.port, request_bytes("GET", "/metrics"))
        assert b"ollama_recorder_request_malformed_total 50.0" in metrics.body
        assert len(events(recorder, "RequestMalformed")) <= 2


async def test_requests_in_a_pipeline_are_answered_in_their_order(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url)
        paths = ("/api/version", "/api/tags", "/api/version")
        sent = b"".join(request_bytes("GET", f"/api/ollama{path}") for path in paths[:2])
        sent += request_bytes("GET", f"/api/ollama{paths[2]}", Connection="close")
        answer = await ask(recorder.port, sent)
        assert statuses(answer) == [200, 200, 200]
        assert answer.index(b'"version"') < answer.index(b'"models"') < answer.rindex(b'"version"')
