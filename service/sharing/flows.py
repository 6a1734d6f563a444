"""Callers and their calls, as the queue sees them: flows, tickets, and what a flow used of the model's time.

Use fades with ``HALF_LIFE`` seconds. Times are seconds by one clock that does not go back.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import merge
from typing import Final

HALF_LIFE: Final = 300.0
FIRST_COST: Final = 1.0
"""Seconds that a call is taken to cost before anything has been measured."""

Where = tuple[str, ...]
"""The names of the Ollamas that a call may go to."""

ONE: Final[Where] = ("",)
"""The one Ollama, where there is but one: it needs no name."""

_NO_USE: Final = -math.inf
# What is left of a use after so long that nobody counts it.
_TINY: Final = 1e-6


class Priority(IntEnum):
    """The lower goes first."""

    INTERACTIVE = 0
    BATCH = 1


@dataclass(slots=True, eq=False)
class Flow:
    """The calls of one caller.

    ``log_use`` is the base-2 logarithm of the seconds it used, as they will have faded at time 0: so flows compare
    alike at every moment. ``cost`` is what a call of it usually takes. ``version`` tells entries of heaps that are out
    of date. ``lanes`` are its waiting calls in order, apart by where they may go. ``is_forgotten``: the queue has
    another flow of that name now, or none.
    """

    name: str
    most_active: int | None = None
    priority: Priority = Priority.INTERACTIVE
    lanes: "dict[Where, OrderedDict[int, Ticket]]" = field(default_factory=dict)
    waiting: int = 0
    active: int = 0
    log_use: float = _NO_USE
    cost: float = FIRST_COST
    version: int = 0
    is_forgotten: bool = False

    @property
    def has_room(self) -> bool:
        return self.most_active is None or self.active < self.most_active

    def tickets(self) -> "Iterator[Ticket]":
        """Its waiting calls, the first that came first."""
        return merge(*(lane.values() for lane in self.lanes.values()), key=lambda ticket: ticket.number)

    def use(self, now: float) -> float:
        """Seconds at Ollama, faded."""
        return 0.0 if self.log_use == _NO_USE else 2.0 ** (self.log_use - now / HALF_LIFE)

    def charge(self, seconds: float, now: float) -> None:
        faded = now / HALF_LIFE
        used = seconds if self.log_use == _NO_USE else 2.0 ** (self.log_use - faded) + seconds
        self.log_use = math.log2(used) + faded if used > _TINY else _NO_USE


@dataclass(slots=True, eq=False)
class Ticket:
    """One call: it waits until ``began`` is set, and then has a place until it ends.

    ``where`` are the Ollamas that it may go to. ``choose`` is asked for one of those that have a free place, at the
    moment when it gets one; ``upstream`` is the one that it got.
    """

    number: int
    flow: Flow
    exchange: str
    arrived: float
    served_before: int = 0
    where: Where = ONE
    choose: Callable[[Where], str] | None = None
    overtaken: int = 0
    began: float | None = None
    charged: float = 0.0
    has_ended: bool = False
    upstream: str = ""

    def charge_in_advance(self) -> None:
        """Charge its flow what the calls of that usually cost, as of the moment when it began."""
        if self.began is not None:
            self.charged = self.flow.cost
            self.flow.charge(self.charged, self.began)

    def left_of_charge(self, now: float) -> float:
        """What of that has not faded."""
        return 0.0 if self.began is None else self.charged * 2.0 ** ((self.began - now) / HALF_LIFE)


@dataclass(frozen=True, slots=True)
class Service:
    """What one flow got while another waited: so many calls had a place, for so many seconds together."""

    name: str
    calls: int
    seconds: float
