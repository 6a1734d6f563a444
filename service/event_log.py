"""How an event is counted and logged. What is logged too often is left out, and how often that was is told later."""

import logging
import threading
import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client import Counter

logger = logging.getLogger("ollama_recorder")
QUIET_SECONDS = 10.0
_lock = threading.Lock()
_last_logged: dict[tuple[object, ...], tuple[float, int]] = {}


def make_counter(kind: type) -> "Counter":
    """The counter of a kind of event, named after it; its meaning is the first line of its docstring."""
    from prometheus_client import Counter

    summary = (kind.__doc__ or "").split("\n")[0]
    return Counter(f"ollama_recorder_{_snake(kind.__name__)}", summary, getattr(kind, "counted_by", ()))


def _snake(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)[1:]


def count_and_log(event: Any, counter: "Counter") -> None:
    """Count ``event``, a dataclass with a ``level``, and log it unless its kind was logged a moment ago. Any thread."""
    kind = type(event)
    labels = tuple(str(getattr(event, name)) for name in getattr(kind, "counted_by", ()))
    (counter.labels(*labels) if labels else counter).inc(getattr(event, "count", 1))
    if not logger.isEnabledFor(event.level):
        return
    left_out = 0 if getattr(kind, "is_audit", False) else _left_out_since_last((kind, *labels))
    if left_out is None:
        return
    details = {field.name: getattr(event, field.name) for field in fields(event)}
    if left_out:
        details["not_logged_before"] = left_out
    logger.log(event.level, (kind.__doc__ or "").split("\n")[0], extra={"event": kind.__name__, **details})


def _left_out_since_last(key: tuple[object, ...]) -> int | None:
    """How many of this kind were left out since the last log line; None: leave this one out, too."""
    now = time.monotonic()
    with _lock:
        last, left_out = _last_logged.get(key, (-QUIET_SECONDS, 0))
        if now - last < QUIET_SECONDS:
            _last_logged[key] = (last, left_out + 1)
            return None
        _last_logged[key] = (now, 0)
        return left_out
