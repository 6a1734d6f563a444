"""What is dropped when there is no room for all of it: lighter copies, and the count of what was lost."""

import threading
import time

from service import events
from service.record.bare_record import line_without_bodies
from service.record.exchange import Body, EncodedRecord, Exchange, OpenExchange

_SECONDS_BETWEEN_EVENTS = 1.0


class Losses:
    """Counts per reason since the start. Any thread may add; an event goes out at most once a second for each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._totals: dict[tuple[str, str], int] = {}
        self._unsaid: dict[tuple[str, str], int] = {}
        self._last_said = -_SECONDS_BETWEEN_EVENTS

    def add_bodies(self, count: int, reason: str) -> None:
        self._add(("bodies", reason), count)

    def add_records(self, count: int, reason: str) -> None:
        self._add(("records", reason), count)

    def total(self, what: str) -> int:
        """How many ``bodies`` or ``records`` were lost, for whatever reason."""
        with self._lock:
            return sum(count for (lost, _), count in self._totals.items() if lost == what)

    def say(self, at_once: bool = True) -> None:
        """Emit what was added since the last time."""
        now = time.monotonic()
        with self._lock:
            if not self._unsaid or (not at_once and now - self._last_said < _SECONDS_BETWEEN_EVENTS):
                return
            unsaid, self._unsaid, self._last_said = self._unsaid, {}, now
        for (what, reason), count in unsaid.items():
            events.emit(events.BodiesLost(count, reason) if what == "bodies" else events.RecordsLost(count, reason))

    def _add(self, key: tuple[str, str], count: int) -> None:
        if count <= 0:
            return
        with self._lock:
            self._totals[key] = self._totals.get(key, 0) + count
            self._unsaid[key] = self._unsaid.get(key, 0) + count
        self.say(at_once=False)


def record_bytes(record: EncodedRecord) -> int:
    return len(record.line) + len(record.request) + len(record.response)


def open_without_body(opened: OpenExchange) -> OpenExchange:
    return opened._replace(request=_emptied(opened.request))


def exchange_without_bodies(exchange: Exchange) -> Exchange:
    """The same facts without the copies; the lengths stay, so that the record says that something is missing."""
    return exchange._replace(opened=open_without_body(exchange.opened), response=_emptied(exchange.response))


def _emptied(body: Body) -> Body:
    return body._replace(head=b"", tail=b"")


def lighter(record: EncodedRecord) -> EncodedRecord | None:
    """The record with less in it: first without the kept bytes, then without the bodies in its line; then None."""
    if record.request or record.response:
        return record._replace(request=b"", response=b"")
    if len(record.line) > len(record.summary):
        line = line_without_bodies(record.summary)
        if len(line) < len(record.line):
            return record._replace(line=line)
    return None


def lightest(record: EncodedRecord) -> EncodedRecord:
    """The record with as little in it as there can be; itself when there is nothing to leave out."""
    while (less := lighter(record)) is not None:
        record = less
    return record
