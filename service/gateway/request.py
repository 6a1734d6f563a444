"""One request as the gateway gets it: its head, its body as it comes, and the connection that its answer goes to."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from service.gateway.call import AlreadySent
from service.gateway.request_body import BodyStream
from service.gateway.request_head import RequestHead


class AnswerPath(Protocol):
    """Where an answer goes. ``transport`` is None when the client is gone."""

    @property
    def transport(self) -> asyncio.Transport | None: ...
    @property
    def remote(self) -> str:
        """The peer's address."""

    async def drain(self) -> None:
        """Wait while the client reads too slowly. Raises ConnectionResetError when it is gone."""


class Request:
    """One request that is answered by the gateway. ``length``: of its body; None: it is chunked."""

    __slots__ = ("body", "client", "head", "length")

    def __init__(self, head: RequestHead, length: int | None, body: BodyStream, client: AnswerPath) -> None:
        self.head = head
        self.length = length
        self.body = body
        self.client = client


Handle = Callable[[Request, str, str], Coroutine[Any, Any, AlreadySent]]
"""Answers a request; the second and third argument are its path and its query, as the client sent them."""
