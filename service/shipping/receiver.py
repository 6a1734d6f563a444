"""What a receiver is to the shipper: how rows become a batch, how that is sent, what the answer means."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum

from service.journal.reader import Row
from service.record.record import Record
from service.shipping.asking import Readiness

LONGEST_RETRY_AFTER = 900.0
"""Seconds. A receiver may ask us to stay away, but not so long that nobody sees it is back."""


class Decision(Enum):
    """What to do after an answer."""

    ACCEPTED = "accepted"
    """Stored: go on."""
    RETRY = "retry"
    """Not now: send the same again later."""
    SPLIT = "split"
    """Something in it is refused for good: send halves; what is refused alone is parked."""
    UNSENT = "unsent"
    """There is nothing in it that this receiver gets: go on."""
    REFUSED = "refused"
    """We are refused, not the records: keep everything, somebody must change a setting."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A receiver's answer, understood.

    ``reason`` is a short fixed word (it becomes a counter's label), ``detail`` the receiver's own
    words. ``retry_after`` is seconds. ``rejected_spans`` were thrown away out of an accepted batch.
    ``is_overload`` tells that a smaller batch might pass. ``may_be_us`` tells that the fault is
    not plainly the record's: it is parked only when another record was taken. ``is_of_content``
    tells that the answer is at least about what was sent, ``is_late`` that it is refused for its
    age, not for what is in it.
    """

    decision: Decision
    reason: str = ""
    detail: str = ""
    what_to_do: str = ""
    retry_after: float = 0.0
    rejected_spans: int = 0
    is_overload: bool = False
    may_be_us: bool = False
    is_of_content: bool = False
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """One request's body as it goes on the wire, and its ``size`` in bytes before compression.

    A size of 0 for records tells that nothing of them goes there.
    """

    body: bytes
    size: int


SendBatch = Callable[[Batch], Awaitable[Verdict]]
"""Send a batch once. No answer, or one that is not understood, is a verdict too: it never raises for those."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom records are shipped to. ``name`` is its name in the journal and in metrics.

    ``encode`` runs on a thread and is deterministic: the same rows give the same bytes. No rows
    give the smallest request that the receiver answers, which is how its health is asked.
    ``connect`` opens what batches are sent over, for as long as the shipper runs.
    ``bytes_per_second`` bounds what is sent (before compression) while catching up;
    ``most_records`` and ``most_line_bytes`` bound what one request is made of, so that
    encoding never keeps the interpreter busy for long; ``most_bytes`` bounds the request.
    """

    name: str
    encode: Callable[[Sequence[Row]], Batch]
    connect: Callable[[], AbstractAsyncContextManager[SendBatch]]
    bytes_per_second: float = 2_000_000.0
    most_records: int = 200
    most_line_bytes: int = 1_000_000
    most_bytes: int = 4_000_000


@dataclass(frozen=True, slots=True)
class WantedReceiver:
    """A receiver that the settings ask for.

    ``name`` is its name in the journal and in metrics, ``title`` the one for people. ``variable`` names the setting
    that holds its ``address``. ``prepare`` reads what else it needs, once. It raises SettingsError for all mistakes in
    that, and returns what makes the Receiver from the journal's instance. ``ask_readiness`` blocks and raises OSError
    when nothing answers. ``can_delete``: what was erased here can be deleted there. ``carries`` is a sentence about the
    prompts that it gets, and ``advice`` what keeps them from it; empty where that goes without saying.
    """

    name: str
    title: str
    variable: str
    address: str
    prepare: Callable[[], Callable[[str], Receiver]]
    ask_readiness: Callable[[], Readiness]
    can_delete: bool = False
    carries: str = ""
    advice: str = ""


def read_record(row: Row) -> Record:
    """The record of ``row``. Raises ValueError when its line is no JSON object."""
    record = Record(row.line)
    if not record.values:
        raise ValueError("its line is no JSON object")
    return record


def read_retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that ``Retry-After`` asks us to wait, given as seconds or as a date; 0 when it says nothing usable."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_RETRY_AFTER)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, OverflowError, OSError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)


def quote_answer(body: bytes) -> str:
    """The receiver's words, short and on one line, fit for a log line."""
    return " ".join(body[:2000].decode("utf-8", "replace").split())[:300]


def is_web_page(headers: Mapping[str, str]) -> bool:
    """Neither Loki nor an OTLP receiver answers in HTML: a page comes from something that stands in front."""
    return headers.get("Content-Type", "").lower().startswith(("text/html", "application/xhtml"))


def judge_stranger(status: int, headers: Mapping[str, str], url_setting: str) -> Verdict | None:
    """Recognise what is no answer of the receiver itself: a redirect, a login page, a web server."""
    if 300 <= status < 400:
        target = headers.get("Location", "")[:200]
        return Verdict(
            Decision.REFUSED,
            "redirected",
            f"HTTP {status} to {target or 'nowhere'}",
            f"set {url_setting} to the receiver's own address: redirects are not followed",
        )
    # A page with one of these is a proxy whose receiver is away, too slow, or protected from us for a while.
    if is_web_page(headers) and status not in (408, 413, 429) and status < 500:
        return Verdict(
            Decision.REFUSED,
            "not_the_receiver",
            f"HTTP {status} with a web page",
            f"check {url_setting}: something else answers there",
        )
    return None
