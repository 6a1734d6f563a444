"""Large uploads: they flow through with flat memory, whatever their framing, and an early answer comes early."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.ollama import HOLD, Conversation, FakeOllama, early, whole
from tests.integration.conftest import DIRECTLY, THROUGH_NGINX
from tests.integration.load import Client, connected, header
from tests.integration.recorder_process import MEGABYTE, RecorderProcess, StartRecorder, eventually, reached, start
from tests.integration.watching import asked
from tests.servers.process import RunningServer

pytestmark = pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it")

PIECE = bytes(range(256)) * 1024
SMALL, LARGE = 64 * MEGABYTE, 2000 * MEGABYTE
MOST_GROWTH_MB = 16
CHUNKED, WITH_LENGTH = "chunked", "with Content-Length"


@dataclass(frozen=True, slots=True)
class Way:
    """A recorder that allows management, and the port that clients of it connect to."""

    recorder: RecorderProcess
    port: int


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async with FakeOllama() as fake:
        yield fake


@pytest.fixture
async def recorder(start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama) -> RecorderProcess:
    return await start(start_recorder, tmp_path, ollama.url, ALLOW_MANAGEMENT="true")


StartNginx = Callable[..., RunningServer]


async def way_to(recorder: RecorderProcess, door: str, start_nginx: StartNginx) -> Way:
    if door == DIRECTLY:
        return Way(recorder, recorder.port)
    return Way(recorder, (await asyncio.to_thread(start_nginx, f"127.0.0.1:{recorder.port}")).port)


def pieces_of(size: int) -> list[int]:
    return [len(PIECE)] * (size // len(PIECE)) + [size % len(PIECE)]


def content(number: int, length: int) -> bytes:
    """Piece ``number`` of a blob: each begins differently, so that none can be missing, doubled or out of place."""
    return (number.to_bytes(8) + PIECE)[:length]


def digest_of(size: int) -> str:
    digest = hashlib.sha256()
    for number, length in enumerate(pieces_of(size)):
        digest.update(content(number, length))
    return digest.hexdigest()


def blob_head(digest: str, size: int, framing: str, **headers: str) -> bytes:
    lines = [f"POST /api/ollama/api/blobs/sha256:{digest} HTTP/1.1", "Host: localhost"]
    lines.append("Transfer-Encoding: chunked" if framing == CHUNKED else f"Content-Length: {size}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


class Upload:
    """A blob on its way from ``client``; ``sent`` bytes of it were taken by the kernel."""

    def __init__(self, client: Client, size: int, framing: str) -> None:
        self.sent = 0
        self._client, self._size, self._framing = client, size, framing

    async def send(self, digest: str) -> None:
        writer = self._client.writer
        writer.transport.set_write_buffer_limits(high=0)
        writer.write(blob_head(digest, self._size, self._framing))
        for number, length in enumerate(pieces_of(self._size)):
            piece = content(number, length)
            if self._framing == CHUNKED and piece:
                piece = b"%x\r\n%b\r\n" % (len(piece), piece)
            writer.write(piece)
            await writer.drain()
            self.sent += length
        if self._framing == CHUNKED:
            writer.write(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("size", "framing", "door"),
    [
        (SMALL, WITH_LENGTH, DIRECTLY),
        (SMALL, CHUNKED, DIRECTLY),
        (SMALL, WITH_LENGTH, THROUGH_NGINX),
        (SMALL, CHUNKED, THROUGH_NGINX),
        pytest.param(LARGE, WITH_LENGTH, DIRECTLY, marks=pytest.mark.long),
        pytest.param(LARGE, CHUNKED, THROUGH_NGINX, marks=pytest.mark.long),
    ],
    ids=lambda value: f"{value // MEGABYTE} MB" if isinstance(value, int) else value,
)
async def test_a_blob_arrives_unchanged_and_memory_stays_flat(
    ollama: FakeOllama,
    recorder: RecorderProcess,
    start_nginx: StartNginx,
    size: int,
    framing: str,
    door: str,
    measured: Callable[[str], None],
) -> None:
    way = await way_to(recorder, door, start_nginx)
    digest = await asyncio.to_thread(digest_of, size)
    before = recorder.resident()
    begun = time.monotonic()
    async with asyncio.timeout(300), connected(way.port) as client:
        await Upload(client, size, framing).send(digest)
        got = await client.receive()
    took = time.monotonic() - begun
    growth = recorder.peak() - before
    measured(f"{size / MEGABYTE / took:.0f} MB/s, memory grew by {growth:.1f} MB from {before:.0f} MB")

    assert got.status == 201
    request = await reached(ollama, path=f"/api/blobs/sha256:{digest}")
    assert (request.body_is_complete, request.body_length, request.body_sha256) == (True, size, digest)
    assert request.header("Content-Length") == (str(size) if framing == WITH_LENGTH else None)
    assert growth < MOST_GROWTH_MB
    kept = await recorder.record(got.exchange)
    assert (kept.outcome, kept.line["operation"], kept.line["status"]) == ("completed", "blob", 201)
    assert (kept.line["request_bytes"], kept.line["request_truncated"]) == (size, True)
    # A copy of it would not be readable anyway: the line stays small.
    assert len(kept.line["request_body"]) < 240_000


@pytest.mark.parametrize("framing", [WITH_LENGTH, CHUNKED])
@pytest.mark.parametrize("door", [DIRECTLY, THROUGH_NGINX])
async def test_an_answer_that_comes_before_the_upload_was_read_reaches_the_client_at_once(
    ollama: FakeOllama, recorder: RecorderProcess, start_nginx: StartNginx, framing: str, door: str
) -> None:
    """Ollama answers 200 without reading a blob that it has already."""
    way = await way_to(recorder, door, start_nginx)
    digest = "ab" * 32
    ollama.answers(f"/api/blobs/sha256:{digest}", early(whole(b"", 200)))
    client = await Client.connect(way.port)
    upload = Upload(client, LARGE, framing)
    sending = asyncio.create_task(upload.send(digest))
    try:
        async with asyncio.timeout(20):
            answered = await client.reader.readuntil(b"\r\n\r\n")
        assert answered.startswith(b"HTTP/1.1 200 OK\r\n")
        assert upload.sent < LARGE / 4
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        client.vanish()
    kept = await recorder.record(header(answered, "X-Exchange-Id") or "")
    assert (kept.outcome, kept.line["status"]) == ("completed", 200)
    # On a busy machine the answer may be there before the first bytes.
    assert kept.line.get("request_bytes", 0) < LARGE


@pytest.mark.long
async def test_an_ollama_that_does_not_read_an_upload_makes_its_client_wait_and_memory_does_not_grow(
    ollama: FakeOllama, recorder: RecorderProcess, measured: Callable[[str], None]
) -> None:
    digest = "cd" * 32
    ollama.answers(f"/api/blobs/sha256:{digest}", early(HOLD))
    before = recorder.resident()
    client = await Client.connect(recorder.port)
    upload = Upload(client, SMALL, WITH_LENGTH)
    sending = asyncio.create_task(upload.send(digest))
    await reached(ollama, path=f"/api/blobs/sha256:{digest}")
    seen = -1
    while seen != upload.sent:
        seen = upload.sent
        await asyncio.sleep(0.3)
    growth = recorder.peak() - before
    measured(f"{upload.sent / MEGABYTE:.1f} MB were taken, memory grew by {growth:.1f} MB")
    assert upload.sent < SMALL / 2
    assert growth < MOST_GROWTH_MB
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    client.vanish()
    # While its bytes lie unread, nobody can see that a client has left; it is over when Ollama's side moves.
    await ollama.stop()
    (kept,) = await eventually(recorder.records)
    assert kept.outcome in ("client_left", "upstream_broke_off")


async def test_an_ollama_that_ends_in_the_middle_of_an_upload_is_a_502_and_nothing_is_sent_again(
    ollama: FakeOllama, recorder: RecorderProcess
) -> None:
    digest = "ef" * 32

    async def reset_in_the_middle(conversation: Conversation) -> None:
        reading = asyncio.create_task(conversation.read_upload())
        await eventually(lambda: conversation.request.body_length > MEGABYTE)
        reading.cancel()
        conversation.reset()

    ollama.answers(f"/api/blobs/sha256:{digest}", reset_in_the_middle)
    client = await Client.connect(recorder.port)
    sending = asyncio.create_task(Upload(client, SMALL, WITH_LENGTH).send(digest))
    try:
        async with asyncio.timeout(20):
            got = await client.receive()
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        client.vanish()
    assert got.status == 502
    assert ollama.url in got.json()["error"]
    kept = await recorder.record(got.exchange)
    assert (kept.outcome, kept.line["status"]) == ("upstream_broke_off", 502)
    assert sum(request.path.startswith("/api/blobs/") for request in ollama.requests) == 1


# With the real client that people upload with


@dataclass(frozen=True, slots=True)
class Curled:
    """What curl said: the answer's body, its numbers, and with ``--verbose`` what passed."""

    status: int
    uploaded: int
    seconds: float
    passed: str


