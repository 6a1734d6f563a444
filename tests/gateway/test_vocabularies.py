"""How vocabularies are fetched, kept and given."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.gateway.upstream import Upstream
from service.gateway.vocabularies import Vocabularies
from service.record.model_facts import ModelFacts
from tests.fakes.ollama import RESET, FakeOllama, answer, json_answer
from tests.record.test_vocabulary import BPE

WEIGHTS = "a" * 64
SHOWN = {"model_info": BPE}


@asynccontextmanager
async def fetching(ollama: FakeOllama, folder: Path, weights: str | None = WEIGHTS) -> AsyncIterator[Vocabularies]:
    upstream = Upstream(ollama.url)
    found = Vocabularies(upstream.send, folder / "vocabularies", lambda model: ModelFacts(weights))
    running = asyncio.create_task(found.run())
    await asyncio.sleep(0)
    yield found
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    upstream.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_vocabulary_is_fetched_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, fetching(ollama, tmp_path) as vocabularies:
        ollama.answers("/api/show", json_answer(SHOWN))
        assert vocabularies.counter_of("tiny") is None
        await until(lambda: vocabularies.counter_of("tiny"))
        counter = vocabularies.counter_of("another name of it")
        assert counter is not None
        assert counter("the the", float("inf")) == 2
        [request] = ollama.requests
        assert json.loads(request.body) == {"model": "tiny", "verbose": True}
    [file] = (tmp_path / "vocabularies").iterdir()
    assert (file.name, oct(file.stat().st_mode), oct(file.parent.stat().st_mode)) == (WEIGHTS, "0o100600", "0o40700")


async def test_it_is_read_from_its_file_after_a_start(tmp_path: Path) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/show", json_answer(SHOWN), answer(RESET))
        for _ in range(2):
            async with fetching(ollama, tmp_path) as vocabularies:
                await until(lambda found=vocabularies: found.counter_of("tiny"))  # type: ignore[misc]
        assert len(ollama.requests) == 1


async def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "vocabularies").mkdir()
    (tmp_path / "vocabularies" / WEIGHTS).write_bytes(b"nonsense")
    async with FakeOllama() as ollama, fetching(ollama, tmp_path) as vocabularies:
        ollama.answers("/api/show", json_answer(SHOWN))
        await until(lambda: vocabularies.counter_of("tiny"))
    assert (tmp_path / "vocabularies" / WEIGHTS).read_bytes() != b"nonsense"


async def test_weights_that_cannot_be_counted_are_not_asked_for_again(tmp_path: Path) -> None:
    async with FakeOllama() as ollama:
        ollama.answers("/api/show", json_answer({"model_info": {}}))
        for _ in range(2):
            async with fetching(ollama, tmp_path) as vocabularies:
                assert vocabularies.counter_of("tiny") is None
                await until(lambda: [*tmp_path.glob("vocabularies/" + "a" * 64)])
                await asyncio.sleep(0.1)
                assert vocabularies.counter_of("tiny") is None
        assert len(ollama.requests) == 1


async def test_where_ollama_did_not_answer_it_is_asked_again(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, fetching(ollama, tmp_path) as vocabularies:
        ollama.answers("/api/show", answer(RESET), json_answer({"error": "no"}, 404), json_answer(SHOWN))
        await until(lambda: vocabularies.counter_of("tiny"))
        assert len(ollama.requests) == 3


async def test_a_model_whose_weights_are_not_known_has_none(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, fetching(ollama, tmp_path, None) as vocabularies:
        assert vocabularies.counter_of("tiny") is None
        await asyncio.sleep(0.05)
        assert not ollama.requests


async def test_a_folder_that_cannot_be_written_keeps_none(tmp_path: Path) -> None:
    (tmp_path / "vocabularies").write_bytes(b"a file")
    async with FakeOllama() as ollama, fetching(ollama, tmp_path) as vocabularies:
        ollama.answers("/api/show", json_answer(SHOWN))
        await until(lambda: vocabularies.counter_of("tiny"))


@pytest.mark.long
async def test_memory_and_files_are_bounded(tmp_path: Path, monkeypatch: object) -> None:
    names = [f"{number:064x}" for number in range(8)]
    async with FakeOllama() as ollama:
        ollama.answers("/api/show", json_answer(SHOWN))
        upstream = Upstream(ollama.url)
        found = Vocabularies(upstream.send, tmp_path / "vocabularies", ModelFacts)
        running = asyncio.create_task(found.run())
        await asyncio.sleep(0)
        for name in names:
            await until(lambda name=name: found.counter_of(name))  # type: ignore[misc]
        assert len(found._loaded) == 4
        # The first one comes back from its file.
        await until(lambda: found.counter_of(names[0]))
        assert len(ollama.requests) == len(names)
        running.cancel()
        upstream.close()
