"""A timeline: every exchange a dot, time across, duration upwards on a logarithmic scale; and exact totals.

SQLite counts and returns one row for each place on the drawing that has a dot. So a million exchanges neither fill
memory nor hold up the event loop.
"""

import math
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from service.search.filters import Filter
from service.search.index_query import NumberRange, number_ranges
from service.search.totals import counted_names, nearest_rank

Dot = tuple[int, int, int, int, int]

# A place is one dot wide, a twentieth of a decade high, of one kind. Beside max(), the other columns are of its row.
# What is not needed for a dot is summed apart: SQLite sorts all that a grouped row holds.
_PLACES = """
SELECT (min(ended_ms, ?) - ?) / ? * 4096 + spot AS place, max(number), ended_ms, request_ms, count(*) {source}
GROUP BY place
"""
_SUMS = """
SELECT coalesce(sum(request_ms), 0), coalesce(sum(tokens_in), 0), coalesce(sum(tokens_out), 0),
    coalesce(sum(is_truncated), 0) {source}
"""


@dataclass(frozen=True, slots=True)
class Timeline:
    """From ``since_ns`` up to ``until_ns`` (Unix nanoseconds).

    Each of ``dots`` is (end in Unix milliseconds, duration in milliseconds, kind, how many lie in the same place,
    number): time, duration and number are those of the newest there; kind is 0 for completed, 1 failed, 2 client left.
    ``mean``, ``p50`` and ``p95`` (nearest rank) are seconds, None where no duration is known. ``failed`` counts all
    that were not completed, ``truncated`` cut prompts. ``models`` are (name, count), most frequent first.
    """

    since_ns: int
    until_ns: int
    dots: list[Dot]
    count: int
    failed: int
    mean: float | None
    p50: float | None
    p95: float | None
    tokens_in: int
    tokens_out: int
    truncated: int
    models: list[tuple[str, int]]


def draw_timeline(
    connection: sqlite3.Connection, wanted: Filter, numbers: Sequence[int] | None, columns: int
) -> Timeline:
    """``columns`` is how many dots fit side by side; ``numbers`` are those of the filter's ids."""
    ranges = list(number_ranges(connection, wanted, numbers))
    since_ms, until_ms = _ends(connection, wanted, ranges)
    width = max(1, math.ceil((until_ms - since_ms) / max(1, columns)))
    dots: dict[int, Dot] = {}
    at_height: Counter[int] = Counter()
    sums: Counter[int] = Counter()
    for part in ranges:
        question = _PLACES.format(source=part.source)
        for place, number, ended_ms, request_ms, count in connection.execute(
            question, (until_ms - 1, since_ms, width, *part.values)
        ):
            known = dots.get(place)
            # Ranges come newest first: the one that is there stays.
            dots[place] = (
                (min(ended_ms, until_ms - 1), request_ms or 0, place & 3, count, number)
                if known is None
                else (known[0], known[1], known[2], known[3] + count, known[4])
            )
            at_height[(place & 4095) >> 2] += count
        sums.update(dict(enumerate(connection.execute(_SUMS.format(source=part.source), part.values).fetchone())))
    # Height 0 is where those lie whose duration nobody knows.
    del at_height[0]
    timed = at_height.total()
    return Timeline(
        since_ns=since_ms * 1_000_000,
        until_ns=until_ms * 1_000_000,
        dots=sorted(dots.values()),
        count=sum(dot[3] for dot in dots.values()),
        failed=sum(dot[3] for dot in dots.values() if dot[2]),
        mean=sums[0] / timed / 1000 if timed else None,
        p50=_percentile(connection, ranges, at_height, 0.50),
        p95=_percentile(connection, ranges, at_height, 0.95),
        tokens_in=sums[1],
        tokens_out=sums[2],
        truncated=sums[3],
        models=counted_names(connection, "model", ranges),
    )


def _ends(connection: sqlite3.Connection, wanted: Filter, ranges: Sequence[NumberRange]) -> tuple[int, int]:
    """Unix milliseconds: what the filter says, else where the first and after where the last exchange ended.

    Nothing has ended after now: what a wrong clock let end in the future is drawn there, and not a year to the right.
    """
    since = None if wanted.since_ns is None else wanted.since_ns // 1_000_000
    until = None if wanted.until_ns is None else wanted.until_ns // 1_000_000
    if since is not None and until is not None:
        return since, until
    lows, highs = [], []
    for part in ranges:
        low, high = connection.execute(f"SELECT min(ended_ms), max(ended_ms) {part.source}", part.values).fetchone()
        if low is not None:
            lows.append(low)
            highs.append(high + 1)
    now = time.time_ns() // 1_000_000 + 1
    if since is None:
        since = min(lows, default=now if until is None else until)
    if until is None:
        until = max(since, min(max(highs, default=since), now))
    return since, until


def _percentile(
    connection: sqlite3.Connection, ranges: Sequence[NumberRange], at_height: Counter[int], share: float
) -> float | None:
    """Exact seconds. How many are at each height tells at which one it lies: only the durations there are sorted."""
    rank = nearest_rank(at_height.total(), share)
    for height in sorted(at_height):
        if rank > at_height[height]:
            rank -= at_height[height]
            continue
        counts: Counter[int] = Counter()
        for part in ranges:
            counts.update(
                dict(
                    connection.execute(
                        f"SELECT request_ms, count(*) {part.source} AND spot BETWEEN ? AND ? GROUP BY request_ms",
                        (*part.values, 4 * height, 4 * height + 3),
                    ).fetchall()
                )
            )
        for milliseconds in sorted(counts):
            rank -= counts[milliseconds]
            if rank <= 0:
                return float(milliseconds) / 1000
    return None
