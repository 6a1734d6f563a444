"""How delivery to a receiver goes, for whoever shows it."""

from dataclasses import dataclass
from enum import Enum


class DeliveryState(Enum):
    """How the receiver answers, as far as we have seen."""

    UNKNOWN = "unknown"
    WELL = "well"
    FAILING = "failing"
    REFUSING = "refusing"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the page, metrics and ``/readyz`` show of a receiver.

    ``oldest_unshipped_seconds`` is the age of the oldest record that waits, 0 when none does.
    ``late`` counts those of the ``parked`` that were refused for their age. ``last_success`` is
    Unix time. ``last_error`` and ``what_to_do`` are empty while all is well. Counts are since the start.
    """

    receiver: str
    state: DeliveryState
    cursor: int
    oldest_unshipped_seconds: float
    shipped: int
    parked: int
    late: int
    rejected_spans: int
    last_success: float | None
    last_error: str
    what_to_do: str
