"""Erasing from all recorders: here, at each other one, and in Loki what nobody else can take back."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from service.journal import JournalError
from service.peers import erasing_elsewhere
from service.shipping.asking import ask as ask_receiver
from tests.fakes.ollama import FakeOllama
from tests.inspector.test_all_stores import soon
from tests.running_app import ask, chat, found, get, running, said
from tests.servers.loki import Loki

pytestmark = pytest.mark.blocks("the fixtures start and stop Loki on the event loop's thread")


def named(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    left = iter(names)
    monkeypatch.setattr("service.journal.journal.socket.gethostname", lambda: next(left, names[-1]))


async def test_it_reaches_each_recorder_and_what_was_away_is_erased_when_it_is_back(
    loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, "garage", "office")
    monkeypatch.setattr(erasing_elsewhere, "_TRIED_EVERY_SECONDS", 0.3)
    where: dict[str, Any] = {"OLLAMA_URL": "", "LOKI_URL": loki.url}
    async with FakeOllama() as ollama:
        where["OLLAMA_URL"] = ollama.url
        async with running(tmp_path / "b", **where) as there:
            port = there.port
            theirs = [await chat(there, "the red parcel"), await chat(there, "the red fox")]
            peers = f"garage=http://127.0.0.1:{port}"
            async with running(tmp_path / "a", **where, PEERS=peers) as here:
                await chat(here, "my red parcel")
                kept = await chat(here, "a blue one")
                listed = "/exchanges.json?store=loki&from=-1h"
                await soon(lambda: said(here, listed), lambda page: len(page["exchanges"]) == 4)
                assert (await said(here, "/erasing.json?q=red"))["count"] == 1
                look = await said(here, "/erasing.json?store=loki&q=red&from=-1h")
                assert look["count"] == 3
                assert look["recorders"] == [{"name": "office", "count": 1}, {"name": "garage", "count": 2}]
                path = "/exchanges?store=loki&q=red&from=-1h&count="
                assert (await ask(here, f"{path}2", b"", "DELETE")).status == 409
                done = json.loads((await ask(here, f"{path}3", b"", "DELETE")).body)
                assert done["recorders"] == [{"name": "office", "erased": 1}, {"name": "garage", "erased": 2}]
                assert (await said(there, "/exchanges.json"))["exchanges"] == []
                assert [one["exchange"] for one in (await said(here, "/exchanges.json"))["exchanges"]] == [kept]
                assert (await said(here, "/status.json"))["open_erasures"] == []
                assert theirs[0] != kept
        # The garage's recorder is away; what it shipped is in Loki all the same.
        async with running(tmp_path / "b", **where) as there:
            late = await chat(there, "a late quokka")
            await soon(
                lambda: said(there, "/exchanges.json?store=loki&from=-1h&q=quokka"),
                lambda page: len(page["exchanges"]) == 1,
            )
        async with running(tmp_path / "a", **where, PEERS=peers) as here:
            look = await said(here, "/erasing.json?store=loki&q=quokka&from=-1h")
            assert look["count"] == 1
            assert "could not be reached" in look["recorders"][1]["trouble"]
            done = json.loads((await ask(here, "/exchanges?store=loki&q=quokka&from=-1h&count=1", b"", "DELETE")).body)
            assert "tried again" in " ".join(done["notes"])
            ready = json.loads((await get(here, "/readyz")).body)
            assert "garage" in ready["degraded"]["erasing"]
        # After a restart it is still to be done, and is done when the other is there again.
        async with (
            running(tmp_path / "b", **where, LISTEN=f"127.0.0.1:{port}") as there,
            running(tmp_path / "a", **where, PEERS=peers) as here,
        ):
            await soon(lambda: said(here, "/status.json"), lambda status: status["open_erasures"] == [])
            assert (await get(there, f"/exchanges/{late}.json")).status == 404
            assert "erasing" not in json.loads((await get(here, "/readyz")).body)["degraded"]


async def test_a_recorder_without_an_address_is_named_and_its_lines_go(
    loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, "attic", "office")
    async with FakeOllama() as ollama:
        where: dict[str, Any] = {"OLLAMA_URL": ollama.url, "LOKI_URL": loki.url}
        async with running(tmp_path / "b", **where) as there:
            await chat(there, "a lost parcel")
        async with running(tmp_path / "a", **where) as here:
            look = await soon(
                lambda: said(here, "/erasing.json?store=loki&q=lost&from=-1h"), lambda look: look["count"] == 1
            )
            (attic,) = [one for one in look["recorders"] if one["name"] == "attic"]
            assert (attic["in_loki"], "PEERS" in attic["trouble"]) == (1, True)
            done = json.loads((await ask(here, "/exchanges?store=loki&q=lost&from=-1h&count=1", b"", "DELETE")).body)
            assert "attic" in " ".join(done["notes"])
            assert "tried again" not in " ".join(done["notes"])


async def test_who_may_not_erase_there_is_told(loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "garage", "office")
    readers, tokens = tmp_path / "readers.toml", tmp_path / "tokens"
    digest = hashlib.sha256(b"ann-token").hexdigest()
    readers.write_text(f'[reader.Ann]\ntoken_sha256 = "{digest}"\nmay = ["numbers"]\n')
    tokens.write_text("garage ann-token\n")
    async with (
        FakeOllama() as ollama,
        running(tmp_path / "b", OLLAMA_URL=ollama.url, LOKI_URL=loki.url, READERS_FILE=str(readers)) as there,
        running(
            tmp_path / "a",
            OLLAMA_URL=ollama.url,
            LOKI_URL=loki.url,
            PEERS=f"garage=http://127.0.0.1:{there.port}",
            PEER_TOKENS_FILE=str(tokens),
        ) as here,
    ):
        await chat(there, "a red parcel")
        look = await soon(
            lambda: said(here, "/erasing.json?store=loki&q=red&from=-1h"), lambda look: look["count"] == 1
        )
        assert "PEER_TOKENS_FILE" in look["recorders"][1]["trouble"]
        assert look["recorders"][1]["in_loki"] == 1


async def test_what_is_asked_wrongly_erases_nothing(tmp_path: Path) -> None:
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url) as app:
        assert (await get(app, "/erasing.json?store=loki")).status == 409
        assert (await ask(app, "/exchanges?store=loki&count=1", b"", "DELETE")).status == 409
    async with FakeOllama() as ollama, running(tmp_path, OLLAMA_URL=ollama.url, LOKI_URL="http://127.0.0.1:9") as app:
        mine = await chat(app, "a parcel")
        for path, status in (
            ("/exchanges?store=loki&q=a", 400),
            ("/exchanges?store=loki&count=1", 400),
            ("/exchanges?store=loki&q=a&count=1", 503),
            ("/exchanges?store=loki&before=9&count=1", 400),
        ):
            assert (await ask(app, path, b"", "DELETE")).status == status
        assert (await get(app, f"/exchanges/{mine}.json")).status == 200
        await asyncio.sleep(0)


async def test_what_no_filter_finds_yet_is_waited_for_before_anything_is_erased(
    loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.inspector_setup.Inspector._count_behind", lambda self: 3)
    async with (
        FakeOllama() as ollama,
        running(tmp_path, OLLAMA_URL=ollama.url, LOKI_URL=loki.url, PEERS="attic=http://127.0.0.1:9") as app,
    ):
        mine = await chat(app, "a parcel")
        for count in (0, 1):
            path = f"/exchanges?store=loki&q=parcel&from=-1h&count={count}"
            answer = await ask(app, path, b"", "DELETE")
            assert (answer.status, b"3 exchanges are not in the index yet" in answer.body) == (503, True)
        assert (await said(app, "/status.json"))["open_erasures"] == []
        assert (await get(app, f"/exchanges/{mine}.json")).status == 200


async def test_what_cannot_be_erased_now_is_erased_later_here_and_elsewhere_also_after_a_restart(
    loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise JournalError("the disk is full")

    monkeypatch.setattr(erasing_elsewhere, "_TRIED_EVERY_SECONDS", 0.2)
    named(monkeypatch, "office")
    async with FakeOllama() as ollama:
        where: dict[str, Any] = {"OLLAMA_URL": ollama.url, "LOKI_URL": loki.url, "PEERS": "attic=http://127.0.0.1:9"}
        with monkeypatch.context() as patch:
            patch.setattr("service.inspector_setup.Inspector._erase_records", broken)
            async with running(tmp_path, **where) as app:
                mine = await chat(app, "a parcel")
                await found(app, f"exchange={mine}", 1)
                answer = await ask(app, "/exchanges?store=loki&q=parcel&from=-1h&count=1", b"", "DELETE")
                assert (answer.status, b"erased as soon as that can be done" in answer.body) == (503, True)

                async def both_are_tried() -> Any:
                    return {one["where"]: one["trouble"] for one in (await said(app, "/status.json"))["open_erasures"]}

                tried = await soon(both_are_tried, lambda told: "disk is full" in told.get("office", ""))
                await soon(both_are_tried, lambda told: "could not be reached" in told["attic"])
                assert set(tried) == {"office", "attic"}
                assert (await get(app, f"/exchanges/{mine}.json")).status == 200
        async with running(tmp_path, **where) as app:
            await soon(
                lambda: said(app, "/status.json"),
                lambda status: [one["where"] for one in status["open_erasures"]] == ["attic"],
            )
            assert (await get(app, f"/exchanges/{mine}.json")).status == 404


async def test_a_recorder_that_names_itself_in_peers_counts_once(
    loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named(monkeypatch, "office")
    async with FakeOllama() as ollama:
        where: dict[str, Any] = {"OLLAMA_URL": ollama.url, "LOKI_URL": loki.url}
        async with running(tmp_path, **where, PEERS="office=http://127.0.0.1:9") as app:
            await found(app, f"exchange={await chat(app, 'my own parcel')}", 1)
            look = await said(app, "/erasing.json?store=loki&q=own&from=-1h")
            assert (look["count"], look["recorders"]) == (1, [{"name": "office", "count": 1}])
            done = json.loads((await ask(app, "/exchanges?store=loki&q=own&from=-1h&count=1", b"", "DELETE")).body)
            assert done["recorders"] == [{"name": "office", "erased": 1}]
            assert (await said(app, "/status.json"))["open_erasures"] == []


async def test_what_is_in_loki_and_in_no_journal_any_more_is_deleted_there_too(
    loki: Loki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal gives up what is old, and a volume may be lost. What was shipped is still found."""
    named(monkeypatch, "garage", "office", "garage", "office")
    async with FakeOllama() as ollama:
        where: dict[str, Any] = {"OLLAMA_URL": ollama.url, "LOKI_URL": loki.url}
        listed = "/exchanges.json?store=loki&from=-1h&q=heirloom"
        async with running(tmp_path / "b", **where) as there, running(tmp_path / "a", **where) as here:
            await chat(there, "an heirloom of theirs")
            await chat(here, "an heirloom of ours")
            await soon(lambda: said(here, listed), lambda page: len(page["exchanges"]) == 2)
        async with running(tmp_path / "b2", **where) as there:
            peers = f"garage=http://127.0.0.1:{there.port}"
            async with running(tmp_path / "a2", **where, PEERS=peers) as here:
                look = await said(here, "/erasing.json?store=loki&q=heirloom&from=-1h")
                assert look["count"] == 2
                assert look["recorders"] == [
                    {"name": "office", "count": 0, "in_loki": 1},
                    {"name": "garage", "count": 0, "in_loki": 1},
                ]
                path = "/exchanges?store=loki&q=heirloom&from=-1h&count=2"
                done = json.loads((await ask(here, path, b"", "DELETE")).body)
                assert done["notes"] == []
                assert (await said(here, "/status.json"))["open_erasures"] == []
        asked = ask_receiver(f"{loki.url}/loki/api/v1/delete").body.decode()
        for name in ("office", "garage"):
            assert asked.count(f'instance=\\"{name}\\"') == 1, asked
