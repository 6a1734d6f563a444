"""What ``/api/ps`` tells about loaded models."""

import asyncio

import pytest

from service.gateway.context_lengths import ContextLengths, read_context_lengths
from service.gateway.upstream import Upstream
from tests.fakes.ollama import RESET, FakeOllama, answer, json_answer


async def test_it_asks_while_there_is_traffic_and_survives_trouble() -> None:
    busy = True
    async with FakeOllama() as ollama:
        ollama.answers(
            "/api/ps", answer(RESET), json_answer({"models": [{"name": "tiny:latest", "context_length": 2048}]})
        )
        upstream = Upstream(ollama.url)
        lengths = ContextLengths(upstream.send, lambda: busy)
        running = asyncio.create_task(lengths.run())
        lengths.want()
        async with asyncio.timeout(20):
            while lengths.of("tiny") is None:
                await asyncio.sleep(0.01)
        assert lengths.of("tiny:latest") == 2048
        assert lengths.of("other") is None
        running.cancel()
        upstream.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"models":null}',
        b'{"models":[1]}',
        b'{"models":[{"name":"a","context_length":"x"}]}',
        b"\xff",
    ],
)
def test_an_odd_answer_tells_nothing(body: bytes) -> None:
    assert read_context_lengths(body) == {}
