"""Whose calls had a place lately, and when: so that who waited can be told who was served meanwhile."""

from collections import deque
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final

from service.sharing.flows import Service, Ticket

_MOST: Final = 128


class ServedCalls:
    """The last calls that gave a place back. ``count`` are all of them."""

    def __init__(self) -> None:
        self.count = 0
        self._last: deque[tuple[str, float, float, str]] = deque(maxlen=_MOST)

    def add(self, ticket: Ticket, now: float) -> None:
        """It has given its place back."""
        self.count += 1
        self._last.append((ticket.flow.name, now if ticket.began is None else ticket.began, now, ticket.upstream))

    def since(self, ticket: Ticket, active: Collection[Ticket], now: float) -> list[Service]:
        """Who had a place that ``ticket`` might have had, while it waited; the most expensive first."""
        found: dict[str, tuple[int, float]] = {}
        for name, began, ended in self._places_of_others(ticket, active, now):
            seconds = ended - max(began, ticket.arrived)
            if seconds > 0:
                calls, together = found.get(name, (0, 0.0))
                found[name] = (calls + 1, together + seconds)
        served = [Service(name, calls, seconds) for name, (calls, seconds) in found.items()]
        return sorted(served, key=lambda one: -one.seconds)

    def remembers_all_since(self, ticket: Ticket) -> bool:
        """Whether ``since`` knows of all: of a very long wait it knows the end only."""
        return self.count - ticket.served_before <= _MOST

    def _places_of_others(
        self, ticket: Ticket, active: Collection[Ticket], now: float
    ) -> Iterator[tuple[str, float, float]]:
        for name, began, ended, upstream in reversed(self._last):
            if ended <= ticket.arrived:
                break
            if upstream in ticket.where:
                yield name, began, ended
        for other in islice(active, _MOST):
            if other is not ticket and other.began is not None and other.upstream in ticket.where:
                yield other.flow.name, other.began, now
