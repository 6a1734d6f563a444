"""A place at once: where nobody waits and no rule has to be looked at, a call passes without being awaited."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

from service.gateway.upstream import RequestBody
from service.record.exchange import Caller, OpenExchange
from service.sharing.limits import read_rules
from service.sharing.sharing import SharedCall, Sharing

BODY = RequestBody(b"{}", 2)


def call(sharing: Sharing, exchange: str = "1", **caller: str) -> SharedCall:
    """A call that has begun."""
    opened = OpenExchange(
        exchange, 0, "POST", "", "/api/chat", "chat", "ollama", "10.0.0.7", "", "", caller=Caller(**caller)
    )
    entered = sharing.enter(opened)
    assert entered is not None
    return entered


async def takes(entered: SharedCall, body: RequestBody = BODY) -> bool:
    """Whether it had its place at once; it has it in any case."""
    if entered.take_at_once(body):
        return True
    assert await entered.take(entered.opened, body) == body
    return False


async def test_a_caller_that_came_before_has_its_place_at_once_and_gives_it_back() -> None:
    sharing = Sharing(1, 10, 300.0)
    first = call(sharing, user="Ann")
    assert not await takes(first)
    first.end()
    second = call(sharing, "2", user="Ann")
    assert await takes(second)
    assert [one.exchange for one in sharing.places.queue.running()] == ["2"]
    assert (second.has_facts, second.waited, second.behind, second.changed) == (False, None, None, ())
    second.end()
    second.end()
    assert (sharing.places.queue.active, sharing.places.waits.counts[0]) == (0, 2)


async def test_its_place_goes_to_who_waits_and_nobody_passes_them() -> None:
    sharing = Sharing(1, 10, 300.0)
    first = call(sharing)
    assert not await takes(first)
    first.end()
    last = call(sharing)
    assert await takes(last)
    waiting = call(sharing, "2")
    assert not waiting.take_at_once(BODY)
    coming = asyncio.create_task(waiting.take(waiting.opened, BODY))
    await asyncio.sleep(0)
    third = call(sharing, "3")
    assert not third.take_at_once(BODY)
    last.end()
    assert await coming == BODY
    assert waiting.has_facts
    assert waiting.waited is not None
    waiting.end()
    assert await takes(call(sharing, "4"))


async def test_a_caller_with_limits_and_a_request_that_still_comes_are_looked_at() -> None:
    sharing = Sharing(8, 10, 300.0, read_rules('[user."Ann"]\nrequests_per_minute = 100\n'))
    for number in range(3):
        assert not await takes(call(sharing, str(number), user="Ann"))
    assert not await takes(call(sharing, "bob", user="Bob"))
    assert not call(sharing, "bob", user="Bob").take_at_once(RequestBody(_pieces(), None))
    assert call(sharing, "bob", user="Bob").take_at_once(None)


async def test_rules_that_come_later_are_looked_at() -> None:
    sharing = Sharing(8, 10, 300.0)
    assert not await takes(call(sharing, user="Ann"))
    assert await takes(call(sharing, user="Ann"))
    sharing.use(read_rules('[user."Ann"]\nmax_active = 2\n'))
    third = call(sharing, user="Ann")
    assert not third.take_at_once(BODY)
    assert third.limits.max_active == 2


async def test_a_caller_that_the_queue_has_forgotten_is_looked_for_again() -> None:
    sharing = Sharing(4, 10, 300.0)
    first = call(sharing, user="Ann")
    assert not await takes(first)
    first.end()
    queue = sharing.places.queue
    forgotten, others = queue.flow_named("user Ann"), count()
    while not forgotten.is_forgotten:
        # Those that used least are forgotten first.
        queue.flow(f"caller {next(others)}").charge(1000.0, sharing.places.now())
    second = call(sharing, user="Ann")
    assert not await takes(second)
    assert queue.flow_named("user Ann") is not forgotten
    assert queue.flow_named("user Ann").active == 1


async def _pieces() -> AsyncIterator[bytes]:
    yield b"{}"
