"""Points in time and durations as people write them, and RFC 3339 as the recorder writes it."""

import re
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from math import floor

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_SECONDS = re.compile(r"(\d{1,11})(?:\.(\d{1,9}))?", re.ASCII)
_RELATIVE = re.compile(r"-(\d{1,9}(?:\.\d{1,9})?)(s|m|h|d|w)", re.ASCII)
_DURATION = re.compile(r"(\d{1,15}(?:\.\d{0,400})?|\.\d{1,400})\s?(ms|s|m|h)?", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9})\d*)?\s?([Zz]|[+-]\d\d:?\d\d)?)?", re.ASCII
)
WHAT_IS_A_MOMENT = (
    "2026-11-21T08:30:00Z (without an offset: UTC), 2026-11-21, Unix seconds, now, or how long ago: -1h, -7d"
)


def read_moment(text: str, *, is_end: bool = False, now_ns: int | None = None) -> int:
    """Unix nanoseconds. A date alone is its beginning, as an end (``is_end``) the beginning of the day after.

    Raises ValueError, without a text, when ``text`` is no point in time between 1970 and 2261.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    if text == "now":
        return now_ns
    if found := _SECONDS.fullmatch(text):
        return _in_range(int(found[1]) * _SECOND + int((found[2] or "").ljust(9, "0")))
    if found := _RELATIVE.fullmatch(text):
        return _in_range(now_ns - int(float(found[1]) * _UNITS[found[2]] * _SECOND))
    # In an address a + that is not encoded means a blank.
    found = _MOMENT.fullmatch(re.sub(r" (\d\d:?\d\d)$", r"+\1", text) if "T" in text.upper() else text)
    if found is None:
        raise ValueError
    day, clock, fraction, offset = found.groups()
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}").replace(tzinfo=_zone(offset))
    seconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    nanoseconds = seconds * _SECOND + int((fraction or "").ljust(9, "0"))
    return _in_range(nanoseconds + (_DAY if is_end and clock is None else 0))


def read_duration(text: str) -> float:
    """Seconds, from ``2.5``, ``2.5s``, ``300ms``, ``2m`` or ``1h``, with as many decimals as one likes.

    Raises ValueError, without a text, otherwise.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError
    return float(found[1]) * _UNITS[found[2] or "s"]


def write_duration(seconds: float) -> str:
    """What ``read_duration`` reads as ``seconds``, exactly."""
    return format(Decimal(repr(seconds)), "f")


# ``round`` finds the decimal digits of a number and reads them again, which takes eight times as long.
def to_microseconds(seconds: float) -> float:
    """Seconds with six decimals."""
    return floor(seconds * 1e6 + 0.5) / 1e6


def to_thousandths(number: float) -> float:
    """A number, such as seconds, with three decimals."""
    return floor(number * 1e3 + 0.5) / 1e3


def write_time(nanoseconds: int, digits: int = 6) -> str:
    """Unix nanoseconds as RFC 3339 in UTC, with so many ``digits`` of the second (1 to 9)."""
    seconds = nanoseconds // _SECOND
    rest = nanoseconds - seconds * _SECOND
    return f"{_write_second(seconds)}.{str(rest).zfill(9)[:digits]}Z"


# The times of one exchange, and of those beside it, lie in few seconds.
@lru_cache(maxsize=64)
def _write_second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def write_moment(nanoseconds: int) -> str:
    """The same exactly: with as many digits as it takes."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def _zone(offset: str | None) -> timezone:
    if offset is None or offset in "Zz":
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _in_range(nanoseconds: int) -> int:
    if not 0 <= nanoseconds < 1 << 63:
        raise ValueError
    return nanoseconds
