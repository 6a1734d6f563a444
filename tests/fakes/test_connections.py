"""The connections of a test's own server."""

import asyncio
import gc
import socket
from contextlib import suppress

import pytest

from tests.fakes.connections import listening


async def read_to_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


@pytest.mark.parametrize("turns", range(8))
async def test_whoever_arrives_as_the_server_ends_is_cut_off_and_nothing_stays_open(turns: int) -> None:
    loop = asyncio.get_running_loop()
    async with listening(read_to_the_end) as port:
        client = socket.create_connection(("127.0.0.1", port), 5)
        for _ in range(turns):
            await asyncio.sleep(0)
    with client:
        client.setblocking(False)
        async with asyncio.timeout(20):
            with suppress(ConnectionResetError):
                assert await loop.sock_recv(client, 1) == b""
    # What was left open would be told now, as a warning, and warnings are errors here.
    await asyncio.sleep(0)
    gc.collect()
