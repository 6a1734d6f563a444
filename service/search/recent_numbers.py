"""What alerts look at: how the last minutes went, counted by the index."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from service.search.filters import Filter
from service.search.index_columns import CLIENT_LEFT, EMBEDDING
from service.search.index_query import number_ranges
from service.search.totals import names_of, nearest_rank

_MS: Final = 1_000_000
_MINUTE_NS: Final = 60_000_000_000
SHORT_MINUTES: Final = 10
LONG_MINUTES: Final = 15


@dataclass(frozen=True, slots=True)
class RecentNumbers:
    """``exchanges`` and ``failed`` of the last SHORT_MINUTES; of the last LONG_MINUTES how many clients gave up, the
    ``p95`` of calls of models in seconds (None: there were none), and the prompts that were cut, by model."""

    exchanges: int
    failed: int
    clients_left: int
    p95: float | None
    cut_prompts: dict[str, int]


def recent_numbers(connection: sqlite3.Connection, now_ns: int) -> RecentNumbers:
    """As of ``now_ns`` (Unix nanoseconds)."""
    short_ms = (now_ns - SHORT_MINUTES * _MINUTE_NS) // _MS
    exchanges = failed = left = 0
    durations: list[int] = []
    cut: dict[int | None, int] = {}
    for part in number_ranges(connection, Filter(since_ns=now_ns - LONG_MINUTES * _MINUTE_NS), None):
        counts = connection.execute(
            "SELECT coalesce(sum(ended_ms >= ?), 0), coalesce(sum(ended_ms >= ? AND kind <> 0), 0),"
            f" coalesce(sum(kind = {CLIENT_LEFT}), 0) {part.source}",
            (short_ms, short_ms, *part.values),
        ).fetchone()
        exchanges, failed, left = exchanges + counts[0], failed + counts[1], left + counts[2]
        # Of a quarter of an hour there are thousands at most.
        calls = f"SELECT request_ms {part.source} AND apart <= {EMBEDDING} AND request_ms IS NOT NULL"
        durations += [milliseconds for (milliseconds,) in connection.execute(calls, part.values)]
        for model, count in connection.execute(
            f"SELECT model, count(*) {part.source} AND is_truncated = 1 GROUP BY model", part.values
        ):
            cut[model] = cut.get(model, 0) + count
    names = names_of(connection, [model for model in cut if model is not None])
    durations.sort()
    return RecentNumbers(
        exchanges,
        failed,
        left,
        durations[nearest_rank(len(durations), 0.95) - 1] / 1000 if durations else None,
        {names.get(model, "") if model is not None else "": count for model, count in cut.items()},
    )
