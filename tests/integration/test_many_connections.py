"""Connections that ask for nothing: they end in time, are bounded, and keep nobody else out."""

import asyncio
from collections.abc import Callable

from tests.fakes.ollama import FakeOllama
from tests.gateway.harness import request_bytes, talk
from tests.integration.watching import events, started
from tests.servers.process import RunningServer

StartRecorder = Callable[..., RunningServer]
HALF_A_HEAD = b"POST /api/ollama/api/chat HTTP/1.1\r\nHost: localhost\r\nX-Half: "
HALF_A_BODY = request_bytes("POST", "/api/ollama/api/chat", Content_Length="900000", Connection="close") + b"{"
CHAT = request_bytes("POST", "/api/ollama/api/chat", b'{"model":"tiny"}')


async def opened(port: int, sent: bytes, number: int) -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(number)]
    for _, writer in connections:
        writer.write(sent)
    return connections


async def answers(connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> set[bytes]:
    """What each was answered, until the recorder ended it."""
    async with asyncio.timeout(30):
        got = await asyncio.gather(*(reader.read() for reader, _ in connections))
    for _, writer in connections:
        writer.close()
    return {answer[:12] for answer in got}


async def test_half_a_request_ends_in_time_and_others_are_served_meanwhile(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        bounds = {"REQUEST_HEAD_TIMEOUT": "1", "REQUEST_BODY_TIMEOUT": "1"}
        recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, **bounds)
        heads = await opened(recorder.port, HALF_A_HEAD, 200)
        bodies = await opened(recorder.port, HALF_A_BODY, 20)
        silent = await opened(recorder.port, b"", 20)
        assert (await talk(recorder.port, CHAT)).status == 200
        assert await answers(heads) == {b"HTTP/1.1 408"}
        assert await answers(bodies) == {b"HTTP/1.1 408"}
        assert await answers(silent) == {b""}
        assert (await talk(recorder.port, CHAT)).status == 200
        assert events(recorder, "DefectFound") == []


async def test_connections_beyond_the_bound_are_refused_counted_and_told(start_recorder: StartRecorder) -> None:
    async with FakeOllama() as ollama:
        recorder = await started(
            start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, MAX_CONNECTIONS_PER_ADDRESS="20"
        )
        idle = await opened(recorder.port, b"", 15)
        refused = await opened(recorder.port, CHAT, 12)
        await asyncio.sleep(0.1)
        for _, writer in idle:
            writer.close()
        await asyncio.sleep(0.1)
        got = [await reader.read(12) for reader, _ in refused]
        for _, writer in refused:
            writer.close()
        assert set(got) == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        await asyncio.sleep(0.1)
        metrics = (await talk(recorder.port, request_bytes("GET", "/metrics"))).body.decode()
        counted = [line for line in metrics.splitlines() if "connection_refused_total{" in line]
        assert counted == [
            'ollama_recorder_connection_refused_total{reason="address"} ' + f"{float(got.count(b'HTTP/1.1 503'))}"
        ]
        assert len(events(recorder, "ConnectionRefused")) == 1
