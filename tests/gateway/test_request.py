"""A request, and the connection that its answer goes to."""

import asyncio

from service.gateway.client_connection import ClientConnection
from service.gateway.request import AnswerPath, Request
from service.gateway.request_body import EMPTY
from service.gateway.request_head import read_head
from tests.gateway.harness import request_bytes
from tests.gateway.test_client_connection import Wire, served


async def test_a_clients_connection_is_where_its_answer_goes() -> None:
    read = read_head(request_bytes("GET", "/api/ollama/api/tags"))
    assert read is not None
    connection = ClientConnection(served(), asyncio.get_running_loop())
    wire = Wire(connection)
    client: AnswerPath = connection
    request = Request(*read, EMPTY, client)
    assert request.client.remote == "127.0.0.1"
    assert request.client.transport is not None
    request.client.transport.write(b"answer")
    assert wire.written == b"answer"
    await request.client.drain()
