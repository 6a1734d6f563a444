"""``store=loki``: what the addresses answer about all recorders, in front of a real Loki."""

import asyncio
import hashlib
import io
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.connections import listening
from tests.fakes.ollama import FakeOllama
from tests.running_app import ELSEWHERE, chat, get, running, said
from tests.servers.loki import Loki

pytestmark = pytest.mark.blocks("the fixtures start and stop Loki on the event loop's thread")


async def soon(asked: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(60):
        while not is_so(answer := await asked()):
            await asyncio.sleep(0.2)
    return answer


async def test_two_recorders_are_seen_by_each_and_each_says_whose_it_is(
    loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A journal is called as the machine that began it.
    names = iter(("office", "garage"))
    monkeypatch.setattr("service.journal.journal.socket.gethostname", lambda: next(names))
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "a", OLLAMA_URL=ollama.url, LOKI_URL=loki.url, PEERS="garage=http://garage:8080") as here,
        running(tmp_path / "b", OLLAMA_URL=ollama.url, LOKI_URL=loki.url) as there,
    ):
        mine = await chat(here, "the blue parcel", X_Caller="cron")
        theirs = await chat(there, "the red parcel")
        found = await soon(
            lambda: said(here, "/exchanges.json?store=loki&q=parcel&from=-1h"), lambda page: len(page["exchanges"]) == 2
        )
        assert [(one["instance"], one["exchange"]) for one in found["exchanges"]] == [
            ("garage", theirs),
            ("office", mine),
        ]
        assert found["store"] == "loki"
        assert found["complete"]
        assert found["scanned"]["bytes"] > 0
        assert "number" not in found["exchanges"][0]
        assert "request_body" not in found["exchanges"][0]
        assert found["exchanges"][0]["prompt"] == "the red parcel"

        first = await said(here, "/exchanges.json?store=loki&from=-1h&limit=1")
        second = await said(here, first["next"])
        assert [one["exchange"] for page in (first, second) for one in page["exchanges"]] == [theirs, mine]
        assert "next" not in second

        one = await said(here, f"/exchanges/{theirs}.json?store=loki")
        assert (one["store"], one["instance"]) == ("loki", "garage")
        assert one["record"]["exchange"] == theirs
        assert [turn["text"] for turn in one["conversation"]["turns"]] == ["the red parcel"]
        assert one["may_replay"] is False
        assert "garage" in one["why_no_replay"]
        assert (one["request"]["is_shortened"], one["response"]["is_shortened"]) == (False, False)
        status = await said(here, "/status.json")
        assert (status["stores"], status["peers"]) == (["journal", "loki"], {"garage": "http://garage:8080"})
        # The journal's own lists know nothing of the other.
        assert [each["exchange"] for each in (await said(here, "/exchanges.json"))["exchanges"]] == [mine]


async def test_who_may_see_numbers_only_sees_nobodys_words_here_either(loki: Loki, tmp_path: Path) -> None:
    file = tmp_path / "readers.toml"
    token = hashlib.sha256(b"ann-token").hexdigest()
    file.write_text(f'[reader.Ann]\ntoken_sha256 = "{token}"\nmay = ["numbers"]\n')
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "a", OLLAMA_URL=ollama.url, LOKI_URL=loki.url, READERS_FILE=str(file)) as app,
    ):
        mine = await chat(app, "the blue parcel")
        path, ann = "/exchanges.json?store=loki&from=-1h", {"Authorization": "Bearer ann-token", **ELSEWHERE}
        found = await soon(lambda: said(app, path, **ann), lambda page: len(page["exchanges"]) == 1)
        assert found["exchanges"][0]["exchange"] == mine
        assert "parcel" not in json.dumps(found)
        for closed in (f"{path}&q=parcel", f"/exchanges/{mine}.json?store=loki"):
            assert (await get(app, closed, **ann)).status == 403


async def test_what_cannot_be_asked_is_told(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        for path, status, words in (
            ("/exchanges.json?store=loki", 409, "LOKI_URL"),
            (f"/exchanges/{'a' * 32}.json?store=loki", 409, "LOKI_URL"),
            ("/exchanges.json?store=cloud", 400, "journal, loki"),
        ):
            answer = await get(app, path)
            assert (answer.status, words in answer.body.decode()) == (status, True)
        assert "exchanges" in await said(app, "/exchanges.json?store=journal")
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, LOKI_URL="http://127.0.0.1:9") as app:
        for path, status, words in (
            ("/exchanges.json?store=loki", 503, "could not be asked"),
            (f"/exchanges/{'a' * 32}.json?store=loki", 503, "could not be asked"),
            ("/exchanges.json?store=loki&after=7", 400, "one recorder"),
            ("/exchanges.json?store=loki&before=7", 400, "one recorder"),
            ("/exchanges.json?store=loki&older_than=7", 400, "page before"),
        ):
            answer = await get(app, path)
            assert (answer.status, words in answer.body.decode()) == (status, True)


async def test_a_loki_that_never_answers_keeps_nobody_elses_totals_waiting(tmp_path: Path) -> None:
    # The kernel takes its connections, and nobody reads from them.
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, LOKI_URL=url) as app:
        await chat(app, "the blue parcel")
        asking = [asyncio.create_task(get(app, "/exchanges.json?store=loki")) for _ in range(3)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(20):
            assert (await said(app, "/stats.json?by=model"))["by"] == "model"
            assert len((await said(app, "/exchanges.json?model=tiny"))["exchanges"]) <= 1
        assert not any(task.done() for task in asking)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    silent.close()


async def test_a_line_that_is_not_whole_says_so(loki: Loki, tmp_path: Path) -> None:
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "a", OLLAMA_URL=ollama.url, LOKI_URL=loki.url, KEEP_BODY_BYTES="200") as app,
    ):
        long = await chat(app, "a long parcel " * 100)
        await soon(lambda: said(app, "/exchanges.json?store=loki&from=-1h"), lambda page: len(page["exchanges"]) == 1)
        one = await said(app, f"/exchanges/{long}.json?store=loki")
        assert one["request"]["is_shortened"]
        assert "kept" not in one["request"]


@pytest.mark.parametrize(
    "path",
    ["/exchanges.json?store=loki", "/stats.json?by=model&store=loki", "/exchanges.csv?store=loki"],
)
async def test_a_question_to_loki_ends_with_its_asker(tmp_path: Path, path: str) -> None:
    ended = asyncio.Semaphore(0)

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_a_question = (await reader.readline()).startswith(b"GET /loki/api/v1/query_range")
        if is_a_question:
            begun.release()
        await reader.read()
        writer.close()
        if is_a_question:
            ended.release()

    begun = asyncio.Semaphore(0)
    async with listening(never_answer) as port:
        url = f"http://127.0.0.1:{port}"
        said_there = io.BytesIO()
        async with (
            FakeOllama() as ollama,
            running(tmp_path, said_there, OLLAMA_URL=ollama.url, LOKI_URL=url) as app,
        ):
            # More than there are threads for it: one after the other gets its turn as soon as those before it left.
            for _ in range(6):
                asking = asyncio.create_task(get(app, path))
                async with asyncio.timeout(20):
                    await begun.acquire()
                    asking.cancel()
                    await ended.acquire()
        assert b"Traceback" not in said_there.getvalue()
        assert b"DefectFound" not in said_there.getvalue()
