"""How a receiver does, as its answers tell: what ``Delivery`` shows, and the events of it."""

import time
from dataclasses import dataclass, field

from service.events import DefectFound, ReceiverFailed, ReceiverRecovered, ReceiverRefused, emit
from service.journal import JournalError
from service.journal.defects import named
from service.shipping.delivery import DeliveryState
from service.shipping.pace import Pace
from service.shipping.receiver import Decision, Verdict


@dataclass(slots=True)
class Condition:
    """The condition of the receiver ``name``. Times are those of ``time.monotonic``, except ``last_success``."""

    name: str
    pace: Pace
    state: DeliveryState = DeliveryState.UNKNOWN
    last_success: float | None = None
    last_error: str = ""
    what_to_do: str = ""
    _failures: int = field(default=0, init=False)
    _failing_since: float = field(default=0.0, init=False)

    @property
    def is_refusing(self) -> bool:
        return self.state is DeliveryState.REFUSING

    def has_answered(self) -> None:
        """It took something, or refused a record for itself."""
        if self.state in (DeliveryState.FAILING, DeliveryState.REFUSING):
            emit(ReceiverRecovered(self.name, round(time.monotonic() - self._failing_since, 3)))
        self.state = DeliveryState.WELL
        self._failures = 0
        self.last_error = self.what_to_do = ""

    def has_failed(self, verdict: Verdict) -> float:
        """It did not take a batch, or refuses us. The seconds to stay away."""
        error = f"{verdict.reason}: {verdict.detail}" if verdict.detail else verdict.reason
        is_told = self.is_refusing and (self.last_error, self.what_to_do) == (error, verdict.what_to_do)
        refuses = verdict.decision is Decision.REFUSED
        self._begin(DeliveryState.REFUSING if refuses else DeliveryState.FAILING, error, verdict.what_to_do)
        if refuses:
            if not is_told:
                emit(ReceiverRefused(self.name, error, verdict.what_to_do))
            return max(self.pace.refused_delay, verdict.retry_after)
        delay = max(self.pace.delay_after(self._failures), verdict.retry_after)
        emit(ReceiverFailed(self.name, error, round(delay, 3)))
        return delay

    def has_stumbled(self, error: Exception) -> float:
        """Something is wrong here, with the journal or with us. The seconds to wait."""
        is_of_journal = isinstance(error, JournalError)
        text = named(error) if is_of_journal else f"{type(error).__name__}: {error}"
        self._begin(DeliveryState.FAILING, text[:300], "")
        if not is_of_journal:
            # The journal tells its troubles itself: they are no fault of ours, nor of the receiver.
            emit(DefectFound(f"shipping to {self.name}", self.last_error))
        return self.pace.delay_after(self._failures)

    def _begin(self, state: DeliveryState, error: str, what_to_do: str) -> None:
        if self.state not in (DeliveryState.FAILING, DeliveryState.REFUSING):
            self._failing_since = time.monotonic()
        self.state, self.last_error, self.what_to_do = state, error, what_to_do
        self._failures += 1
