"""The turn of one call, without a gateway around it."""

from service.gateway.error_responses import Refusal
from service.gateway.upstream import Failure, RequestBody
from service.record.exchange import Body, OpenExchange, Outcome
from service.sharing.sharing import Sharing
from service.upstreams.named_upstream import NamedUpstream
from service.upstreams.routing import RoutedCall, Routing
from service.upstreams.upstreams import Upstreams

CHAT = RequestBody(b'{"model":"tiny","messages":[{"role":"user","content":"hi"}]}', 60)


def routing_of(most_active: int = 1) -> Routing:
    sharing = Sharing(most_active, 100, 5)
    both = [NamedUpstream("gpu1", "http://127.0.0.1:1"), NamedUpstream("gpu2", "http://127.0.0.1:2")]
    for one in both:
        one.models = frozenset({"tiny:latest"})
    return Routing(Upstreams(both, sharing.places.queue), sharing)


def opened(number: int, path: str = "/api/chat", operation: str = "chat") -> OpenExchange:
    return OpenExchange(f"{number}", 0, "POST", path, path, operation, "ollama", "::1", "", "", request=Body())


async def enter(routing: Routing, number: int, asked_for: str | None = None) -> RoutedCall:
    call = routing.enter(opened(number), asked_for)
    assert not isinstance(await call.take(opened(number), await call.read(CHAT)), Refusal)
    return call


async def test_only_what_could_not_connect_goes_on_and_each_is_tried_once() -> None:
    routing = routing_of()
    call = await enter(routing, 1)
    assert call.upstream == "gpu1"
    assert not call.goes_on(Failure(Outcome.UPSTREAM_BROKE_OFF, "the connection was closed"))
    assert call.goes_on(Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused"))
    assert await call.take(opened(1), CHAT) == CHAT
    assert (call.upstream, call.url, call.waited) == ("gpu2", "http://127.0.0.1:2", None)
    assert not call.goes_on(Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused"))
    call.end()
    queue = routing.sharing.places.queue
    assert (queue.active, queue.active_at("gpu1"), queue.active_at("gpu2"), routing.calls) == (0, 0, 0, {})


async def test_who_asks_for_one_stays_with_it() -> None:
    routing = routing_of()
    call = await enter(routing, 1, "gpu2")
    assert call.upstream == "gpu2"
    assert not call.goes_on(Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused"))
    call.end()


async def test_a_failure_of_one_moves_those_that_wait_for_it() -> None:
    routing = routing_of()
    calls = [await enter(routing, number) for number in range(2)]
    assert [call.upstream for call in calls] == ["gpu1", "gpu2"]
    third = routing.enter(opened(3), None)
    place = routing.sharing.places.take(routing.sharing.places.queue.flow("a"), "3", ("gpu1", "gpu2"), third._choose)
    third._shared.place = place
    routing.calls["3"] = third
    routing.watches["gpu1"].note(Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused"))
    assert place.ticket.where == ("gpu2",)
    calls[0].end()
    assert routing.sharing.places.queue.waiting == 1
    calls[1].end()
    assert third.upstream == "gpu2"
    third.end()


async def test_where_nothing_was_chosen_all_addresses_are_named() -> None:
    routing = routing_of()
    call = routing.enter(opened(1, "/api/tags", "list"), None)
    assert await call.take(opened(1, "/api/tags", "list"), None) is None
    assert (call.upstream, call.url) == (None, "http://127.0.0.1:1, http://127.0.0.1:2")
    assert not call.goes_on(Failure(Outcome.UPSTREAM_UNREACHABLE, "connection refused"))
    call.end()
