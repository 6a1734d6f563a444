"""An answer that has gone out already, as aiohttp's server sees it."""

import asyncio

import pytest
from aiohttp import web

from service.gateway.call import AlreadySent
from tests.gateway.harness import request_bytes

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("stays", [True, False])
async def test_aiohttp_adds_nothing_and_keeps_or_ends_the_connection_as_told(stays: bool) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(ANSWER)
        return AlreadySent(keep_alive=stays)  # type: ignore[return-value]  # acts as one

    server = web.Server(handle, access_log=None)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    try:
        writer.write(request_bytes("GET", "/") * 2)
        async with asyncio.timeout(20):
            got = await reader.readexactly(len(ANSWER) * 2) if stays else await reader.read()
        assert got == ANSWER * (2 if stays else 1)
    finally:
        writer.close()
        listening.close()
        await server.shutdown(1)
