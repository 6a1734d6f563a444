"""What a receiver will never take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A record that ``receiver`` will never take, and why."""

    receiver: str
    number: int
    reason: str
    detail: str
    parked_ns: int
