"""What happens in the recorder, as Noun + past Verb: one JSON log line and one counter each.

Any part may emit an event; nothing here knows who does. An event's fields go into the log line. Those named in
``counted_by`` become the counter's labels, so they must be few and fixed. An event that repeats is always counted, and
logged at most once in ``QUIET_SECONDS`` (with the number left out). One with ``is_audit`` is logged each time.
"""

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from service.event_log import count_and_log, make_counter
from service.index_events import IndexDiscarded
from service.privacy_events import MaskingOverdue, WordsRead
from service.upstream_events import UpstreamLeft, UpstreamReturned

if TYPE_CHECKING:
    from prometheus_client import Counter


@dataclass(frozen=True, slots=True)
class RecorderStarted:
    """The recorder listens."""

    listen: str
    ollama: str
    data_dir: str
    version: str
    level: ClassVar[int] = logging.INFO


@dataclass(frozen=True, slots=True)
class RecorderStopped:
    """The recorder has ended in order."""

    in_flight: int
    level: ClassVar[int] = logging.INFO


@dataclass(frozen=True, slots=True)
class SettingsFileRead:
    """A file that a setting names was read again, and is in use."""

    variable: str
    level: ClassVar[int] = logging.INFO
    is_audit: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class SettingsFileRefused:
    """A file that a setting names has a mistake in it: what was read from it before stays in use."""

    variable: str
    mistake: str
    level: ClassVar[int] = logging.ERROR
    is_audit: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ExchangesRecovered:
    """Exchanges that a crash left open were recorded as ``gateway_died``."""

    count: int
    level: ClassVar[int] = logging.WARNING


@dataclass(frozen=True, slots=True)
class BodiesLost:
    """Records were kept without their bodies."""

    count: int
    reason: str
    level: ClassVar[int] = logging.WARNING
    counted_by: ClassVar[tuple[str, ...]] = ("reason",)


@dataclass(frozen=True, slots=True)
class RecordsLost:
    """Whole records could not be kept."""

    count: int
    reason: str
    level: ClassVar[int] = logging.ERROR
    counted_by: ClassVar[tuple[str, ...]] = ("reason",)


@dataclass(frozen=True, slots=True)
class RepliesReleased:
    """Answers were let go before their record was on disk: the journal took over 250 ms."""

    count: int
    level: ClassVar[int] = logging.WARNING


@dataclass(frozen=True, slots=True)
class JournalDegraded:
    """The journal cannot write as it should."""

    reason: str
    level: ClassVar[int] = logging.ERROR


@dataclass(frozen=True, slots=True)
class JournalRestored:
    """The journal writes again."""

    after_seconds: float
    level: ClassVar[int] = logging.INFO


@dataclass(frozen=True, slots=True)
class JournalSetAside:
    """The journal's file was damaged: it was kept under another name, and what could be read moved into a new one."""

    kept_as: str
    error: str
    recovered: int
    unread: int
    is_everything_recovered: bool
    level: ClassVar[int] = logging.ERROR


@dataclass(frozen=True, slots=True)
class JournalDisplaced:
    """The journal's file was deleted, moved or replaced: what was in it moved into the file that has its name now."""

    recovered: int
    lost: int
    level: ClassVar[int] = logging.ERROR


@dataclass(frozen=True, slots=True)
class RecordsExpired:
    """Records were removed because of their age, the journal's size, or a full disk."""

    count: int
    reason: str
    level: ClassVar[int] = logging.INFO
    counted_by: ClassVar[tuple[str, ...]] = ("reason",)


@dataclass(frozen=True, slots=True)
class RecordsErased:
    """Somebody erased records: who, how many, and by which filter; never what was in them."""

    count: int
    by: str
    filter: str
    loki: str
    level: ClassVar[int] = logging.WARNING
    is_audit: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ReceiverFailed:
    """A receiver did not take a batch; it will be tried again."""

    receiver: str
    reason: str
    retry_in_seconds: float
    level: ClassVar[int] = logging.WARNING
    counted_by: ClassVar[tuple[str, ...]] = ("receiver",)


