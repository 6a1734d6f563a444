"""A whole recorder with a queue and limits, in front of an Ollama that answers when a test lets it."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from service.app import App
from tests.fakes.ollama import CHUNKED, RESET, FakeOllama, answer, chunk, head, json_answer
from tests.gateway.harness import request_bytes
from tests.running_app import CHAT, PATH, ask, counted, found, get, running, said, until
from tests.sharing.held import call, record, sharing, waiting, words


async def test_one_at_a_time_and_the_others_wait_before_a_byte_of_theirs_was_sent(tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held):
        calls = [call(app, f"question {number}", "batch") for number in range(3)]
        await held.chats(1)
        assert len(await waiting(app, 2)) == 2
        assert len(held.prompts) == 1
        # Lists pass by.
        assert (await get(app, "/api/ollama/api/tags")).status == 200
        held.let_go(3)
        answers = await asyncio.gather(*calls)
        assert [got.status for got in answers] == [200, 200, 200]
        assert len(held.prompts) == 3


async def test_a_person_waits_for_one_call_and_not_for_all_of_a_workflow(tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1", QUEUE_LENGTH="300") as (app, held):
        batch = [call(app, f"invoice {number}", "workflow=Invoices") for number in range(60)]
        await held.chats(1)
        await waiting(app, 59)
        person = call(app, "a person", "user=Ann")
        calls = await waiting(app, 60)
        assert calls[0]["caller"] == "user Ann"
        assert calls[0]["place"] == 1
        assert calls[0]["reason"] == "the one place at Ollama is taken; next"
        assert "next is who used the model least lately, and workflow Invoices used it for" in calls[1]["reason"]
        assert calls[0]["call"]["prompt"] == "a person"
        held.let_go(2)
        assert (await person).status == 200
        # Not by a clock: the person was the second that came to Ollama.
        assert held.prompts[1] == "a person"
        detail = await record(app, await person)
        line = detail["record"]
        assert line["queue_time"] > 0
        assert line["queue_behind"].startswith("workflow Invoices: 1 call, ")
        assert detail["explanation"]["phases"][0]["name"] == "queue"
        held.let_go(100)
        assert {got.status for got in await asyncio.gather(*batch)} == {200}


async def test_a_batch_waits_for_people_whatever_they_used(tmp_path: Path) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text('[workflow."Nightly"]\npriority = "batch"\n')
    async with sharing(tmp_path, MAX_ACTIVE="1", LIMITS_FILE=str(limits)) as (app, held):
        calls = [call(app, "ann 1", "user=Ann")]
        await held.chats(1)
        calls += [call(app, "night 1", "workflow=Nightly")]
        await waiting(app, 1)
        calls += [call(app, "ann 2", "user=Ann")]
        found = await waiting(app, 2)
        assert [one["caller"] for one in found] == ["user Ann", "workflow Nightly"]
        assert found[1]["reason"].endswith("interactive calls go before a batch")
        held.let_go(3)
        await asyncio.gather(*calls)
        assert held.prompts == ["ann 1", "ann 2", "night 1"]


async def test_whoever_leaves_while_waiting_never_reached_ollama(tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held):
        first = call(app, "first")
        await held.chats(1)
        _, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(request_bytes("POST", PATH, CHAT))
        await waiting(app, 1)
        last = call(app, "last")
        await waiting(app, 2)
        writer.close()
        await waiting(app, 1)
        held.let_go(2)
        assert {(await first).status, (await last).status} == {200}
        assert held.prompts == ["first", "last"]
        (left,) = await found(app, "outcome=client_left", 1)
        assert left["queue_time"] > 0
        assert left["status"] == 499
        assert ": 1 call, " in left["queue_behind"]
        assert "upstream_status" not in left
        detail = json.loads((await get(app, f"/exchanges/{left['exchange']}.json")).body)
        assert "while it waited in the recorder for a place at Ollama" in detail["explanation"]["sentence"]


SHAPES = [
    ("/api/ollama/api/chat", lambda body: body["error"]),
    ("/api/ollama/v1/chat/completions", lambda body: body["error"]["message"]),
    ("/api/ollama/v1/messages", lambda body: body["error"]["message"]),
]


@pytest.mark.parametrize(("path", "message"), SHAPES)
async def test_a_full_queue_is_told_in_the_words_and_the_shape_of_the_api(
    tmp_path: Path, path: str, message: Any
) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1", QUEUE_LENGTH="1") as (app, held):
        calls = [call(app, "runs")]
        await held.chats(1)
        calls.append(call(app, "waits"))
        await waiting(app, 1)
        got = await ask(app, path)
        assert got.status == 429
        assert int(got.header("Retry-After") or 0) >= 1
        body = json.loads(got.body)
        assert message(body) == "The queue for Ollama is full, with 1 call waiting: try again later."
        assert body["setting"] == "QUEUE_LENGTH"
        if "/v1/" in path:
            assert body["error"]["type"] == "rate_limit_error"
        line = (await record(app, got))["record"]
        assert (line["outcome"], line["status"], line["failed"]) == ("refused", 429, True)
        assert "queue_time" not in line
        held.let_go(2)
        await asyncio.gather(*calls)


async def test_who_waited_too_long_is_told_so(tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1", QUEUE_TIMEOUT="0.2") as (app, held):
        first = call(app, "runs")
        await held.chats(1)
        got = await call(app, "waits")
        assert got.status == 503
        assert got.head.startswith(b"HTTP/1.1 503 Service Unavailable")
        assert int(got.header("Retry-After") or 0) >= 1
        assert words(got) == (
            "No place at Ollama became free within 0.2 s: 1 call had one, 0 others waited. Try again later, or raise"
            " QUEUE_TIMEOUT (seconds)."
        )
        line = (await record(app, got))["record"]
        assert line["outcome"] == "refused"
        assert line["queue_time"] >= 0.2
        held.let_go()
        assert (await first).status == 200
        assert not await waiting(app, 0)


async def test_places_come_back_from_every_failure(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path / "data", OLLAMA_URL=ollama.url, MAX_ACTIVE="1") as app:
        for script in _failing():
            ollama.answers("/api/chat", script)
            await ask(app)
            assert (await said(app, "/queue.json"))["active"] == []
    async with running(tmp_path / "other", OLLAMA_URL="http://127.0.0.1:1", MAX_ACTIVE="1") as app:
        for _ in range(3):
            assert (await ask(app)).status == 502
        assert (await said(app, "/queue.json"))["active"] == []


def _failing() -> list[Any]:
    return [
        answer(RESET),
        answer(head(200, CHUNKED), chunk(b"half"), RESET),
        json_answer({"error": "no"}, 500),
        json_answer({"error": "model not found"}, 404),
    ]


async def test_a_stop_ends_those_who_wait(tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held):
        calls = [call(app, "runs"), call(app, "waits")]
        await waiting(app, 1)
        await app.stop(drain_seconds=0.1)
        for got in await asyncio.gather(*calls, return_exceptions=True):
            assert not isinstance(got, BaseException)
            assert not got.head
        assert len(held.prompts) == 1


async def test_a_long_upload_waits_outside_and_comes_whole(tmp_path: Path) -> None:
    text = "x" * 20_000_000
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held):
        calls = [call(app, "runs")]
        await held.chats(1)
        calls.append(call(app, text))
        await waiting(app, 1)
        held.let_go(2)
        assert {got.status for got in await asyncio.gather(*calls)} == {200}
        request = held.last
        assert request.body_length > 20_000_000


async def test_replays_and_generate_go_through_the_queue(tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held):
        held.let_go()
        got = await call(app, "once")
        first = call(app, "runs")
        await held.chats(2)
        again = asyncio.create_task(
            ask(app, f"/exchanges/{got.header('X-Exchange-Id')}/replay", b"{}", Content_Type="application/json")
        )
        await waiting(app, 1)
        generated = asyncio.create_task(ask(app, "/generate", b'{"prompt": "hi", "model": "tiny"}'))
        await waiting(app, 2)
        held.let_go(3)
        assert {(await one).status for one in (first, again, generated)} == {200}


async def test_the_metrics_and_the_live_feed_tell_of_the_queue(tmp_path: Path) -> None:
    async with sharing(tmp_path, MAX_ACTIVE="1") as (app, held):
        reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
        writer.write(request_bytes("GET", "/live"))
        calls = [call(app, "runs"), call(app, "waits")]
        await waiting(app, 1)
        async with asyncio.timeout(20):
            told = b""
            while b'"place":1' not in told:
                told = await reader.readline()
        assert b"the one place at Ollama is taken; next" in told
        writer.close()
        metrics = (await get(app, "/metrics")).body.decode()
        assert "ollama_recorder_waiting 1.0" in metrics
        assert "ollama_recorder_active 1.0" in metrics
        held.let_go(2)
        await asyncio.gather(*calls)
        await counted(app, 'ollama_recorder_queue_seconds_bucket{le="+Inf"} 2.0', "ollama_recorder_waiting 0.0")


async def test_without_the_settings_there_is_no_queue_and_nothing_is_told_of_one(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path / "data", OLLAMA_URL=ollama.url) as app:
        assert app._relay._hooks.share is None
        assert (await ask(app)).status == 200
        assert await said(app, "/queue.json") == {"max_active": 0, "active": [], "waiting": [], "waiting_count": 0}
        assert await said(app, "/limits.json") == {"callers": []}
        assert "ollama_recorder_waiting" not in (await get(app, "/metrics")).body.decode()


# Limits


def written(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "limits.toml").write_text(text)
    return {"LIMITS_FILE": str(tmp_path / "limits.toml")}


async def test_a_caller_has_its_own_places_and_its_own_room_to_wait(tmp_path: Path) -> None:
    rules = written(tmp_path, '[workflow."Invoices"]\nmax_active = 1\nmax_waiting = 1\n')
    async with sharing(tmp_path, **rules) as (app, held):
        calls = [call(app, "one", "workflow=Invoices")]
        await held.chats(1)
        calls.append(call(app, "two", "workflow=Invoices"))
        (waits,) = await waiting(app, 1)
        assert waits["reason"] == "workflow Invoices has its one place (max_active); next"
        got = await call(app, "three", "workflow=Invoices")
        assert got.status == 429
        assert words(got).startswith("Workflow Invoices has as many calls waiting as it may (1 of 1)")
        # Nobody else is held up.
        calls.append(call(app, "another", "user=Ann"))
        await held.chats(2)
        held.let_go(3)
        assert {got.status for got in await asyncio.gather(*calls)} == {200}


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ('[workflow."Invoices"]\nmax_active = 1\nmax_waiting = 0\n', "No place is free for workflow Invoices, which"),
        ("", "No place at Ollama is free, and no call may wait (QUEUE_LENGTH=0)"),
    ],
    ids=["max_waiting", "QUEUE_LENGTH"],
)
async def test_who_may_not_wait_at_all_is_refused_while_no_place_is_free(
    tmp_path: Path, setting: str, why: str
) -> None:
    settings = written(tmp_path, setting) if setting else {"MAX_ACTIVE": "1", "QUEUE_LENGTH": "0"}
    async with sharing(tmp_path, **settings) as (app, held):
        first = call(app, "the only one", "workflow=Invoices")
        await held.chats(1)
        got = await call(app, "one too many", "workflow=Invoices")
        assert got.status == 429
        assert words(got).startswith(why)
        assert got.header("Retry-After") is not None
        held.let_go(2)
        assert (await first).status == 200
        assert (await call(app, "and now", "workflow=Invoices")).status == 200


async def test_requests_of_a_minute_and_models_and_keep_alive(tmp_path: Path) -> None:
    rules = written(
        tmp_path,
        '[caller."app"]\nrequests_per_minute = 2\n[user."Ann"]\nmodels = ["tiny*"]\nkeep_alive_at_most = "10m"\n',
    )
    async with sharing(tmp_path, **rules) as (app, held):
        held.let_go(100)
        assert [(await call(app, "hi", "caller=app")).status for _ in range(3)] == [200, 200, 429]
        got = await call(app, "hi", "caller=app")
        assert words(got).startswith("Caller app may make 2 requests a minute, and has made them: try again in ")
        assert 0 < int(got.header("Retry-After") or 0) <= 60

        assert (await call(app, "hi", "user=Ann", keep_alive="5m")).status == 200
        got = await call(app, "hi", "user=Ann", model="llama3.2")
        assert (got.status, words(got)) == (403, "user Ann may not use the model 'llama3.2', only: tiny*.")
        got = await call(app, "hi", "user=Ann", keep_alive=-1)
        assert got.status == 403
        assert words(got).endswith("keep a model loaded for 10 min at most; keep_alive asks to keep it for ever.")
        assert (await record(app, got))["record"]["outcome"] == "refused"


async def test_tokens_of_the_day_are_counted_before_and_after_a_restart(tmp_path: Path) -> None:
    rules = written(tmp_path, '[user."Ann"]\ntokens_per_day = 80\n')
    async with sharing(tmp_path, **rules) as (app, held):
        held.let_go(100)
        assert [(await call(app, "hi", "user=Ann")).status for _ in range(2)] == [200, 200]

        async def counted() -> bool:
            return bool((await limits_of(app, "user Ann"))["tokens_of_today"] == 84)

        await until(counted)
        got = await call(app, "hi", "user=Ann")
        assert got.status == 429
        assert words(got).startswith("User Ann may use 80 tokens a day, and has used 84: the next day begins in ")
        assert 0 < int(got.header("Retry-After") or 0) <= 90_000
    async with sharing(tmp_path, **rules) as (app, held):
        held.let_go(100)
        assert (await call(app, "hi", "user=Ann")).status == 429
        assert (await call(app, "hi", "user=Bob")).status == 200


async def limits_of(app: App, name: str) -> dict[str, Any]:
    callers = (await said(app, "/limits.json"))["callers"]
    return next(caller for caller in callers if caller["caller"] == name)


async def test_with_keys_the_key_decides_and_what_is_claimed_besides_changes_nothing(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"alice {hashlib.sha256(b'secret').hexdigest()}\n")
    rules = written(tmp_path, '[key."alice"]\nrequests_per_minute = 1\n[user."Root"]\nrequests_per_minute = 1000\n')
    async with sharing(tmp_path, API_KEYS_FILE=str(keys), **rules) as (app, held):
        held.let_go(100)
        path = "/api/ollama/~user=Root/api/chat"
        got = await ask(app, path, CHAT, Authorization="Bearer secret")
        assert got.status == 200
        assert (await record(app, got))["record"]["key"] == "alice"
        got = await ask(app, path, CHAT, Authorization="Bearer secret")
        assert got.status == 429
        assert "Key alice may make 1 request a minute" in words(got)


async def test_rules_are_read_again_and_a_mistake_leaves_the_old_ones(tmp_path: Path) -> None:
    rules = written(tmp_path, '[user."Ann"]\nmodels = ["other"]\n')
    file = tmp_path / "limits.toml"
    async with sharing(tmp_path, **rules) as (app, held):
        held.let_go(100)
        assert (await call(app, "hi", "user=Ann")).status == 403
        file.write_text('[user."Ann"]\nmodels = "tiny"\n')
        app.read_watched_files_again()
        await asyncio.sleep(0.2)
        assert (await call(app, "hi", "user=Ann")).status == 403
        file.write_text('[user."Ann"]\nmodels = ["tiny"]\n')

        async def counts() -> bool:
            return (await call(app, "hi", "user=Ann")).status == 200

        # Without being asked: the file has changed.
        await until(counts)


async def test_under_refuse_ollama_is_asked_not_to_cut_and_the_record_says_so(tmp_path: Path) -> None:
    rules = written(tmp_path, '[default]\ncontext = "refuse"\n')
    async with sharing(tmp_path, **rules) as (app, held):
        held.let_go(100)
        got = await call(app, "hi")
        sent = bytes(held.last.body)
        assert sent.startswith(b'{"truncate":false,"shift":false,"model"')
        assert json.loads(sent)["truncate"] is False
        assert held.last.header("Content-Length") == str(len(sent))
        line = (await record(app, got))["record"]
        assert line["changed"] == ["truncate", "shift"]
        # The record keeps what the client sent.
        assert "truncate" not in line["request_body"]
        got = await call(app, "hi", truncate=True, shift=False)
        assert json.loads(bytes(held.last.body))["truncate"] is True
        assert "changed" not in (await record(app, got))["record"]
