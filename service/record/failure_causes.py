"""What a failure is called, so that those of one cause can be counted together.

A name holds nothing that differs from call to call: no number, no name, no address.
"""

import re
from typing import Final

from service.record.error_advice import name_of
from service.record.exchange import Outcome
from service.record.hang_up import usual_limit
from service.record.outcomes import OUTCOMES
from service.record.phases import sent_after
from service.record.record import Record

_ERROR_READ: Final = 2000
_LONGEST: Final = 120
_LABELS: Final = {str(one.outcome): one.label for one in OUTCOMES}
# What differs between two errors of one kind: what is quoted, addresses, ids, numbers.
_VARIES: Final = re.compile(
    r"""'[^']{1,200}'|"[^"]{1,200}"|`[^`]{1,200}`|https?://\S{1,300}|/[\w.~%-]{1,100}(?:/[\w.~%-]{0,100}){1,20}"""
    r"""|\b[0-9a-fA-F]{8,64}\b|\d[\d.,:]{0,40}"""
)
_NEXT_SENTENCE: Final = re.compile(r"(?<=\S)\. (?=[A-Z/])")


def cause_of(record: Record, outcome: str) -> str:
    """What made the exchange fail that ended with ``outcome``, in a few words."""
    error = " ".join((record.error or "")[:_ERROR_READ].split())
    if outcome == Outcome.CLIENT_LEFT:
        return _why_left(record)
    if outcome == Outcome.REFUSED:
        # The recorder's own words: what to do follows the first sentence.
        error = _NEXT_SENTENCE.split(error, maxsplit=1)[0]
    if outcome in (Outcome.COMPLETED, Outcome.REFUSED) or not outcome:
        return _of_words(record.status, error) or f"status {record.status or 'unknown'}"
    return _LABELS.get(outcome, outcome)


def _why_left(record: Record) -> str:
    if sent_after(record, Outcome.CLIENT_LEFT) is None:
        return "the client left while it waited in the recorder"
    limit = usual_limit(record.request_time, has_begun=bool(record.response_text or record.thinking))
    return f"the client left at a time limit of {limit} s" if limit else "the client left"


def _of_words(status: int | None, error: str) -> str:
    words = name_of(status, error) if error else ""
    if not words and error:
        words = _VARIES.sub("…", error)
        words = words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"
    return words
