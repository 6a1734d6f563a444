"""The real servers of the tests start, answer, and end with the test."""

import asyncio
import json
import os
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.event_loop_watch import watched_event_loop
from tests.servers.ollama import Ollama
from tests.servers.process import RunningServer, running


def test_ollama_generates_with_the_tiny_model(ollama: Ollama) -> None:
    answer = ollama.ask("/api/generate", {"model": ollama.model, "prompt": "the time of", "stream": False})
    assert answer["done"]
    assert answer["eval_count"] > 0
    assert [model["name"] for model in ollama.ask("/api/ps")["models"]] == ["tiny:latest"]


def test_a_server_that_ends_at_once_shows_what_it_wrote(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo out of cheese; exit 7"]
    with pytest.raises(AssertionError, match=r"(?s)status 7 before it was ready.*out of cheese"):  # noqa: SIM117
        with running(lambda _: command, folder=tmp_path, ready="/"):
            pass


def test_no_process_outlives_its_test(start_nginx: Callable[..., RunningServer]) -> None:
    nginx = start_nginx("127.0.0.1:1")
    nginx.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(nginx.process.pid, 0)


@pytest.mark.blocks("on purpose")
async def test_what_blocks_an_event_loop_is_found_out() -> None:
    with watched_event_loop() as watch:
        await asyncio.sleep(0.05)
        assert not watch.blocked
    with watched_event_loop() as watch:
        await asyncio.sleep(0.05)
        # What others take of the machine meanwhile is not counted.
        until = time.monotonic() + 10
        while not watch.blocked and time.monotonic() < until:
            time.sleep(0.6)  # noqa: ASYNC251 - that is what is tested
    assert "test_what_blocks_an_event_loop" in watch.blocked[0]
    with watched_event_loop() as watch:
        await asyncio.sleep(0.05)
        until = time.monotonic() + 10
        while not watch.blocked and time.monotonic() < until:
            # Python's global lock is kept all the while.
            sum(range(60_000_000))
            await asyncio.sleep(0.05)
    assert watch.blocked


def test_the_whole_chain_stands(nginx: RunningServer, ollama: Ollama) -> None:
    with urllib.request.urlopen(f"{nginx.url}/api/ollama/api/tags", timeout=10) as reply:
        names = [model["name"] for model in json.load(reply)["models"]]
        exchange = reply.headers["X-Exchange-Id"]
    assert names == ["tiny:latest"]
    assert exchange
    until = time.monotonic() + 10  # NGINX writes its line after the answer
    while exchange not in nginx.log_text() and time.monotonic() < until:
        time.sleep(0.01)
    assert json.loads(nginx.log_text().splitlines()[-1])["exchange"] == exchange
