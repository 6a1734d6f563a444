"""The example's NGINX before several recorders: what belongs together stays together, and nothing is sent twice."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from tests.fakes.ollama import ANY, RESET, FakeOllama, answer, json_answer
from tests.integration.watching import Answer, call, records
from tests.servers.nginx_site import running_site
from tests.servers.process import RunningServer, free_port
from tests.servers.recorder import PROJECT, running_recorder

SITE = PROJECT / "examples" / "several-recorders" / "nginx.conf"
NAME = "llm.example.org"
ADDRESSES = tuple(f"10.0.0.{number}:8080" for number in (11, 12, 13))
CALL = {"model": "tiny", "messages": [{"role": "user", "content": "Hello"}]}


@contextlib.asynccontextmanager
async def in_front_of(folder: Path, *ports: int) -> AsyncIterator[RunningServer]:
    instead = {address: f"127.0.0.1:{port}" for address, port in zip(ADDRESSES, ports, strict=True)}
    with contextlib.ExitStack() as servers:
        yield await asyncio.to_thread(servers.enter_context, running_site(folder, SITE, instead))
        await asyncio.to_thread(servers.close)


@contextlib.asynccontextmanager
async def three(folder: Path) -> AsyncIterator[tuple[RunningServer, list[FakeOllama]]]:
    """NGINX before three that say which they are."""
    async with contextlib.AsyncExitStack() as stack:
        behind = [await stack.enter_async_context(FakeOllama()) for _ in ADDRESSES]
        for number, each in enumerate(behind):
            each.answers(ANY, json_answer({"recorder": number}))
        yield await stack.enter_async_context(in_front_of(folder, *(each.port for each in behind))), behind


async def ask(nginx: RunningServer, path: str = "/api/ollama/api/chat", **headers: str) -> Answer:
    named = {"Host": NAME, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await asyncio.to_thread(call, nginx, path, CALL, headers=named)


async def who(nginx: RunningServer, path: str = "/api/ollama/api/chat", **headers: str) -> int:
    answered = await ask(nginx, path, **headers)
    assert answered.status == 200, answered.body
    number: int = answered.json()["recorder"]
    return number


async def test_what_belongs_together_stays_with_one_recorder(tmp_path: Path) -> None:
    async with three(tmp_path / "nginx") as (nginx, _):
        # Whoever calls the second time says less or more about itself: the conversation counts.
        for given, again in (
            ({"X_OpenWebUI_Chat_Id": "{}"}, {"X_OpenWebUI_Chat_Id": "{}", "Authorization": "Bearer other"}),
            ({"X_N8N_Execution_Id": "{}"}, {"X_N8N_Execution_Id": "{}", "X_N8N_Node": "other"}),
            ({"Authorization": "Bearer {}"}, {"Authorization": "Bearer {}", "User_Agent": "other"}),
            ({"X_Api_Key": "{}"}, {"X_Api_Key": "{}", "User_Agent": "other"}),
        ):
            chosen = []
            for number in range(30):
                first = {name: value.format(number) for name, value in given.items()}
                second = {name: value.format(number) for name, value in again.items()}
                chosen.append(await who(nginx, **first))
                assert await who(nginx, **second) == chosen[-1]
            assert set(chosen) == {0, 1, 2}, given


async def test_an_execution_in_the_path_stays_with_one_recorder(tmp_path: Path) -> None:
    async with three(tmp_path / "nginx") as (nginx, behind):
        chosen = []
        for number in range(30):
            paths = (
                f"/api/ollama/~execution={number}/api/chat",
                f"/api/ollama/~workflow=In%2Fvoices;node=A;execution={number};caller=x/v1/chat/completions",
                f"/api/ollama/~workflow=In%2Fvoices;node=B;execution={number}/api/generate?x=//y",
            )
            found = {await who(nginx, path) for path in paths}
            assert len(found) == 1
            chosen.append(found.pop())
        assert set(chosen) == {0, 1, 2}
        # Byte for byte, as a recorder has to get it.
        targets = {request.target for each in behind for request in each.requests}
        assert "/api/ollama/~workflow=In%2Fvoices;node=B;execution=7/api/generate?x=//y" in targets
        # Another call of the word in an address is no execution.
        assert await who(nginx, "/api/ollama/api/chat?execution=1") == await who(
            nginx, "/api/ollama/api/chat?execution=2"
        )


async def test_who_says_nothing_stays_by_address(tmp_path: Path) -> None:
    async with three(tmp_path / "nginx") as (nginx, behind):
        assert len({await who(nginx) for _ in range(5)}) == 1
        (chosen,) = [each for each in behind if each.requests]
        request = chosen.requests[0]
        assert request.header("X-Forwarded-For") == "127.0.0.1"
        assert request.header("Host") == NAME


async def test_a_recorder_that_is_away_is_left_out_and_the_others_keep_theirs(tmp_path: Path) -> None:
    async with three(tmp_path / "nginx") as (nginx, behind):
        before = {number: await who(nginx, X_N8N_Execution_Id=str(number)) for number in range(30)}
        await behind[1].stop()
        after = {number: await who(nginx, X_N8N_Execution_Id=str(number)) for number in range(30)}
        moved = {number for number in before if before[number] != after[number]}
        assert moved == {number for number in before if before[number] == 1}


async def test_nothing_that_went_out_is_sent_again(tmp_path: Path) -> None:
    async with three(tmp_path / "nginx") as (nginx, behind):
        for each in behind:
            each.answers(ANY, answer(RESET))
        answered = await ask(nginx)
        assert answered.status == 502
        assert sum(len(each.requests) for each in behind) == 1


async def test_a_name_for_callers_and_one_for_each_page(tmp_path: Path) -> None:
    async with three(tmp_path / "nginx") as (nginx, behind):
        for number, path in ((0, "/"), (1, "/exchanges.json?q=a%2Fb"), (2, "/live")):
            headers = {"Host": f"gpu{number + 1}.{NAME}"}
            answered = await asyncio.to_thread(call, nginx, path, headers=headers)
            assert answered.json() == {"recorder": number}
            assert behind[number].requests[-1].target == path
        refused = await asyncio.to_thread(call, nginx, "/exchanges.json", headers={"Host": NAME})
        assert (refused.status, "error" in json.loads(refused.body)) == (404, True)


async def test_two_real_recorders_behind_it_record_what_was_theirs(tmp_path: Path) -> None:
    async with FakeOllama() as ollama:
        with contextlib.ExitStack() as servers:
            recorders = []
            for number in (1, 2):
                started = running_recorder(
                    tmp_path / f"gpu{number}",
                    ready="/healthz",
                    OLLAMA_URL=ollama.url,
                    ALLOWED_HOSTS=f"{NAME},gpu{number}.{NAME}",
                    TRUSTED_PROXIES="loopback",
                )
                recorders.append(await asyncio.to_thread(servers.enter_context, started))
            # The third one is away: its conversations go to the others.
            ports = (*(each.port for each in recorders), free_port())
            async with in_front_of(tmp_path / "nginx", *ports) as nginx:
                for number in range(12):
                    answered = await ask(nginx, X_N8N_Execution_Id=str(number), X_N8N_Workflow_Name="Invoices")
                    assert answered.status == 200, answered.body
            kept = []
            for number in (1, 2):
                folder = tmp_path / f"gpu{number}"
                rows = await asyncio.to_thread(records, folder, 1)
                kept.append({json.loads(each.row.line)["execution_id"] for each in rows})
            await asyncio.to_thread(servers.close)
    assert kept[0]
    assert kept[1]
    assert sorted(kept[0] | kept[1], key=int) == [str(number) for number in range(12)]
    assert not kept[0] & kept[1]
