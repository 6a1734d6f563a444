"""The server as a whole: what it does with its connections when it stops."""

import asyncio
import resource

from service.gateway.call import AlreadySent
from service.gateway.http_server import most_connections, raise_file_limit
from service.gateway.request import Request
from service.gateway_setup import bounds_of
from service.settings import read_settings
from tests.gateway.test_client_connection import PAGE, POSTED, Wire, by_gateway, served


async def test_idle_connections_end_at_once_and_answers_on_their_way_may_end() -> None:
    may_answer = asyncio.Event()

    async def slowly(request: Request, path: str, query: str) -> AlreadySent:
        await may_answer.wait()
        return await by_gateway(request, path, query)

    server = served(handle=slowly)
    new, paged, asking = Wire(server()), Wire(server()), Wire(server())
    await paged.send(PAGE)
    assert await paged.answers(1) == ["P0"]
    await asking.send(POSTED + POSTED)
    stopping = asyncio.create_task(server.shutdown(5))
    await asyncio.sleep(0.01)
    assert (new.is_closing(), paged.is_closing(), asking.is_closing()) == (True, True, False)
    may_answer.set()
    await stopping
    assert await asking.answers(1) == ["G5"]
    assert asking.is_closing()


async def test_an_answer_that_does_not_end_is_cut_off() -> None:
    ended: list[str] = []

    async def never(request: Request, path: str, query: str) -> AlreadySent:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cut off")
        return AlreadySent(keep_alive=False)

    server = served(handle=never)
    wire = Wire(server())
    await wire.send(POSTED)
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await server.shutdown(0.05)
    assert ended == ["cut off"]
    assert wire.is_closing()


async def test_a_client_that_leaves_ends_its_exchange() -> None:
    ended = asyncio.Event()

    async def never(request: Request, path: str, query: str) -> AlreadySent:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return AlreadySent(keep_alive=False)

    server = served(handle=never)
    wire = Wire(server())
    await wire.send(POSTED)
    await asyncio.sleep(0)
    wire.abort()
    async with asyncio.timeout(20):
        await ended.wait()
    await server.shutdown(0.05)


async def test_there_is_a_bound_for_all_connections_and_one_for_each_address() -> None:
    server = served(most=3, most_of_one=2)
    wires = [Wire(server(), address) for address in ("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.3")]
    # Who is refused takes a place until the connection is gone, so the fourth finds none either.
    assert [wire.has_ended for wire in wires] == [False, False, True, True, True]
    assert all(b"503 Service Unavailable" in wire.written for wire in wires[2:])
    for wire in wires[2:]:
        wire.close()
    await asyncio.sleep(0.01)
    assert server.trouble() is None
    late = Wire(server(), "10.0.0.2")
    assert not late.has_ended
    assert "3 of 3" in (server.trouble() or "")
    await late.send(POSTED)
    assert await late.answers(1) == ["G5"]
    await server.shutdown(1)
    await asyncio.sleep(0)
    assert server.trouble() is None


def test_connections_to_several_ollamas_leave_fewer_to_clients() -> None:
    assert bounds_of(read_settings({})).kept_open == 0
    assert bounds_of(read_settings({"OLLAMA_URL": "http://one,http://two,http://three"})).kept_open == 6


def test_as_many_connections_as_files_allow() -> None:
    assert most_connections(7) == 7
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, soft), hard))
        assert most_connections(0) == 96
        assert most_connections(0, kept_open=20) == 86
        assert most_connections(0, kept_open=2000) == 1
        assert most_connections(7, kept_open=2000) == 7
        raise_file_limit()
        assert most_connections(0) > 96
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] in (hard, 1 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
