"""Batches of replays, over HTTP."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from service.app import App
from tests.fakes.ollama import HOLD, FakeOllama, answer, head, whole
from tests.page.opened import answered, indexed
from tests.running_app import ELSEWHERE, ask, chat, found, get, running, said, until


async def begin(app: App, query: str = "", **changes: Any) -> str:
    got = await ask(app, f"/replays.json?{query}", json.dumps(changes).encode())
    assert got.status == 202, got.body
    return str(json.loads(got.body)["batch"])


async def ended(app: App, batch: str) -> dict[str, Any]:
    async def is_over() -> Any:
        await asyncio.sleep(0.02)
        told = await said(app, f"/replays/{batch}.json")
        return None if told["running"] else told

    return dict(await until(is_over))


def bytes_in(folder: Path) -> bytes:
    return b"".join([file.read_bytes() for file in folder.iterdir() if file.is_file()])


async def test_what_is_typed_for_a_batch_is_masked_as_prompts_are(tmp_path: Path) -> None:
    typed = 'Write to joe@example.org, with {"key": "sk-proj-Ab12Cd34Ef56Gh78Ij90Kl12Mn34Op56"}'
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, MASK_PACK="email") as app:
        await chat(app, "Question")
        await found(app, "", 1)
        batch = await begin(app, "", system=typed, options={"stop": [typed]})
        told = await ended(app, batch)
        # Ollama was asked what was typed; after it, it may be asked what it has in memory.
        asked = [json.loads(request.body) for request in ollama.requests if b"messages" in request.body]
        assert typed in asked[-1]["messages"][0]["content"]
        masked = 'Write to ***, with {"key": "sk-proj-***"}'
        assert told["changes"] == {"system": masked, "options": {"stop": [masked]}}
        assert b"joe@" not in (await get(app, "/replays.json")).body
    kept = bytes_in(tmp_path)
    assert b"joe@example.org" not in kept
    assert b"Op56" not in kept


async def test_what_a_filter_finds_is_asked_again_of_another_model_and_judged(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        texts = ["One is red.", "Two is red.", "One is blue.", "Two is blue."]
        ollama.answers("/api/chat", *[answer(whole(answered(text))) for text in texts])
        path = "/api/ollama/~workflow=Colours;node=Ask/api/chat"
        old = [await chat(app, f"Question {number}", path=path) for number in (1, 2)]
        await get(app, "/api/ollama/api/tags")
        await found(app, "workflow=Colours", 2)
        batch = await begin(app, "workflow=Colours", model="big", options={"temperature": 0})

        told = await ended(app, batch)
        assert (told["done"], told["prompts"]) == (2, 2)
        assert told["changes"] == {"model": "big", "options": {"temperature": 0}}
        first, second = told["rows"]
        assert [row["exchange"] for row in (first, second)] == old, "the oldest first"
        assert first["who"] == "Colours › Ask"
        assert first["prompt"] == "Question 1"
        assert (first["old"]["model"], first["new"]["model"]) == ("tiny", "big")
        assert (first["old"]["words"], first["old"]["tokens"]) == (3, 12)
        assert first["likeness"] == 0.75
        assert told["sentence"].startswith("2 of 2 prompts got a new answer. Half of them share 75 % of their words")
        replayed = await found(app, "caller=batch%20replay", 2)
        assert {entry["replay_of"] for entry in replayed} == set(old)
        assert all("workflow" not in entry for entry in replayed), "nobody's own calls are counted twice"

        judged = await ask(app, f"/replays/{batch}/verdict", json.dumps({"place": 0, "verdict": "new"}).encode())
        assert json.loads(judged.body) == {"place": 0, "verdict": "new"}
        told = await said(app, f"/replays/{batch}.json")
        assert told["rows"][0]["verdict"] == "new"
        assert told["sentence"].endswith("Judged 1: the new was better 1 ×.")
        csv = (await get(app, f"/replays/{batch}.csv")).body.decode("utf-8-sig")
        assert csv.splitlines()[0].startswith("place,prompt,who,verdict,likeness,error,old_exchange")
        assert '"Question 1"' in csv
        lines = (await get(app, f"/replays/{batch}.jsonl")).body.splitlines()
        assert json.loads(lines[1])["prompt"] == "Question 2"
        (listed,) = (await said(app, "/replays.json"))["batches"]
        assert (listed["batch"], listed["running"]) == (batch, False)

    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        told = await said(app, f"/replays/{batch}.json")
        assert told["rows"][0]["verdict"] == "new", "it is in the journal"
        assert (await get(app, f"/replays/{batch}", "DELETE")).status == 200
        assert (await get(app, f"/replays/{batch}.json")).status == 404
        assert (await said(app, "/replays.json"))["batches"] == []


async def test_a_batch_is_stopped_at_once_and_goes_on_with_what_is_left(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for number in range(2):
            await chat(app, f"Question {number}")
        await found(app, "operation=chat", 2)
        ollama.answers("/api/chat", answer(whole(answered("New."))), answer(head(200), HOLD))
        batch = await begin(app, model="big")

        async def hangs() -> bool:
            await asyncio.sleep(0.02)
            return len([one for one in ollama.requests if one.path == "/api/chat"]) == 4

        await until(hangs)
        second = await ask(app, "/replays.json", b"{}")
        assert second.status == 409
        assert "running already" in json.loads(second.body)["error"]
        assert json.loads((await ask(app, f"/replays/{batch}/stop", b"{}")).body) == {"stopped": True}
        assert json.loads((await ask(app, f"/replays/{batch}/stop", b"{}")).body) == {"stopped": False}
        told = await said(app, f"/replays/{batch}.json")
        assert (told["done"], told["running"]) == (1, False)
        assert "new" not in told["rows"][1]

        ollama.answers("/api/chat", answer(whole(answered("New as well."))))
        assert (await ask(app, f"/replays/{batch}/go-on", b"{}")).status == 202
        told = await ended(app, batch)
        assert told["done"] == 2
        assert len([one for one in ollama.requests if one.path == "/api/chat"]) == 5, "what was done is not done again"


async def test_others_go_first(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        await chat(app, "Question")
        await found(app, "operation=chat", 1)
        rest = asyncio.Event()
        ollama.answers("/api/chat", answer(rest, whole(answered("Slow."))), answer(whole(answered("New."))))
        person = asyncio.create_task(chat(app, "Of a person"))

        async def is_there() -> bool:
            await asyncio.sleep(0.02)
            return len([one for one in ollama.requests if one.path == "/api/chat"]) == 2

        await until(is_there)
        batch = await begin(app, model="big")
        await asyncio.sleep(0.4)
        assert len([one for one in ollama.requests if one.path == "/api/chat"]) == 2
        rest.set()
        await person
        assert (await ended(app, batch))["done"] == 1


async def test_what_cannot_be_done_is_told(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        nothing = await ask(app, "/replays.json?workflow=nobody", b"{}")
        assert nothing.status == 409
        await chat(app, "Question")
        await found(app, "operation=chat", 1)
        for path, body, status in (
            ("/replays.json", b'{"colour": 1}', 400),
            ("/replays.json?limit=501", b"{}", 400),
            ("/replays.json?limit=0", b"{}", 400),
            ("/replays.json?colour=red", b"{}", 400),
            ("/replays/0123456789abcdef/stop", b"{}", 404),
            ("/replays/xyz/stop", b"{}", 404),
        ):
            refused = await ask(app, path, body)
            assert (refused.status, bool(json.loads(refused.body)["error"])) == (status, True), path
        batch = await begin(app, model="big")
        await ended(app, batch)
        for body in (b'{"place": 7, "verdict": "new"}', b'{"place": 0, "verdict": "best"}', b'{"row": 1}', b"[]"):
            assert (await ask(app, f"/replays/{batch}/verdict", body)).status in (400, 409), body
        assert (await get(app, f"/replays/{batch}/stop")).status == 405
        assert (await ask(app, "/replays.json", b"{}", **ELSEWHERE)).status == 401
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url, INSPECTOR_REPLAY="false") as app,
    ):
        assert (await ask(app, "/replays.json", b"{}")).status == 403
        assert (await get(app, f"/replays/{batch}.json")).status == 200


async def test_where_ollama_is_gone_a_batch_ends_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, OLLAMA_URL="http://127.0.0.1:9") as app:
        for number in range(7):
            await chat(app, f"Question {number}")
        await indexed(app, 7)
        batch = await begin(app, model="big")
        told = await ended(app, batch)
        assert told["done"] == 5
        assert told["why_ended"].startswith("5 prompts in a row could not be sent: ")
        assert told["sentence"] == "0 of 7 prompts got a new answer, 5 failed."


async def test_a_batch_that_ends_while_it_is_read_is_not_called_over_without_its_last_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        ollama.answers("/api/chat", answer(whole(answered("One."))), answer(0.3, whole(answered("Two."))))
        await chat(app, "Question", path="/api/ollama/~workflow=Colours/api/chat")
        await found(app, "workflow=Colours", 1)
        batch = await begin(app, "workflow=Colours", model="big")

        async def read_slowly(function: Any, *arguments: Any) -> Any:
            read = await asyncio.to_thread(function, *arguments)
            await asyncio.sleep(1.0)
            return read

        monkeypatch.setattr("service.inspector.batch_pages.aside", read_slowly)
        told = await said(app, f"/replays/{batch}.json")
        assert (told["running"], told["done"]) in ((True, 0), (False, 1))
        assert told["running"], "it has ended meanwhile, and what was read is older"
        again = await ask(app, f"/replays/{batch}/go-on", b"{}")
        assert again.status == 202, "nothing runs now"
