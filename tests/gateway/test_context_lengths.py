"""What is asked of Ollama about its models, and when."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from service.gateway.context_lengths import ContextLengths
from service.gateway.upstream import Upstream
from service.record.model_facts import LoadedModel
from tests.fakes.ollama import RESET, FakeOllama, answer, json_answer, loaded_with, whole

SHOWN = {"model_info": {"llama.context_length": 8192}, "parameters": "num_ctx 512"}


@asynccontextmanager
async def asking(ollama: FakeOllama, in_flight: Callable[[], int]) -> AsyncIterator[ContextLengths]:
    upstream = Upstream(ollama.url)
    lengths = ContextLengths(upstream.send, in_flight)
    running = asyncio.create_task(lengths.run())
    await asyncio.sleep(0)
    yield lengths
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    upstream.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_it_looks_while_there_is_traffic_and_survives_trouble() -> None:
    async with FakeOllama() as ollama, asking(ollama, lambda: 1) as lengths:
        ollama.answers("/api/ps", answer(RESET), answer(whole(b"nope")), loaded_with(tiny=2048))
        before = time.time_ns()
        lengths.want()
        await until(lambda: len(lengths.looks()) == 2)
        first, second = lengths.looks()
        assert (first.number, second.number) == (1, 2)
        assert before < first.asked_ns < first.answered_ns < second.asked_ns < time.time_ns()
        assert first.models == (LoadedModel("tiny:latest", 2048),)
        assert first.in_flight == 1


async def test_the_last_look_comes_after_the_last_call_and_tells_that_nothing_goes_on() -> None:
    in_flight = 2
    async with FakeOllama() as ollama, asking(ollama, lambda: in_flight) as lengths:
        ollama.answers("/api/ps", loaded_with(tiny=2048))
        lengths.want()
        await until(lengths.looks)
        in_flight = 0
        await until(lambda: lengths.looks()[-1].in_flight == 0)
        count = len(lengths.looks())
        await asyncio.sleep(0.3)
        assert len(lengths.looks()) == count
        assert [look.in_flight for look in lengths.looks()] == [2] * (count - 1) + [0]


async def test_a_call_that_began_during_a_look_counts() -> None:
    async with FakeOllama() as ollama, asking(ollama, lambda: 0) as lengths:
        begun = asyncio.Event()
        ollama.answers("/api/ps", loaded_with(begun, tiny=1), loaded_with(tiny=1))
        lengths.want()
        await ollama.request()
        lengths.want()
        begun.set()
        await until(lambda: len(lengths.looks()) == 2)
        assert [look.in_flight for look in lengths.looks()] == [1, 0]


async def test_what_models_are_is_asked_once_of_those_that_are_loaded_and_of_those_that_are_wanted() -> None:
    async with FakeOllama() as ollama, asking(ollama, lambda: 0) as lengths:
        ollama.answers("/api/ps", loaded_with(tiny=2048))
        ollama.answers("/api/show", json_answer(SHOWN))
        assert lengths.facts_of("copy") is None
        await until(lambda: lengths.facts_of("copy:latest"))
        facts = lengths.facts_of("TINY")
        assert facts is not None
        assert (facts.trained_length, facts.num_ctx) == (8192, 512)
        lengths.want()
        await until(lambda: len(lengths.looks()) == 2)
        asked = [json.loads(request.body)["model"] for request in ollama.requests if request.path == "/api/show"]
        assert asked == ["tiny:latest", "copy:latest"]


async def test_a_model_that_ollama_does_not_describe_is_not_asked_for_again_and_again() -> None:
    async with FakeOllama() as ollama, asking(ollama, lambda: 0) as lengths:
        ollama.answers("/api/ps", json_answer({"models": []}))
        ollama.answers("/api/show", json_answer({"error": "no"}, 404))
        for number in (1, 2, 3):
            assert lengths.facts_of("gone") is None
            lengths.want()
            await until(lambda number=number: len(lengths.looks()) >= number)  # type: ignore[misc]
        assert sum(request.path == "/api/show" for request in ollama.requests) == 1


async def test_a_name_with_half_an_emoji_is_asked_for_as_any_other() -> None:
    async with FakeOllama() as ollama, asking(ollama, lambda: 0) as lengths:
        ollama.answers("/api/ps", json_answer({"models": []}))
        ollama.answers("/api/show", json_answer({"error": "no"}, 404), json_answer(SHOWN))
        lengths.facts_of("a\ud83d")
        await until(lambda: any(request.path == "/api/show" for request in ollama.requests))
        lengths.facts_of("copy")
        await until(lambda: lengths.facts_of("copy"))
        asked = [json.loads(request.body)["model"] for request in ollama.requests if request.path == "/api/show"]
        assert asked == ["a\ud83d:latest", "copy:latest"]


async def test_what_is_known_of_models_is_forgotten_when_one_is_made() -> None:
    async with FakeOllama() as ollama, asking(ollama, lambda: 0) as lengths:
        ollama.answers("/api/ps", loaded_with(tiny=2048))
        ollama.answers("/api/show", json_answer(SHOWN))
        lengths.want()
        await until(lambda: lengths.facts_of("tiny"))
        lengths.note_ended(["chat", "list"])
        assert lengths.facts_of("tiny") is not None
        lengths.note_ended(["chat", "create"])
        assert lengths.facts_of("tiny") is None
        await until(lambda: lengths.facts_of("tiny"))


async def test_what_models_are_may_be_asked_for_in_another_thread() -> None:
    async with FakeOllama() as ollama, asking(ollama, lambda: 0) as lengths:
        ollama.answers("/api/ps", json_answer({"models": []}))
        ollama.answers("/api/show", json_answer(SHOWN))
        assert await asyncio.to_thread(lengths.facts_of, "tiny") is None
        await until(lambda: lengths.facts_of("tiny"))


async def test_a_look_that_is_on_its_way_is_waited_for_a_moment() -> None:
    async with FakeOllama() as ollama, asking(ollama, lambda: 1) as lengths:
        go_on = asyncio.Event()
        ollama.answers("/api/ps", loaded_with(go_on, tiny=1))
        # There is none yet.
        await asyncio.to_thread(lengths.await_look)
        lengths.want()
        await ollama.request()
        await asyncio.to_thread(lengths.await_look)
        assert not lengths.looks()
        waiting = asyncio.create_task(asyncio.to_thread(lengths.await_look))
        go_on.set()
        await waiting
        await until(lengths.looks)
