"""From when on, in the words that people use for it. Days begin at midnight where the recorder runs."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from service.record.timestamps import WHAT_IS_A_MOMENT, read_moment


def _midnight(now: datetime, days: int = 0) -> datetime:
    day = now.replace(tzinfo=None).date() - timedelta(days=days)
    # Made anew for that day: the clock may have been put back since.
    return datetime(day.year, day.month, day.day).astimezone()


_WORDS: Final[dict[str, Callable[[datetime], datetime]]] = {
    "today": _midnight,
    "yesterday": lambda now: _midnight(now, 1),
    "last-night": lambda now: _midnight(now, 1) + timedelta(hours=22),
    "this-week": lambda now: _midnight(now, now.weekday()),
}
WHAT_IS_SINCE: Final = f"{', '.join(_WORDS)}, {WHAT_IS_A_MOMENT}"


def read_since(text: str, now_ns: int | None = None) -> int:
    """Unix nanoseconds. Raises ValueError, with a sentence, when it cannot be understood."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    word = "-".join(text.strip().lower().split())
    if word in _WORDS:
        begin = _WORDS[word](datetime.fromtimestamp(now_ns / 1e9).astimezone())
        return int(begin.timestamp()) * 1_000_000_000
    try:
        return read_moment(text.strip(), now_ns=now_ns)
    except ValueError:
        raise ValueError(f"since={text[:80]!r} is not understood: expected is {WHAT_IS_SINCE}.") from None
