"""Places at Ollama, for tasks: whoever wants one waits here, and each is given back however its call ends.

``FairQueue`` decides who is next. A ``Place`` is taken without ``await``, and ``give_back`` needs none either: so a
task that is cancelled at any moment leaves nothing behind, as long as it calls ``give_back`` in the end.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from service.sharing.fair_queue import FairQueue
from service.sharing.flows import ONE, Flow, Service, Ticket, Where

# Upper bounds of the histogram's buckets, in seconds.
WAIT_BUCKETS: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Place:
    """The place of one call, or its turn in the queue until it has one."""

    __slots__ = (
        *("_began_to_wait", "_granted", "_places", "_timer"),
        *("behind", "is_all_behind", "is_counted", "ticket", "waited"),
    )

    def __init__(self, places: "Places", ticket: Ticket) -> None:
        self.ticket = ticket
        self.waited: float | None = None
        self.behind: list[Service] = []
        self.is_all_behind = True
        self.is_counted = False
        self._places = places
        self._began_to_wait = ticket.arrived
        self._granted: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_ready(self) -> bool:
        return self.ticket.began is not None

    async def wait(self, seconds: float) -> bool:
        """Wait until the call may go to Ollama. False: it did not come to that within ``seconds`` (0: no limit)."""
        if self.is_ready:
            return True
        loop = asyncio.get_running_loop()
        self._granted = loop.create_future()
        if seconds:
            self._timer = loop.call_later(seconds, self.give_up)
        return await self._granted

    def give_back(self) -> None:
        """Leave the queue, or free the place for the next. Needs no ``await``; a second time does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._places.end(self)

    def waits_again(self, now: float) -> None:
        """Its turn came to nothing. The time that this took was no wait."""
        self._granted = None
        self._began_to_wait = now - (self.waited or 0.0)
        self.waited = None

    def grant(self, now: float) -> None:
        """It is this call's turn."""
        self.waited = now - self._began_to_wait
        self.look_back(now)
        self._tell(True)

    def look_back(self, now: float) -> None:
        """Note who was served while it waited, and whether those are all."""
        queue = self._places.queue
        self.behind, self.is_all_behind = queue.served_since(self.ticket, now), queue.remembers_all_since(self.ticket)

    def waited_until(self, now: float) -> float | None:
        """Seconds in the queue so far, or in all; None for a call that had a place at once."""
        if self.waited is not None or self.is_ready:
            return self.waited
        return now - self._began_to_wait

    def give_up(self) -> None:
        """Wait no longer, and leave the queue: ``wait`` returns False. For a call that waits."""
        # At once: a place that became free meanwhile is not for a call that will be refused.
        self.waited = self._places.now() - self._began_to_wait
        self.give_back()
        self._tell(False)

    def _tell(self, is_granted: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._granted is not None and not self._granted.done():
            self._granted.set_result(is_granted)


class Places:
    """Hands out places. ``queue`` decides; ``now`` is the clock by which it does."""

    def __init__(self, queue: FairQueue, now: Callable[[], float] = time.monotonic) -> None:
        self.queue = queue
        self.now = now
        self.waits = WaitTimes()
        self._waiting: dict[int, Place] = {}

    def take(
        self, flow: Flow, exchange: str, where: Where = ONE, choose: Callable[[Where], str] | None = None
    ) -> Place:
        """A place for a call, which has it at once where ``is_ready``, and else has to ``wait`` for it.

        ``where`` and ``choose``: see ``Ticket``.
        """
        place = self.take_free(flow, exchange, where, choose)
        if place is not None:
            return place
        now = self.now()
        place = Place(self, self.queue.arrive(flow, exchange, now, where, choose))
        self._waiting[place.ticket.number] = place
        # Others may wait for want of room of their own.
        self._grant_free_places(now, newcomer=place)
        return place

    def take_free(
        self, flow: Flow, exchange: str, where: Where = ONE, choose: Callable[[Where], str] | None = None
    ) -> Place | None:
        """A place for a call that need not wait; None where it has to ``take`` one."""
        ticket = self.queue.begin(flow, exchange, self.now(), where, choose)
        if ticket is None:
            return None
        place = Place(self, ticket)
        place.is_counted = True
        self.waits.counts[0] += 1
        return place

    def end(self, place: Place) -> None:
        """The call of ``place`` needs it no longer."""
        if place.ticket.has_ended:
            return
        now = self.now()
        if place.ticket.began is None:
            del self._waiting[place.ticket.number]
            place.look_back(now)
            self._count(place, now - place.ticket.arrived)
        self.queue.end(place.ticket, now)
        if self.queue.waiting:
            self._grant_free_places(now)

    def take_at_once(self, flow: Flow, exchange: str) -> Ticket | None:
        """A place for a call that need not wait, at the one Ollama that there is: its ticket, for ``end_ticket``."""
        ticket = self.queue.begin(flow, exchange, self.now())
        if ticket is not None:
            self.waits.counts[0] += 1
        return ticket

    def end_ticket(self, ticket: Ticket) -> None:
        """The call of a ticket of ``take_at_once`` needs its place no longer."""
        now = self.now()
        self.queue.end(ticket, now)
        if self.queue.waiting:
            self._grant_free_places(now)

    def put_back(self, place: Place, where: Where) -> None:
        """The call got nothing at its Ollama: it waits again, for one of these."""
        now = self.now()
        self.queue.put_back(place.ticket, where, now)
        self._waiting[place.ticket.number] = place
        before = place.waited
        place.waits_again(now)
        self._grant_free_places(now, newcomer=place)
        if place.is_ready:
            place.waited = before

    def move(self, where_of: Callable[[Ticket], Where]) -> None:
        """Who waits may go elsewhere from now on."""
        self.queue.move(where_of)
        self._grant_free_places(self.now())

    def refresh(self) -> None:
        """Limits were changed: places may have become free."""
        self._grant_free_places(self.now())

    def _grant_free_places(self, now: float, newcomer: Place | None = None) -> None:
        while (ticket := self.queue.grant(now)) is not None:
            place = self._waiting.pop(ticket.number)
            if place is newcomer:
                self._count(place, 0.0)
                continue
            self._count(place, now - ticket.arrived)
            place.grant(now)

    def _count(self, place: Place, seconds: float) -> None:
        """Each call counts once, by its first wait."""
        if not place.is_counted:
            place.is_counted = True
            self.waits.add(seconds)


class WaitTimes:
    """How long calls waited, as a histogram: those without a wait count too."""

    def __init__(self) -> None:
        self.counts = [0] * (len(WAIT_BUCKETS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(WAIT_BUCKETS, seconds)] += 1
        self.seconds += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Bound and number of waits up to it, as Prometheus counts."""
        together, found = 0, []
        for bound, count in zip((*map(str, WAIT_BUCKETS), "+Inf"), self.counts, strict=True):
            together += count
            found.append((bound, float(together)))
        return found
