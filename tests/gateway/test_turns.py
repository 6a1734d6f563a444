"""A call that waits for its turn: who is silent meanwhile, and what is tried again."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from service.gateway.call import Call, Turn
from service.gateway.error_responses import Refusal
from service.gateway.idle_timeout import IdleTimeout
from service.gateway.turns import ask_in_turn
from service.gateway.upstream import Failure, RequestBody, UpstreamResponse
from service.record.exchange import OpenExchange, Outcome

UNREACHABLE = Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused")
BODY = RequestBody(b"{}", 2)
OPENED = OpenExchange("1", 0, "POST", "/", "/api/chat", "chat", "ollama", "::1", "", "")
CALL = Call("1", "POST", "/api/chat", "/api/chat", [], lambda body: OPENED)


class GivenTurn:
    """Goes on ``others`` times, and notes whether silence counted while it waited."""

    upstream = url = None

    def __init__(self, others: int, idle_timeout: IdleTimeout, refusal: Refusal | None = None) -> None:
        self.send = self._send
        self.sent = 0
        self.others = others
        self.idle_timeout = idle_timeout
        self.refusal = refusal

    async def read(self, body: RequestBody | None) -> RequestBody | None:
        return body

    async def take(self, opened: OpenExchange, body: RequestBody | None) -> RequestBody | Refusal | None:
        assert self.idle_timeout.is_paused
        await asyncio.sleep(0)
        return self.refusal or body

    async def _send(
        self, method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
    ) -> UpstreamResponse | Failure:
        assert not self.idle_timeout.is_paused
        assert body == BODY
        self.sent += 1
        return UNREACHABLE

    def goes_on(self, failure: Failure) -> bool:
        self.others -= 1
        return self.others >= 0


async def asked(turn: GivenTurn) -> Any:
    async def send(*_: Any) -> Any:
        raise AssertionError("the turn knows whom to ask")

    return await ask_in_turn(cast("Turn", turn), CALL, BODY, lambda: OPENED, send, turn.idle_timeout)


async def test_a_call_goes_on_as_long_as_its_turn_says_so() -> None:
    turn = GivenTurn(2, IdleTimeout(10, 10))
    assert await asked(turn) is UNREACHABLE
    assert turn.sent == 3


async def test_a_refusal_ends_it_before_anything_was_sent() -> None:
    turn = GivenTurn(2, IdleTimeout(10, 10), Refusal(409, "for one of them"))
    assert await asked(turn) is turn.refusal
    assert turn.sent == 0
