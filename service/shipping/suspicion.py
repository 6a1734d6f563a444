"""Records that were refused alone, while nobody knows yet whether it is for themselves or for us.

A receiver that refuses us (a header that is missing, a database that is full) answers as one that refuses a record.
What tells the two apart is another record: where it is taken, the fault is the first one's. So a record is parked only
once another was taken after it, and where none is taken, nothing is parked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from service.journal.reader import Row
from service.shipping.receiver import Decision, Verdict

_MOST_SUSPECTS: Final = 20
_MOST_TRIED: Final = 5
# Loki refuses what is more than an hour older than what it has.
_APART_NS: Final = 1800 * 1_000_000_000
_ONE_ALONE: Final = "no other record has come since that would tell whether it is this one or all of them"
_ALL: Final = "every record is refused: look for the cause in the receiver, or in what stands before it"


@dataclass(slots=True)
class Suspicion:
    """Rows past the cursor that are settled as soon as it is known whose fault it is, oldest first.

    ``suspects`` are the verdicts on those that were refused; what stands between them needs no verdict to pass.
    ``is_proven``: a record was taken while others were refused, so that all of these may be told apart in one go.
    """

    waiting: list[tuple[Row, Verdict | None]] = field(default_factory=list)
    suspects: list[Verdict] = field(default_factory=list)
    is_proven: bool = False

    @property
    def is_enough(self) -> bool:
        """Whether so many were refused one after the other that it is not theirs."""
        return len(self.suspects) >= _MOST_SUSPECTS and not self.is_proven

    def add(self, row: Row, verdict: Verdict | None) -> None:
        """``verdict`` None: there is nothing to say of it, but the cursor must not pass those before it."""
        self.waiting.append((row, verdict))
        if verdict is not None and verdict.may_be_us:
            self.suspects.append(verdict)

    def refusal(self) -> Verdict:
        """What is told while nothing is parked."""
        first = self.suspects[0]
        what_to_do = first.what_to_do or (_ALL if len(self.suspects) > 1 else _ONE_ALONE)
        return Verdict(Decision.REFUSED, first.reason, first.detail, what_to_do, first.retry_after)


def to_try(rows: Sequence[Row]) -> list[Row]:
    """The first of ``rows`` and a few others: while all is refused, it is enough to send these now and then.

    They are spread over the rows, so that many bad ones in a row do not hide that others would be taken.
    """
    near = [row for row in rows if row.ended_ns - rows[0].ended_ns < _APART_NS]
    step = max(1, len(near) // _MOST_TRIED)
    return near[::step][:_MOST_TRIED]
