"""Who is next: by use, by priority, by age; never more than there are places, and nobody for ever."""

import random
from collections import Counter
from math import isclose

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.sharing.fair_queue import MOST_OVERTAKINGS, FairQueue
from service.sharing.flows import FIRST_COST, HALF_LIFE, ONE, Priority, Ticket, Where


def arrive(queue: FairQueue, name: str, now: float = 0.0, **limits: object) -> Ticket:
    """A call of ``name``."""
    return queue.arrive(queue.flow(name, **limits), f"{name}-{now}", now)  # type: ignore[arg-type]  # as a test writes


def served(queue: FairQueue, now: float = 0.0, seconds: float = 1.0) -> list[str]:
    """Serve all who wait one after the other; their names in that order."""
    order = []
    while (ticket := queue.grant(now)) is not None:
        order.append(ticket.flow.name)
        now += seconds
        queue.end(ticket, now)
    return order


def test_within_one_caller_first_come_first_served() -> None:
    queue = FairQueue(1)
    tickets = [arrive(queue, "a") for _ in range(5)]
    order = []
    while (ticket := queue.grant(0.0)) is not None:
        order.append(ticket)
        queue.end(ticket, 1.0)
    assert order == tickets


def test_who_used_least_is_next() -> None:
    queue = FairQueue(1)
    for _ in range(5):
        arrive(queue, "batch")
    first = queue.grant(0.0)
    assert first is not None
    arrive(queue, "person", 1.0)
    queue.end(first, 2.0)
    assert served(queue, 2.0) == ["person", "batch", "batch", "batch", "batch"]


def test_those_who_use_alike_take_turns() -> None:
    queue = FairQueue(1)
    for name in "aaaabbbb":
        arrive(queue, name)
    assert served(queue) == list("abababab")


def test_by_time_and_not_by_calls() -> None:
    queue = FairQueue(1)
    for name in "lsls" + "s" * 10:
        arrive(queue, name)
    order, now = [], 0.0
    while (ticket := queue.grant(now)) is not None:
        order.append(ticket.flow.name)
        now += 10.0 if ticket.flow.name == "l" else 1.0
        queue.end(ticket, now)
    assert "".join(order[:9]).count("s") >= 7


def test_interactive_calls_go_before_a_batch_whatever_they_used() -> None:
    queue = FairQueue(1)
    person = arrive(queue, "person")
    queue.grant(0.0)
    queue.end(person, 500.0)
    for _ in range(3):
        arrive(queue, "night", 500.0, priority=Priority.BATCH)
    arrive(queue, "person", 501.0)
    assert served(queue, 501.0) == ["person", "night", "night", "night"]


def test_the_longest_waiting_is_overtaken_a_bounded_number_of_times() -> None:
    queue = FairQueue(1)
    arrive(queue, "night", priority=Priority.BATCH)
    for _ in range(3 * MOST_OVERTAKINGS):
        arrive(queue, "person")
    assert served(queue).index("night") == MOST_OVERTAKINGS


def test_a_caller_has_no_more_places_than_its_rule_allows_and_the_others_have_the_rest() -> None:
    queue = FairQueue(3)
    for _ in range(3):
        arrive(queue, "a", most_active=1)
    assert queue.grant(0.0) is not None
    assert queue.grant(0.0) is None
    arrive(queue, "b")
    ticket = queue.grant(0.0)
    assert ticket is not None
    assert ticket.flow.name == "b"
    # A changed rule counts at once.
    queue.flow("a", most_active=2)
    assert queue.grant(0.0) is not None
    assert queue.grant(0.0) is None


def test_whoever_leaves_while_waiting_is_gone_and_the_next_moves_up() -> None:
    queue = FairQueue(1)
    running, first, second = (arrive(queue, "a") for _ in range(3))
    assert queue.grant(0.0) is running
    queue.end(first, 1.0)
    queue.end(first, 1.0)
    assert queue.waiting == 1
    queue.end(running, 2.0)
    assert queue.grant(2.0) is second


def test_calls_that_begin_are_charged_what_they_usually_cost() -> None:
    queue = FairQueue(2)
    for name in ("a", "a", "b", "b"):
        arrive(queue, name)
    # Both places at once: not both for the first caller, although nothing has been measured yet.
    assert [ticket.flow.name for _ in range(2) if (ticket := queue.grant(0.0))] == ["a", "b"]


def test_what_began_while_nobody_waited_is_charged_when_somebody_does_and_fades_from_its_beginning() -> None:
    queue = FairQueue(2)
    running = queue.begin(queue.flow("a"), "", 0.0)
    assert running is not None
    assert queue.flow("a").use(0.0) == 0.0
    for name in ("a", "b"):
        arrive(queue, name, HALF_LIFE)
    assert isclose(queue.flow("a").use(HALF_LIFE), FIRST_COST / 2)
    assert [ticket.flow.name for _ in range(1) if (ticket := queue.grant(HALF_LIFE))] == ["b"]
    queue.end(running, HALF_LIFE)
    # It is charged what it took, and not what was guessed besides.
    assert isclose(queue.flow("a").use(HALF_LIFE), HALF_LIFE)


