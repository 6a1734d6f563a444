"""The server as a whole: what it does with its connections when it stops."""

import asyncio

from service.gateway.call import AlreadySent
from service.gateway.request import Request
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
