"""One of two Ollamas goes away, in every way that one does: nobody waits for it, and it comes back by itself."""

import asyncio
import json
from pathlib import Path
from typing import Any

from service.app import App
from tests.fakes.ollama import CHUNKED, HOLD, RESET, answer, chunk, head, json_answer
from tests.running_app import get, until
from tests.sharing.held import record, waiting, words
from tests.upstreams.pair import OneOfTwo, chat, pair


async def test_what_cannot_connect_goes_to_the_other_and_counts_as_its(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        # Not even the watch knows it yet.
        await one.ollama.stop()
        for number in range(4):
            got = await chat(app, f"call {number}")
            assert got.status == 200
            line = (await record(app, got))["record"]
            assert (line["upstream"], "queue_time" in line) == (other.name, False)
        assert len(other.served) == 4
        queue = app._ollama.sharing.places.queue  # type: ignore[union-attr]  # there are two
        assert (queue.active, queue.waiting, queue.active_at(one.name), queue.active_at(other.name)) == (0, 0, 0, 0)


async def test_a_post_is_never_sent_twice_once_a_byte_of_it_went_out(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        one.ollama.answers("/api/chat", answer(RESET))
        other.ollama.answers("/api/chat", answer(RESET))
        assert (await chat(app, "once")).status == 502
        assert one.asked("/api/chat") + other.asked("/api/chat") == 1


async def test_no_half_answers_are_stitched_together(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        half = answer(head(200, CHUNKED), chunk(b'{"message":{"content":"half"}}\n'), RESET)
        one.ollama.answers("/api/chat", half)
        other.ollama.answers("/api/chat", half)
        got = await chat(app, "hi", stream=True)
        assert not got.is_complete
        line = (await record(app, got))["record"]
        assert line["outcome"] == "upstream_broke_off"
        assert line["upstream"] in (one.name, other.name)
        assert one.asked("/api/chat") + other.asked("/api/chat") == 1


async def test_who_waits_for_the_one_that_is_gone_is_served_by_the_other(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        one.let_go.clear()
        other.let_go.clear()
        busy = [asyncio.create_task(chat(app, f"busy {number}")) for number in range(2)]
        await until(lambda: _count(one, other, 2))
        waits = [asyncio.create_task(chat(app, f"waits {number}")) for number in range(6)]
        await waiting(app, 6)
        await one.ollama.stop()
        other.let_go.set()
        assert [got.status for got in await asyncio.gather(*waits)] == [200] * 6
        assert sorted(got.status for got in await asyncio.gather(*busy)) == [200, 502]
        assert len(one.served) == 1
        await until(lambda: _is_up(app, one, False))


async def test_a_model_whose_ollama_is_away_is_an_error_that_names_it_and_no_404_of_another(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        await one.ollama.stop()
        for _ in range(2):
            got = await chat(app, "hi", "left")
            assert got.status == 502
            assert words(got).startswith(f"Ollama cannot be reached at {one.ollama.url} (connection refused).")
            assert (await record(app, got))["record"]["upstream"] == one.name
        assert not other.served


async def test_with_all_away_a_call_gets_a_502_at_once_and_readyz_names_each(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="1") as (app, one, other):
        await one.ollama.stop()
        await other.ollama.stop()
        assert (await chat(app, "hi")).status == 502
        for path in ("/api/ollama/api/tags", "/api/ollama/api/version", "/api/ollama/"):
            got = await get(app, path)
            assert got.status == 502
            assert "cannot be reached" in words(got)


async def test_it_comes_back_by_itself_and_gets_work(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, other):
        await one.ollama.stop()
        await chat(app, "hi")
        await until(lambda: _is_up(app, one, False))
        await one.ollama.__aenter__()
        began = asyncio.get_running_loop().time()
        await until(lambda: _is_up(app, one, True), seconds=20)
        assert asyncio.get_running_loop().time() - began < 10
        other.let_go.clear()
        calls = [asyncio.create_task(chat(app, f"call {number}")) for number in range(2)]
        await until(lambda: _count(one, other, 3))
        assert len(one.served) == 1
        other.let_go.set()
        await asyncio.gather(*calls)


async def test_one_that_answers_errors_or_nothing_is_left(tmp_path: Path) -> None:
    async with pair(tmp_path) as (app, one, _):
        for script in (json_answer({"error": "no"}, 503), answer(HOLD), answer(RESET)):
            one.ollama.answers("/api/version", script)
            await _look(app)
            await until(lambda: _is_up(app, one, False))
            assert (await chat(app, "hi")).status == 200
            one.ollama.answers("/api/version", json_answer({"version": "0.34.0"}))
            await _look(app)
            assert await _is_up(app, one, True)
        assert not one.served


async def test_clients_that_leave_and_ollamas_that_come_and_go_lose_no_place(tmp_path: Path) -> None:
    async with pair(tmp_path, MAX_ACTIVE="2") as (app, one, other):

        async def come_and_go() -> None:
            for _ in range(3):
                await one.ollama.stop()
                await asyncio.sleep(0.05)
                await one.ollama.__aenter__()
                await _look(app)

        calls = [asyncio.create_task(chat(app, f"call {number}", ("tiny", "left")[number % 2])) for number in range(60)]
        moving = asyncio.create_task(come_and_go())
        for call in calls[::3]:
            await asyncio.sleep(0.005)
            call.cancel()
        got = await asyncio.gather(*calls, return_exceptions=True)
        await moving
        assert {one.status for one in got if not isinstance(one, BaseException)} <= {200, 502}
        queue = app._ollama.sharing.places.queue  # type: ignore[union-attr]  # there are two

        async def is_empty() -> bool:
            return (queue.active, queue.waiting) == (0, 0)

        await until(is_empty)
        assert not any(queue.active_at(name.name) for name in (one, other))
        assert not app._ollama.routing.calls  # type: ignore[union-attr]  # there are two
        assert json.loads((await get(app, "/queue.json")).body)["waiting_count"] == 0


async def _count(one: OneOfTwo, other: OneOfTwo, count: int) -> bool:
    return len(one.served) + len(other.served) >= count


async def _look(app: App) -> None:
    await app._ollama.routing.look_at_all()  # type: ignore[union-attr]  # there are two


async def _is_up(app: App, one: OneOfTwo, is_up: bool) -> Any:
    upstream = app._ollama.routing.upstreams.all[one.name]  # type: ignore[union-attr]  # there are two
    return (upstream.trouble is None) is is_up
