"""What callers have used up: requests of the last minute, and tokens of the day."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from service.events import TokensUncounted, emit
from service.journal import JournalError
from service.journal.reader import Reader
from service.record.record import Record
from service.sharing.limits import Identity, identity_of_record, name_of

MINUTE: Final = 60.0
_MOST_NAMES: Final = 4096
_ROWS_AT_ONCE: Final = 500
_BYTES_AT_ONCE: Final = 8 << 20
# Records are numbered nearly in the order in which they ended.
_CLOCK_SLACK_NS: Final = 3600 * 10**9


class RequestRates:
    """The requests of each caller within the last minute."""

    def __init__(self) -> None:
        self._times: dict[str, deque[float]] = {}

    def seconds_to_wait(self, name: str, most: int, now: float) -> float:
        """When the next request may come, so that no minute has more than ``most``; 0: now."""
        times = self._recent(name, now)
        return 0.0 if len(times) < most else times[-most] + MINUTE - now

    def add(self, name: str, now: float) -> None:
        if len(self._times) >= _MOST_NAMES and name not in self._times:
            self._times = {one: times for one, times in self._times.items() if times[-1] > now - MINUTE}
        times = self._times.setdefault(name, deque())
        times.append(now)
        while times[0] <= now - MINUTE:
            times.popleft()

    def count(self, name: str, now: float) -> int:
        """How many there were in the last minute."""
        return len(self._recent(name, now))

    def _recent(self, name: str, now: float) -> deque[float]:
        times = self._times.get(name)
        if times is None:
            return deque()
        while times and times[0] <= now - MINUTE:
            times.popleft()
        if not times:
            del self._times[name]
        return times


class TokensToday:
    """Tokens of prompts and answers since midnight, by the recorder's clock and by Ollama's own counts.

    They are read from the journal, so a restart forgets nothing. Any thread may ask and add.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._name_of: Callable[[Identity], str] = name_of
        # By who asked, and not by name alone: rules that are read again may name callers otherwise.
        self._by_identity: dict[Identity, int] = {}
        self._by_name: dict[str, int] = {}
        self._ends_at = 0.0

    def used(self, name: str) -> int:
        with self._lock:
            self._turn_the_day()
            return self._by_name.get(name, 0)

    def all(self) -> dict[str, int]:
        """What each caller has used."""
        with self._lock:
            self._turn_the_day()
            return self._by_name.copy()

    def seconds_left(self) -> float:
        """Until midnight."""
        with self._lock:
            self._turn_the_day()
            return max(1.0, self._ends_at - self._now())

    def call_them(self, name_of: Callable[[Identity], str]) -> None:
        """From now on callers have other names."""
        with self._lock:
            self._name_of, self._by_name = name_of, {}
            for who, tokens in self._by_identity.items():
                self._put(name_of(who), tokens)

    def add(self, lines: Iterable[bytes]) -> None:
        """Records that have just ended, as JSON without their bodies."""
        records = [Record(line) for line in lines]
        with self._lock:
            self._turn_the_day()
            for record in records:
                self._add(record)

    def read(self, reader: Reader) -> None:
        """Count what the journal holds of this day, before anything is added. Blocks."""
        try:
            self._read(reader)
        except JournalError as trouble:
            emit(TokensUncounted(str(trouble)))

    def _read(self, reader: Reader) -> None:
        with self._lock:
            self._turn_the_day()
            midnight_ns = int(_midnight(self._now()).timestamp() * 1e9)
            number = _last_number_before(reader, midnight_ns - _CLOCK_SLACK_NS)
            while rows := reader.read_after(number, _ROWS_AT_ONCE, _BYTES_AT_ONCE):
                number = rows[-1].number
                for row in rows:
                    if row.ended_ns >= midnight_ns:
                        self._add(Record(row.line))

    def _add(self, record: Record) -> None:
        tokens = (record.prompt_tokens or 0) + (record.completion_tokens or 0)
        if tokens:
            who = identity_of_record(record)
            self._by_identity[who] = self._by_identity.get(who, 0) + tokens
            self._put(self._name_of(who), tokens)

    def _put(self, name: str, tokens: int) -> None:
        self._by_name[name] = self._by_name.get(name, 0) + tokens

    def _turn_the_day(self) -> None:
        now = self._now()
        if now >= self._ends_at:
            self._by_identity, self._by_name = {}, {}
            self._ends_at = (_midnight(now) + timedelta(days=1)).timestamp()


def _midnight(now: float) -> datetime:
    """The beginning of this day. Without a zone: so a day of 23 or 25 hours is one as well."""
    return datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)  # noqa: DTZ006 - local days


def _last_number_before(reader: Reader, moment_ns: int) -> int:
    """The number of a record before which nothing ended after that moment; records are numbered as they end."""
    low, high = 0, reader.newest_number()
    while low < high:
        middle = (low + high + 1) // 2
        rows = reader.ask("SELECT ended_ns FROM exchange WHERE number <= ? ORDER BY number DESC LIMIT 1", (middle,))
        if not rows or rows[0][0] < moment_ns:
            low = middle
        else:
            high = middle - 1
    return low
