"""Who is next at Ollama: pure scheduling. It knows no clock, no task and no socket.

The algorithm is *least attained service* over flows, with decay as in decay-usage schedulers, two strict priorities
and bounded bypass:

* a flow is one caller; within it calls go first come, first served;
* next is the flow that has used the least of the model's time, which fades with ``HALF_LIFE`` seconds;
* interactive flows go before those of a batch;
* the call that has waited longest is passed over at most ``MOST_OVERTAKINGS`` times, then it is next.

A call is charged what its flow's calls usually cost when it begins, and the difference when it ends. Times are seconds
by one clock that does not go back. ``docs/decisions/0015`` has the reasons.
"""

from collections import deque
from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Final

from service.sharing.flows import FIRST_COST, HALF_LIFE, Flow, Priority, Service, Ticket

MOST_OVERTAKINGS: Final = 20
# Callers that name themselves anew each time must not fill the memory.
_MOST_FLOWS: Final = 4096
_NEWEST_COST: Final = 0.25
_MOST_SERVED: Final = 128


_ByUse = tuple[float, int, int, Flow]
_ByAge = tuple[int, int, Flow]


class FairQueue:
    """``most_active`` calls have a place at a time (None: any number, but for what a flow itself may have).

    After ``arrive`` and ``end`` somebody may be next: ask ``grant`` until it gives None.
    """

    def __init__(self, most_active: int | None) -> None:
        self.most_active = most_active
        self.waiting = 0
        self._active: dict[int, Ticket] = {}
        self._flows: dict[str, Flow] = {}
        self._number = 0
        self._by_use: tuple[list[_ByUse], list[_ByUse]] = ([], [])
        self._by_age: list[_ByAge] = []
        self._served: deque[tuple[str, float, float]] = deque(maxlen=_MOST_SERVED)
        self._served_count = 0
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

    def would_wait(self, flow: Flow) -> bool:
        """Whether a call that came now would have to wait."""
        return self._is_full or not flow.has_room or bool(flow.waiting)

    def arrive(self, flow: Flow, exchange: str, now: float) -> Ticket:
        """Put one call at the end of its flow."""
        self._number += 1
        ticket = Ticket(self._number, flow, exchange, now, self._served_count)
        flow.waiting[ticket.number] = ticket
        self.waiting += 1
        if len(flow.waiting) == 1:
            self._offer(flow)
        return ticket

    def begin(self, flow: Flow, exchange: str, now: float) -> Ticket | None:
        """A place for a call that comes now and need not wait; None where it has to ``arrive``."""
        if self.waiting or self._is_full or not flow.has_room:
            return None
        self._number += 1
        ticket = Ticket(self._number, flow, exchange, now, self._served_count)
        self._begin(ticket, now)
        return ticket

    def grant(self, now: float) -> Ticket | None:
        """Give a free place to whoever is next; None: no place is free, or nobody waits who may have it."""
        if not self.waiting or self._is_full:
            return None
        oldest = self._oldest()
        if oldest is None:
            return None
        flow, head = oldest, oldest.head()
        if head is not None and head.overtaken < MOST_OVERTAKINGS:
            flow = self._least_served() or oldest
            if flow is not oldest:
                head.overtaken += 1
        _, ticket = flow.waiting.popitem(last=False)
        self.waiting -= 1
        self._begin(ticket, now)
        self._offer(flow)
        return ticket

    def _begin(self, ticket: Ticket, now: float) -> None:
        flow = ticket.flow
        self._active[ticket.number] = ticket
        flow.active += 1
        ticket.began, ticket.charged = now, flow.cost
        flow.charge(flow.cost, now)

    def end(self, ticket: Ticket, now: float) -> None:
        """It leaves, whether it still waits or has a place. A second time does nothing."""
        if ticket.has_ended:
            return
        ticket.has_ended = True
        flow = ticket.flow
        if ticket.began is None:
            was_head = flow.head() is ticket
            del flow.waiting[ticket.number]
            self.waiting -= 1
            if was_head:
                self._offer(flow)
            return
        del self._active[ticket.number]
        flow.active -= 1
        seconds = now - ticket.began
        # What was charged in the beginning has faded since.
        flow.charge(seconds - ticket.charged * 2.0 ** (-seconds / HALF_LIFE), now)
        flow.cost += _NEWEST_COST * (seconds - flow.cost)
        self._cost += _NEWEST_COST * (seconds - self._cost)
        self._served_count += 1
        self._served.append((flow.name, ticket.began, now))
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
        rest = {name: iter(self._flows[name].waiting.values()) for name in used}
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
        found: dict[str, tuple[int, float]] = {}
        for name, began, ended in self._places_of_others(ticket, now):
            seconds = ended - max(began, ticket.arrived)
            if seconds > 0:
                calls, together = found.get(name, (0, 0.0))
                found[name] = (calls + 1, together + seconds)
        served = [Service(name, calls, seconds) for name, (calls, seconds) in found.items()]
        return sorted(served, key=lambda one: -one.seconds)

    def remembers_all_since(self, ticket: Ticket) -> bool:
        """Whether ``served_since`` knows of all: of a very long wait it knows the end only."""
        return self._served_count - ticket.served_before <= _MOST_SERVED

    def _places_of_others(self, ticket: Ticket, now: float) -> Iterator[tuple[str, float, float]]:
        for name, began, ended in reversed(self._served):
            if ended <= ticket.arrived:
                break
            yield name, began, ended
        for other in islice(self._active.values(), _MOST_SERVED):
            if other is not ticket and other.began is not None:
                yield other.flow.name, other.began, now

    # The heaps

    @property
    def _is_full(self) -> bool:
        return self.most_active is not None and len(self._active) >= self.most_active

    def _offer(self, flow: Flow) -> None:
        """Put a flow where it belongs now. What the heaps hold of it from before is out of date."""
        flow.version += 1
        head = flow.head()
        if head is None or not flow.has_room:
            return
        by_use = self._by_use[flow.priority]
        heappush(by_use, (flow.log_use, head.number, flow.version, flow))
        heappush(self._by_age, (head.number, flow.version, flow))
        if len(self._by_age) > 4 * len(self._flows) + 64:
            self._drop_outdated()

    def _oldest(self) -> Flow | None:
        heap = self._by_age
        while heap and heap[0][1] != heap[0][2].version:
            heappop(heap)
        return heap[0][2] if heap else None

    def _least_served(self) -> Flow | None:
        for heap in self._by_use:
            while heap and heap[0][2] != heap[0][3].version:
                heappop(heap)
            if heap:
                return heap[0][3]
        return None

    def _drop_outdated(self) -> None:
        self._by_age[:] = [entry for entry in self._by_age if entry[1] == entry[2].version]
        heapify(self._by_age)
        for heap in self._by_use:
            heap[:] = [entry for entry in heap if entry[2] == entry[3].version]
            heapify(heap)

    def _forget_idle_flows(self) -> None:
        """Forget the half of those without a call that used least: they are treated as new when they come again."""
        idle = [flow for flow in self._flows.values() if not flow.waiting and not flow.active]
        idle.sort(key=lambda flow: flow.log_use)
        for flow in idle[: len(idle) // 2 + 1]:
            del self._flows[flow.name]
        self._most_flows = max(_MOST_FLOWS, 2 * len(self._flows))
