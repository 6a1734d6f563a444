"""A call that waits for its turn, and asks the Ollama whose turn it is."""

import time
from collections.abc import Callable

from service.gateway.call import Call, Turn
from service.gateway.error_responses import Refusal
from service.gateway.idle_timeout import IdleTimeout
from service.gateway.upstream import Failure, RequestBody, Send, UpstreamResponse
from service.record.exchange import OpenExchange


async def ask_in_turn(
    turn: Turn,
    call: Call,
    body: RequestBody | None,
    opened: Callable[[], OpenExchange],
    send: Send,
    idle_timeout: IdleTimeout,
) -> UpstreamResponse | Failure | Refusal:
    """Ask Ollama once it is this call's turn, or say why it is not.

    What could not connect is tried at the next Ollama, as nothing of it went out.
    """
    if body is not None and not isinstance(body.content, bytes):
        body = await turn.read(body)
    while True:
        # Nobody is silent in the queue: neither Ollama nor the client is waited for.
        idle_timeout.is_paused = True
        shared = await turn.take(opened(), body)
        idle_timeout.is_paused = False
        idle_timeout.heard(time.monotonic())
        if isinstance(shared, Refusal):
            return shared
        answer = await (turn.send or send)(call.method, call.target, call.header_lines, shared)
        if not isinstance(answer, Failure) or not turn.goes_on(answer):
            return answer
