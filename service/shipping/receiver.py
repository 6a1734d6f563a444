"""What a receiver is to the shipper: an address, how rows become a request, what an answer means."""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import Enum

from service.journal.reader import Row

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
    FINAL = "final"
    """All of it is refused for good and must not be sent again: park it."""
    REFUSED = "refused"
    """We are refused, not the records: keep everything, somebody must change a setting."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A receiver's answer, understood.

    ``reason`` is a short fixed word (it becomes a counter's label), ``detail`` the receiver's own
    words. ``retry_after`` is seconds. ``rejected_spans`` were thrown away out of an accepted batch.
    ``is_overload`` tells that a smaller batch might pass. ``may_be_us`` tells that the fault is
    not plainly the record's: if record after record gets this, none of them should be parked.
    ``is_late`` tells that it is refused for its age, not for what is in it.
    """

    decision: Decision
    reason: str = ""
    detail: str = ""
    what_to_do: str = ""
    retry_after: float = 0.0
    rejected_spans: int = 0
    is_overload: bool = False
    may_be_us: bool = False
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """One request's body as it goes on the wire, and its ``size`` in bytes before compression."""

    body: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom records are shipped to.

    ``encode`` runs on a thread and is deterministic: the same rows give the same bytes. No rows
    give the smallest request that the receiver answers, which is how its health is asked.
    ``timeout`` is seconds for a whole request; ``bytes_per_second`` bounds what is sent (before
    compression) while catching up; ``most_records`` and ``most_line_bytes`` bound what one request
    is made of, so that encoding never keeps the interpreter busy for long; ``most_bytes`` bounds the request.
    """

    name: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    encode: Callable[[Sequence[Row]], Batch]
    judge: Callable[[int, Mapping[str, str], bytes], Verdict]
    timeout: float = 30.0
    bytes_per_second: float = 2_000_000.0
    most_records: int = 200
    most_line_bytes: int = 1_000_000
    most_bytes: int = 4_000_000
    tls: ssl.SSLContext | None = None


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