async def curl(port: int, digest: str, *arguments: str) -> Curled:
    process = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--verbose", "--max-time", "60", "--output", "/dev/null"),
        *("--write-out", "%{http_code} %{size_upload} %{time_total}"),
        *arguments,
        f"http://127.0.0.1:{port}/api/ollama/api/blobs/sha256:{digest}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, passed = await process.communicate()
    status, uploaded, seconds = said.split()
    return Curled(int(status), int(uploaded), float(seconds), passed.decode(errors="replace"))


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    file = tmp_path / "blob"
    with file.open("wb") as out:
        for number, length in enumerate(pieces_of(SMALL)):
            out.write(content(number, length))
    return file


@pytest.mark.long
@pytest.mark.parametrize("door", [DIRECTLY, THROUGH_NGINX])
async def test_curl_uploads_a_file_in_each_of_its_ways_and_is_told_to_continue(
    ollama: FakeOllama, recorder: RecorderProcess, start_nginx: StartNginx, blob: Path, door: str
) -> None:
    way = await way_to(recorder, door, start_nginx)
    digest = digest_of(SMALL)
    ways = {
        "-T": ("--request", "POST", "--upload-file", str(blob)),
        "-T chunked": ("--request", "POST", "--upload-file", str(blob), "--header", "Transfer-Encoding: chunked"),
        "--data-binary": ("--data-binary", f"@{blob}"),
        "without Expect": ("--data-binary", f"@{blob}", "--header", "Expect:"),
    }
    for number, (name, arguments) in enumerate(ways.items(), 1):
        done = await curl(way.port, digest, *arguments)
        assert (name, done.status) == (name, 201), done.passed
        assert ("100 Continue" in done.passed) is ("Expect: 100-continue" in done.passed), name
        # curl goes on by itself after a second without 100 Continue: it must not have had to.
        assert "Done waiting for 100-continue" not in done.passed, name
        request = await reached(ollama, number, f"/api/blobs/sha256:{digest}")
        assert (request.body_length, request.body_sha256) == (SMALL, digest), name
    assert "Expect: 100-continue" in (await curl(way.port, digest, *ways["-T"])).passed


@pytest.mark.long
async def test_curl_learns_of_a_refusal_before_it_sends_the_body(
    start_recorder: StartRecorder, tmp_path: Path, ollama: FakeOllama, blob: Path
) -> None:
    recorder = await start(start_recorder, tmp_path, ollama.url)
    done = await curl(recorder.port, "ab" * 32, "--request", "POST", "--upload-file", str(blob))
    assert (done.status, done.uploaded) == (403, 0)
    assert "100 Continue" not in done.passed
    assert asked(ollama) == []


@pytest.mark.long
async def test_curl_sees_the_early_answer_of_an_ollama_that_has_the_blob(
    ollama: FakeOllama, recorder: RecorderProcess, blob: Path
) -> None:
    digest = digest_of(SMALL)
    ollama.answers(f"/api/blobs/sha256:{digest}", early(whole(b"", 200)))
    for arguments in (("--upload-file", str(blob)), ("--data-binary", f"@{blob}", "--header", "Expect:")):
        done = await curl(recorder.port, digest, "--request", "POST", *arguments)
        assert done.status == 200, done.passed
        assert done.seconds < 5
