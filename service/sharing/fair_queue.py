"""Who is next at Ollama: pure scheduling. It knows no clock, no task and no socket.

The algorithm is *least attained service* over flows, with decay as in decay-usage schedulers, two strict priorities
and bounded bypass:

* a flow is one caller; within it calls go first come, first served;
* next is the flow that has used the least of the model's time, which fades with ``HALF_LIFE`` seconds;
* interactive flows go before those of a batch;
* the call that has waited longest is passed over at most ``MOST_OVERTAKINGS`` times, then it is next.

With several Ollamas each has its own places. Who may go only where none is free is left out, and passed over by nobody.

A call is charged what its flow's calls usually cost when it begins, and the difference when it ends. While nobody waits
nobody compares, so what began is charged once somebody waits. Times are seconds by one clock that does not go back.
``docs/decisions/0015`` has the reasons.
"""

from collections import OrderedDict
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from service.sharing.flows import FIRST_COST, ONE, Flow, Priority, Service, Ticket, Where
from service.sharing.ranking import Ranking, least_served
from service.sharing.served_calls import ServedCalls

MOST_OVERTAKINGS: Final = 20
# Callers that name themselves anew each time must not fill the memory.
_MOST_FLOWS: Final = 4096
_NEWEST_COST: Final = 0.25