def test_a_call_that_nobody_waited_for_is_charged_what_it_took() -> None:
    queue = FairQueue(2)
    ticket = queue.begin(queue.flow("a"), "", 10.0)
    assert ticket is not None
    queue.end(ticket, 40.0)
    assert isclose(queue.flow("a").use(40.0), 30.0)
    mine = arrive(queue, "mine", 50.0)
    assert queue.served_since(mine, 60.0) == []
    assert queue.remembers_all_since(mine)


def test_who_was_served_meanwhile_and_what_that_cost() -> None:
    queue = FairQueue(1)
    before = arrive(queue, "before")
    queue.grant(0.0)
    mine = arrive(queue, "mine", 4.0)
    queue.end(before, 10.0)
    other = arrive(queue, "other", 10.0)
    del other
    # What was over before it came does not count, nor what another had had by then.
    assert [(one.name, one.calls, one.seconds) for one in queue.served_since(mine, 10.0)] == [("before", 1, 6.0)]


def test_of_a_very_long_wait_only_its_end_is_known() -> None:
    queue = FairQueue(1)
    for number in range(200):
        if number == 20:
            mine = arrive(queue, "mine", 20.0, most_active=1)
        if number == 30:
            assert queue.remembers_all_since(mine)
        # Its own flow has no room all the while.
        queue.flow("mine", most_active=1).active = 1
        other = arrive(queue, "other", float(number))
        assert queue.grant(float(number)) is other
        queue.end(other, number + 1.0)
    assert not queue.remembers_all_since(mine)
    assert sum(one.calls for one in queue.served_since(mine, 200.0)) == 128


def test_the_expected_order_is_the_order() -> None:
    queue = FairQueue(1)
    for name in "aaabbc":
        arrive(queue, name)
    arrive(queue, "night", priority=Priority.BATCH)
    expected = [ticket.flow.name for ticket in queue.expected_order(0.0, 100)]
    assert expected == served(queue)
    assert not queue.expected_order(0.0, 100)


def test_callers_with_ever_new_names_do_not_fill_the_memory() -> None:
    queue = FairQueue(1)
    keeps = arrive(queue, "keeps")
    queue.grant(0.0)
    for number in range(20_000):
        queue.end(arrive(queue, f"name {number}"), 0.0)
    assert len(queue._flows) <= 4097
    assert queue.flow("keeps") is keeps.flow
    assert sum(map(len, queue._rankings.values())) < 20_000


PLACEMENTS = (("gpu1",), ("gpu2",), ("gpu1", "gpu2"), ("gpu2", "gpu3"), ("gpu1", "gpu2", "gpu3"))


def at(queue: FairQueue, name: str, *where: str, now: float = 0.0) -> Ticket:
    """A call of ``name`` that may go to one of these Ollamas, and goes to the last that is free."""
    return queue.arrive(queue.flow(name), name, now, where, lambda free: free[-1])


def test_each_ollama_has_its_own_places() -> None:
    queue = FairQueue(1)
    for where in (("gpu1",), ("gpu2",), ("gpu1",)):
        at(queue, "a", *where)
    granted = [queue.grant(0.0), queue.grant(0.0)]
    assert [one.upstream for one in granted if one] == ["gpu1", "gpu2"]
    assert queue.grant(0.0) is None
    assert (queue.active_at("gpu1"), queue.has_place("gpu1"), queue.has_place("gpu3")) == (1, False, True)


def test_who_may_go_only_where_none_is_free_holds_nobody_up() -> None:
    queue = FairQueue(1)
    first, behind, other = at(queue, "a", "gpu1"), at(queue, "a", "gpu1"), at(queue, "a", "gpu1", "gpu2")
    assert [queue.grant(0.0), queue.grant(0.0), queue.grant(0.0)] == [first, other, None]
    assert other.upstream == "gpu2"
    assert behind.overtaken == 0
    assert [one.name for one in queue.served_since(behind, 5.0)] == ["a"]
    queue.end(other, 5.0)
    assert queue.grant(5.0) is None
    queue.end(first, 6.0)
    assert queue.grant(6.0) is behind


def test_a_call_that_got_nothing_waits_again_before_those_that_came_later() -> None:
    queue = FairQueue(1)
    first, second = at(queue, "a", "gpu1"), at(queue, "a", "gpu2")
    third = at(queue, "a", "gpu2")
    assert {queue.grant(0.0), queue.grant(0.0)} == {first, second}
    queue.put_back(first, ("gpu2",), 1.0)
    assert (queue.active, queue.waiting, first.flow.active, queue.grant(1.0)) == (1, 2, 1, None)
    queue.end(second, 2.0)
    assert [queue.grant(2.0), queue.grant(2.0)] == [first, None]
    queue.end(first, 3.0)
    assert queue.grant(3.0) is third
    queue.end(third, 4.0)
    assert (queue.active, queue.waiting, queue.active_at("gpu1"), queue.active_at("gpu2")) == (0, 0, 0, 0)


