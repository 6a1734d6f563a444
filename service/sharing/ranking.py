"""Callers whose calls wait for the same Ollamas, in the two orders by which one of them is next: by use and by age.

What the heaps hold of a flow from before its last change is out of date: its ``version`` tells.
"""

from heapq import heapify, heappop, heappush
from typing import Final

from service.sharing.flows import Flow, Priority, Where

ByUse = tuple[float, int, int, Flow]
_ByAge = tuple[int, int, Flow]


class Ranking:
    """Those who wait for one of the Ollamas of ``where``."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self._by_use: tuple[list[ByUse], list[ByUse]] = ([], [])
        self._by_age: list[_ByAge] = []

    def __len__(self) -> int:
        return len(self._by_age)

    def offer(self, flow: Flow, number: int) -> None:
        """A flow whose oldest call here is ``number`` may be next."""
        heappush(self._by_use[flow.priority], (flow.log_use, number, flow.version, flow))
        heappush(self._by_age, (number, flow.version, flow))

    def oldest(self) -> tuple[int, int, Flow] | None:
        """The number of the call that has waited longest, a version, and its flow."""
        heap = self._by_age
        while heap and heap[0][1] != heap[0][2].version:
            heappop(heap)
        return heap[0] if heap else None

    def least_served(self, priority: Priority) -> ByUse | None:
        """The use (its logarithm), the oldest call, a version and the flow that has used least."""
        heap = self._by_use[priority]
        while heap and heap[0][2] != heap[0][3].version:
            heappop(heap)
        return heap[0] if heap else None

    def drop_outdated(self) -> None:
        """Make room."""
        self._by_age[:] = [entry for entry in self._by_age if entry[1] == entry[2].version]
        heapify(self._by_age)
        for heap in self._by_use:
            heap[:] = [entry for entry in heap if entry[2] == entry[3].version]
            heapify(heap)


_PRIORITIES: Final = tuple(Priority)


def least_served(rankings: list[Ranking]) -> tuple[int, Flow, Ranking] | None:
    """The oldest call of the flow that has used least, of the interactive ones if there are any."""
    for priority in _PRIORITIES:
        least: ByUse | None = None
        for ranking in rankings:
            entry = ranking.least_served(priority)
            if entry is not None and (least is None or entry[:2] < least[:2]):
                least, where = entry, ranking
        if least is not None:
            return least[1], least[3], where
    return None
