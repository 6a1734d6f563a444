"""Looking after one Ollama: it leaves at once, comes back by itself, and what it has is known."""

import asyncio
from contextlib import suppress

import pytest

from service.gateway.upstream import Failure
from service.record.exchange import Outcome
from service.upstreams import watching
from service.upstreams.named_upstream import NamedUpstream
from service.upstreams.watching import Watch
from tests.fakes.ollama import HOLD, FakeOllama, answer, json_answer, whole


def watch_of(ollama: FakeOllama) -> tuple[Watch, list[str | None]]:
    changes: list[str | None] = []
    upstream = NamedUpstream("gpu1", ollama.url)
    return Watch(upstream, lambda: changes.append(upstream.trouble)), changes


async def test_what_it_has_and_has_loaded_is_known_after_a_look() -> None:
    async with FakeOllama() as ollama:
        ollama.answers(
            "/api/tags", json_answer({"models": [{"name": "Tiny:latest"}, {"model": "b:7b", "name": "x"}, 5]})
        )
        watch, changes = watch_of(ollama)
        await watch.look()
        assert watch.upstream.models == {"tiny:latest", "b:7b"}
        assert changes == [None]
        ollama.answers("/api/ps", json_answer({"models": [None, {"name": "tiny"}, {"name": 7}, "b:7b"]}))
        await watch.look()
        assert watch.upstream.models == {"tiny:latest", "b:7b"}
        assert watch.upstream.loaded == {"tiny:latest"}
        assert changes == [None]
        # What is no list takes nothing away; an empty one does.
        ollama.answers("/api/tags", answer(whole(b"<html>")))
        await watch.look()
        assert len(watch.upstream.models) == 2
        ollama.answers("/api/tags", json_answer({"models": None}))
        await watch.look()
        assert watch.upstream.models == frozenset()
        watch.upstream.client.close()


async def test_it_leaves_by_a_call_that_could_not_connect_and_is_looked_at_at_once() -> None:
    async with FakeOllama() as ollama:
        watch, changes = watch_of(ollama)
        task = asyncio.create_task(watch.run())
        try:
            async with asyncio.timeout(20):
                while not changes:
                    await asyncio.sleep(0.01)
                watch.note(Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused"))
                assert watch.upstream.trouble == f"{ollama.url} cannot be reached: connection refused"
                while len(changes) < 3:
                    await asyncio.sleep(0.01)
                # The models that it has, that it left, that it is back.
                assert changes == [None, f"{ollama.url} cannot be reached: connection refused", None]
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        watch.upstream.client.close()


async def test_what_broke_off_is_no_reason_to_leave_it() -> None:
    async with FakeOllama() as ollama:
        watch, changes = watch_of(ollama)
        watch.note(Failure(Outcome.UPSTREAM_BROKE_OFF, "the connection was closed"))
        assert watch.upstream.trouble is None
        assert not changes


async def test_one_that_is_silent_is_ill_after_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.1)
    async with FakeOllama() as ollama:
        ollama.answers("/api/version", answer(HOLD))
        watch, changes = watch_of(ollama)
        watch.upstream.loaded = frozenset({"tiny:latest"})
        await watch.look()
        assert "did not answer within 0.1 s" in (watch.upstream.trouble or "")
        assert watch.upstream.loaded == frozenset()
        assert len(changes) == 1


async def test_many_that_ask_for_an_unknown_model_cause_one_look() -> None:
    async with FakeOllama() as ollama:
        watch, _ = watch_of(ollama)
        await asyncio.gather(*(watch.look_again() for _ in range(50)))
        await watch.look_again()
        assert [request.path for request in ollama.requests].count("/api/tags") == 1
        watch.upstream.client.close()