@dataclass(frozen=True, slots=True)
class ReceiverRefused:
    """A receiver refuses us for a reason in our settings; nothing is lost, somebody must act."""

    receiver: str
    reason: str
    what_to_do: str
    level: ClassVar[int] = logging.ERROR
    counted_by: ClassVar[tuple[str, ...]] = ("receiver",)


@dataclass(frozen=True, slots=True)
class ReceiverRecovered:
    """A receiver takes records again."""

    receiver: str
    after_seconds: float
    level: ClassVar[int] = logging.INFO


@dataclass(frozen=True, slots=True)
class RecordsShipped:
    """A receiver accepted records."""

    receiver: str
    count: int
    level: ClassVar[int] = logging.DEBUG
    counted_by: ClassVar[tuple[str, ...]] = ("receiver",)


@dataclass(frozen=True, slots=True)
class RecordParked:
    """A receiver will never take this record; it stays in the journal with the reason."""

    receiver: str
    number: int
    reason: str
    detail: str
    level: ClassVar[int] = logging.ERROR
    counted_by: ClassVar[tuple[str, ...]] = ("receiver", "reason")


@dataclass(frozen=True, slots=True)
class SpansRejected:
    """A receiver took a batch and threw some of its spans away; it does not say which."""

    receiver: str
    count: int
    detail: str
    level: ClassVar[int] = logging.ERROR
    counted_by: ClassVar[tuple[str, ...]] = ("receiver",)


@dataclass(frozen=True, slots=True)
class RequestMalformed:
    """Something that is not HTTP, or no HTTP that we accept, came in."""

    remote_addr: str
    reason: str
    level: ClassVar[int] = logging.WARNING


@dataclass(frozen=True, slots=True)
class CopyShortened:
    """Less of a body is kept, as the copies of all exchanges in flight reached IN_FLIGHT_BODY_BYTES."""

    level: ClassVar[int] = logging.WARNING


@dataclass(frozen=True, slots=True)
class TokensUncounted:
    """The journal could not be read for the tokens of this day; they are counted from now on."""

    reason: str
    level: ClassVar[int] = logging.ERROR


@dataclass(frozen=True, slots=True)
class ConnectionRefused:
    """There are too many connections; MAX_CONNECTIONS or MAX_CONNECTIONS_PER_ADDRESS changes that."""

    reason: str
    remote_addr: str
    level: ClassVar[int] = logging.WARNING
    counted_by: ClassVar[tuple[str, ...]] = ("reason",)


@dataclass(frozen=True, slots=True)
class AlertsUntold:
    """Alerts did not reach ALERT_WEBHOOK_URL, and are not tried again."""

    count: int
    reason: str
    level: ClassVar[int] = logging.ERROR


@dataclass(frozen=True, slots=True)
class DefectFound:
    """A fault of ours. The exchange went on; please report it."""

    where: str
    error: str
    level: ClassVar[int] = logging.ERROR


Event = (
    RecorderStarted
    | RecorderStopped
    | SettingsFileRead
    | SettingsFileRefused
    | UpstreamLeft
    | UpstreamReturned
    | ExchangesRecovered
    | BodiesLost
    | RecordsLost
    | RepliesReleased
    | JournalDegraded
    | JournalRestored
    | JournalSetAside
    | JournalDisplaced
    | IndexDiscarded
    | RecordsExpired
    | RecordsErased
    | ReceiverFailed
    | ReceiverRefused
    | ReceiverRecovered
    | RecordsShipped
    | RecordParked
    | SpansRejected
    | RequestMalformed
    | CopyShortened
    | TokensUncounted
    | ConnectionRefused
    | AlertsUntold
    | MaskingOverdue
    | WordsRead
    | DefectFound
)


_counters: dict[type, "Counter"] = {}
_making: Final = threading.Lock()


def counters() -> dict[type, "Counter"]:
    """The counter of each kind of event, made at the first call: a command that has no event to tell needs none."""
    with _making:
        if not _counters:
            _counters.update((kind, make_counter(kind)) for kind in Event.__args__)
    return _counters


def emit(event: Event) -> None:
    """Count ``event`` and log it. Any thread may call this; never once per chunk or per exchange."""
    count_and_log(event, counters()[type(event)])