class FairQueue:
    """``most_active`` calls have a place at each Ollama at a time.

    None: any number, but for what a flow itself may have.

    After ``arrive`` and ``end`` somebody may be next: ask ``grant`` until it gives None.
    """

    def __init__(self, most_active: int | None) -> None:
        self.most_active = most_active
        self.waiting = 0
        self._active: dict[int, Ticket] = {}
        self._not_charged: dict[int, Ticket] = {}
        self._flows: dict[str, Flow] = {}
        self._number = 0
        self._rankings: dict[Where, Ranking] = {}
        self._active_at: dict[str, int] = {}
        self._served = ServedCalls()
        self._most_flows = _MOST_FLOWS
        self._cost = FIRST_COST

    @property
    def active(self) -> int:
        """How many have a place."""
        return len(self._active)

    @property
    def cost(self) -> float:
        """Seconds that a call usually takes."""
        return self._cost

    def flow(self, name: str, most_active: int | None = None, priority: Priority = Priority.INTERACTIVE) -> Flow:
        """The flow of that name, from now on with these limits."""
        flow = self._flows.get(name)
        if flow is None:
            if len(self._flows) >= self._most_flows:
                self._forget_idle_flows()
            flow = self._flows[name] = Flow(name, most_active, priority)
        elif flow.most_active != most_active or flow.priority != priority:
            flow.most_active, flow.priority = most_active, priority
            self._offer(flow)
        return flow

    def active_at(self, upstream: str) -> int:
        """How many have a place at this Ollama."""
        return self._active_at.get(upstream, 0)

    def has_place(self, upstream: str) -> bool:
        """Whether a place is free at this Ollama."""
        return self.most_active is None or self._active_at.get(upstream, 0) < self.most_active

    def would_wait(self, flow: Flow, where: Where = ONE) -> bool:
        """Whether a call that came now would have to wait."""
        return not self._has_place_at(where) or not flow.has_room or bool(flow.lanes.get(where))

    def arrive(
        self,
        flow: Flow,
        exchange: str,
        now: float,
        where: Where = ONE,
        choose: Callable[[Where], str] | None = None,
    ) -> Ticket:
        """Put one call at the end of its flow."""
        self._number += 1
        ticket = Ticket(self._number, flow, exchange, now, self._served.count, where, choose)
        self._put(ticket)
        if len(flow.lanes[where]) == 1:
            self._offer(flow)
        return ticket

    def begin(
        self,
        flow: Flow,
        exchange: str,
        now: float,
        where: Where = ONE,
        choose: Callable[[Where], str] | None = None,
    ) -> Ticket | None:
        """A place for a call that comes now and need not wait; None where it has to ``arrive``."""
        # Most calls come here with nothing else to be asked, so this is written out.
        has_room = flow.most_active is None or flow.active < flow.most_active
        has_place = self.most_active is None or (where is ONE and len(self._active) < self.most_active)
        if self.waiting or not has_room or not (has_place or self._has_place_at(where)):
            return None
        self._number = number = self._number + 1
        ticket = Ticket(number, flow, exchange, now, self._served.count, where, choose)
        if choose is not None:
            self._choose(ticket, choose)
        self._active[number] = self._not_charged[number] = ticket
        flow.active += 1
        ticket.began = now
        return ticket

    def grant(self, now: float) -> Ticket | None:
        """Give a free place to whoever is next; None: no place is free, or nobody waits who may have it."""
        if not self.waiting:
            return None
        rankings: list[Ranking] = []
        number, oldest = 0, None
        for ranking in self._rankings.values():
            if self._has_place_at(ranking.where) and (entry := ranking.oldest()) is not None:
                rankings.append(ranking)
                if oldest is None or entry[0] < number:
                    number, _, flow = entry
                    oldest = ranking
        if oldest is None:
            return None
        ranking = oldest
        head = flow.lanes[ranking.where][number]
        if head.overtaken < MOST_OVERTAKINGS:
            least = least_served(rankings)
            if least is not None and least[0] != number:
                number, flow, ranking = least
                head.overtaken += 1
        ticket = flow.lanes[ranking.where].pop(number)
        flow.waiting -= 1
        self.waiting -= 1
        self._begin(ticket, now)
        self._offer(flow)
        return ticket

    def put_back(self, ticket: Ticket, where: Where, now: float) -> None:
        """It has got nothing at its Ollama: it waits again for one of these, where it was among those of its flow."""
        self._leave_place(ticket)
        # It was served nothing, so it owes nothing.
        ticket.flow.charge(-ticket.left_of_charge(now), now)
        ticket.began, ticket.charged, ticket.where = None, 0.0, where
        self._put(ticket)
        ticket.flow.lanes[where] = OrderedDict(sorted(ticket.flow.lanes[where].items()))
        self._offer(ticket.flow)

    def move(self, where_of: Callable[[Ticket], Where]) -> None:
        """Who waits may go elsewhere from now on: ``where_of`` tells."""
        waiting = [ticket for flow in self._flows.values() for ticket in flow.tickets()]
        if all(where_of(ticket) == ticket.where for ticket in waiting):
            return
        self._rankings.clear()
        flows = {ticket.flow.name: ticket.flow for ticket in waiting}
        for flow in flows.values():
            flow.lanes, flow.waiting = {}, 0
        self.waiting = 0
        for ticket in waiting:
            ticket.where = where_of(ticket)
            self._put(ticket)
        for flow in flows.values():
            self._offer(flow)

    def _put(self, ticket: Ticket) -> None:
        lanes = ticket.flow.lanes
        lane = lanes.get(ticket.where)
        if lane is None:
            lane = lanes[ticket.where] = OrderedDict()
        lane[ticket.number] = ticket
        ticket.flow.waiting += 1
        self.waiting += 1
        for running in self._not_charged.values():
            running.charge_in_advance()
        self._not_charged.clear()

    def _begin(self, ticket: Ticket, now: float) -> None:
        if ticket.choose is not None:
            self._choose(ticket, ticket.choose)
        self._active[ticket.number] = ticket
        ticket.flow.active += 1
        ticket.began = now
        ticket.charge_in_advance()

    def _choose(self, ticket: Ticket, choose: Callable[[Where], str]) -> None:
        ticket.upstream = name = choose(tuple(filter(self.has_place, ticket.where)))
        self._active_at[name] = self._active_at.get(name, 0) + 1

    def _leave_place(self, ticket: Ticket) -> None:
        del self._active[ticket.number]
        self._not_charged.pop(ticket.number, None)
        if ticket.upstream:
            self._active_at[ticket.upstream] -= 1
        ticket.flow.active -= 1

    def end(self, ticket: Ticket, now: float) -> None:
        """It leaves, whether it still waits or has a place. A second time does nothing."""
        if ticket.has_ended:
            return
        ticket.has_ended = True
        flow = ticket.flow
        if ticket.began is None:
            lane = flow.lanes[ticket.where]
            was_head = next(iter(lane)) == ticket.number
            del lane[ticket.number]
            flow.waiting -= 1
            self.waiting -= 1
            if was_head:
                self._offer(flow)
            return
        self._leave_place(ticket)
        seconds = now - ticket.began
        flow.charge(seconds - ticket.left_of_charge(now) if ticket.charged else seconds, now)
        flow.cost += _NEWEST_COST * (seconds - flow.cost)
        self._cost += _NEWEST_COST * (seconds - self._cost)
        if self.waiting or ticket.where is not ONE:
            # Whoever comes later was not kept waiting by it; of several Ollamas it may be put back.
            self._served.add(ticket, now)
        # Without a call that waits it stands in no heap.
        if flow.waiting:
            self._offer(flow)

    # What is told of it

    def flows(self) -> list[Flow]:
        """All that is remembered of callers."""
        return list(self._flows.values())

    def flow_named(self, name: str) -> Flow:
        """The flow of that name; a new one, which is not kept, where there is none."""
        return self._flows.get(name) or Flow(name)

    def running(self) -> list[Ticket]:
        """Who has a place, in the order in which they got it."""
        return list(self._active.values())

    def expected_order(self, now: float, most: int) -> list[Ticket]:
        """Who waits, as they will be served if nobody else comes and calls cost what they usually do."""
        used = {flow.name: flow.use(now) for flow in self._flows.values() if flow.waiting}
        rest = {name: self._flows[name].tickets() for name in used}
        heap: list[tuple[bool, int, float, int, Ticket]] = []

        def put(name: str) -> None:
            ticket = next(rest[name], None)
            if ticket is not None:
                flow = ticket.flow
                heappush(heap, (not flow.has_room, flow.priority, used[name], ticket.number, ticket))

        for name in used:
            put(name)
        order: list[Ticket] = []
        while heap and len(order) < most:
            ticket = heappop(heap)[-1]
            order.append(ticket)
            used[ticket.flow.name] += ticket.flow.cost
            put(ticket.flow.name)
        return order

    def served_since(self, ticket: Ticket, now: float) -> list[Service]:
        """Who had a place while ``ticket`` waited, the most expensive first; see ``remembers_all_since``."""
        return self._served.since(ticket, self._active.values(), now)

    def remembers_all_since(self, ticket: Ticket) -> bool:
        """Whether ``served_since`` knows of all: of a very long wait it knows the end only."""
        return self._served.remembers_all_since(ticket)

    # The rankings

    def _has_place_at(self, where: Where) -> bool:
        if self.most_active is None:
            return True
        if where is ONE:
            return len(self._active) < self.most_active
        return any(map(self.has_place, where))

    def _offer(self, flow: Flow) -> None:
        """Put a flow where it belongs now. What the rankings hold of it from before is out of date."""
        flow.version += 1
        if not flow.has_room:
            return
        for where, lane in flow.lanes.items():
            if not lane:
                continue
            ranking = self._rankings.get(where)
            if ranking is None:
                ranking = self._rankings[where] = Ranking(where)
            ranking.offer(flow, next(iter(lane)))
            if len(ranking) > 4 * len(self._flows) + 64:
                ranking.drop_outdated()

    def _forget_idle_flows(self) -> None:
        """Forget the half of those without a call that used least: they are treated as new when they come again."""
        idle = [flow for flow in self._flows.values() if not flow.waiting and not flow.active]
        idle.sort(key=lambda flow: flow.log_use)
        for flow in idle[: len(idle) // 2 + 1]:
            del self._flows[flow.name]
            flow.is_forgotten = True
        self._most_flows = max(_MOST_FLOWS, 2 * len(self._flows))
