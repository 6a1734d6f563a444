"""How fast records are sent, and how long to stay away after a failure."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Waiting times of a shipper, in seconds.

    ``linger`` gathers what ends at about the same time into one request. ``idle`` is how often
    the journal is looked at without news of it. After a failure
    the wait is drawn between 0 and a bound that doubles from ``first_delay`` to ``longest_delay``.
    ``refused_delay`` is the wait after an answer that only a change of settings can mend.
    """

    linger: float = 0.25
    idle: float = 5.0
    first_delay: float = 0.5
    longest_delay: float = 30.0
    refused_delay: float = 60.0

    def delay_after(self, failures: int) -> float:
        """Full jitter: recorders that failed together do not come back together."""
        bound = min(self.longest_delay, self.first_delay * 2.0 ** min(failures - 1, 20))
        return random.uniform(0.0, bound)  # noqa: S311  # no secret depends on it


class TokenBucket:
    """Lets ``rate`` bytes a second pass, and ``rate`` bytes at once after a quiet second.

    A request larger than the bucket goes when the bucket is full, and is paid for afterwards.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = rate
        self._filled_at = clock()

    def seconds_until(self, size: int) -> float:
        """How long to wait before ``size`` bytes may be taken."""
        self._fill()
        return max(0.0, (min(size, self._rate) - self._tokens) / self._rate)

    def take(self, size: int) -> None:
        """Take ``size`` bytes, on credit if need be."""
        self._fill()
        self._tokens -= size

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._rate, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