def test_who_waits_for_an_ollama_that_is_gone_goes_to_another() -> None:
    queue = FairQueue(1)
    running, waiting = at(queue, "a", "gpu1"), at(queue, "b", "gpu1")
    assert queue.grant(0.0) is running
    queue.move(lambda ticket: ("gpu2",))
    assert queue.grant(0.0) is waiting
    assert waiting.upstream == "gpu2"


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "arrive", "end", "leave", "limit", "move", "fail"]),
        st.integers(0, 5),
        st.floats(0, 30),
    ),
    max_size=120,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 4), EVENTS, st.booleans())
def test_whatever_happens_the_promises_hold(
    most_active: int, events: list[tuple[str, int, float]], has_several: bool
) -> None:
    check(most_active, events, has_several)


def test_thousands_of_arrivals_leavings_and_failures() -> None:
    chance = random.Random(14)
    for most_active in (1, 2, 7):
        for has_several in (False, True):
            kinds = chance.choices(["arrive", "end", "leave", "limit", "move", "fail"], [10, 7, 2, 1, 1, 1], k=2500)
            events = [(kind, chance.randrange(6), chance.expovariate(1.0)) for kind in kinds]
            check(most_active, events, has_several)


def check(most_active: int, events: list[tuple[str, int, float]], has_several: bool) -> None:
    """Play ``events`` and look after each of them.

    ``has_several``: each call may go to some of three Ollamas, and which these are changes.
    """
    queue, now = FairQueue(most_active), 0.0
    waiting: list[Ticket] = []
    active: list[Ticket] = []
    passed_over: Counter[int] = Counter()
    limits: dict[str, int | None] = {}

    def is_free(name: str) -> bool:
        return sum(one.upstream == name for one in active) < most_active

    def may_be_served(ticket: Ticket) -> bool:
        return ticket is first_of(waiting, ticket) and has_room(ticket) and any(map(is_free, ticket.where))

    def serve() -> None:
        while True:
            # Who may be served now, by the plain words of the promise.
            may = [one for one in waiting if may_be_served(one)]
            ticket = queue.grant(now)
            if ticket is None:
                assert not may, "a free place while somebody waits who may have it"
                return
            assert ticket in may, "not the first of its caller, or over its caller's limit"
            assert ticket.upstream in ticket.where
            assert is_free(ticket.upstream), "more than there are places"
            oldest = may[0]
            if ticket is not oldest:
                passed_over[oldest.number] += 1
                assert passed_over[oldest.number] <= MOST_OVERTAKINGS, "overtaken without bound"
            waiting.remove(ticket)
            active.append(ticket)

    def has_room(ticket: Ticket) -> bool:
        limit = limits.get(ticket.flow.name)
        return limit is None or sum(one.flow is ticket.flow for one in active) < limit

    for step, (kind, number, seconds) in enumerate(events):
        now += seconds
        name = f"caller {number}"
        if kind == "arrive":
            priority = Priority.BATCH if number > 3 else Priority.INTERACTIVE
            flow = queue.flow(name, limits.get(name), priority)
            where, choose = (somewhere(step), chosen) if has_several else (ONE, None)
            ticket = queue.begin(flow, "", now, where, choose)
            if ticket is None:
                waiting.append(queue.arrive(flow, "", now, where, choose))
            else:
                assert not waiting
                active.append(ticket)
        elif kind == "limit":
            limits[name] = None if seconds > 15 else 1 + int(seconds) % 3
            queue.flow(name, limits[name], Priority.BATCH if number > 3 else Priority.INTERACTIVE)
        elif kind == "end" and active:
            queue.end(active.pop(number % len(active)), now)
        elif kind == "leave" and waiting:
            queue.end(waiting.pop(number % len(waiting)), now)
        elif kind == "move" and has_several:
            queue.move(lambda ticket: somewhere(ticket.number + step))  # noqa: B023 - asked at once
        elif kind == "fail" and has_several and active:
            ticket = active.pop(number % len(active))
            queue.put_back(ticket, somewhere(step), now)
            waiting.append(ticket)
            waiting.sort(key=lambda one: one.number)
        serve()
        assert queue.waiting == len(waiting)
        assert queue.active == len(active)
        if step % 50 == 0:
            assert len(queue.expected_order(now, 10_000)) == len(waiting)
    turns = 0
    while active or waiting:
        turns += 1
        assert turns <= len(events), "somebody waits for ever"
        queue.end(active.pop(0), now)
        serve()
    assert (queue.waiting, queue.active) == (0, 0)
    assert not any(queue.active_at(f"gpu{number}") for number in (1, 2, 3))


def somewhere(number: int) -> Where:
    return PLACEMENTS[number % len(PLACEMENTS)]


def chosen(free: Where) -> str:
    return free[len(free) // 2]


def first_of(waiting: list[Ticket], ticket: Ticket) -> Ticket:
    return next(one for one in waiting if one.flow is ticket.flow and one.where == ticket.where)
