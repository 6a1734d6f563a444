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
from service.search.index_columns import CALL, EMBEDDING, OTHER, REFUSED
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
SELECT apart, count(*), sum(kind <> 0), coalesce(sum(request_ms), 0), count(request_ms), coalesce(sum(tokens_in), 0),
    coalesce(sum(tokens_out), 0), coalesce(sum(is_truncated), 0) {source} GROUP BY apart
"""
_HEIGHTS = "SELECT spot / 4, count(*) {source} AND request_ms IS NOT NULL{condition} GROUP BY 1"
_CALLS_ONLY = f" AND apart = {CALL}"
_COUNT, _FAILED, _TOTAL_MS, _TIMED, _TOKENS_IN, _TOKENS_OUT, _TRUNCATED = range(7)


@dataclass(frozen=True, slots=True)
class Timeline:
    """From ``since_ns`` up to ``until_ns`` (Unix nanoseconds).

    Each of ``dots`` is (end in Unix milliseconds, duration in milliseconds, kind, how many lie in the same place,
    number): time, duration and number are those of the newest there; kind is 0 for completed, 1 failed, 2 client left.
    ``count`` and ``failed`` (all that were not completed) are of everything. All other numbers are of ``model_calls``:
    those that generate, of which ``failed_calls`` were not completed; where there is none, of everything. ``mean``,
    ``p50`` and ``p95`` (nearest rank) are seconds, None where no duration is known, ``truncated`` counts cut prompts.
    ``embeddings``, ``refused`` and ``others`` (lists and the like) count what stands apart from model calls. ``models``
    are (name, count), most frequent first.
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
    model_calls: int
    failed_calls: int
    embeddings: int
    refused: int
    others: int


def draw_timeline(
    connection: sqlite3.Connection, wanted: Filter, numbers: Sequence[int] | None, columns: int
) -> Timeline:
    """``columns`` is how many dots fit side by side; ``numbers`` are those of the filter's ids."""
    ranges = list(number_ranges(connection, wanted, numbers))
    since_ms, until_ms = _ends(connection, wanted, ranges)
    width = max(1, math.ceil((until_ms - since_ms) / max(1, columns)))
    dots: dict[int, Dot] = {}
    sums: dict[int, list[int]] = {apart: [0] * 7 for apart in (CALL, EMBEDDING, REFUSED, OTHER)}
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
        for apart, *numbers_of_it in connection.execute(_SUMS.format(source=part.source), part.values):
            sums[apart] = [one + more for one, more in zip(sums[apart], numbers_of_it, strict=True)]
    counts = {apart: of_it[_COUNT] for apart, of_it in sums.items()}
    told = [sums[CALL]] if counts[CALL] else list(sums.values())
    total = [sum(column) for column in zip(*told, strict=True)]
    condition = _CALLS_ONLY if counts[CALL] else ""
    at_height = _heights(connection, ranges, condition)
    return Timeline(
        since_ns=since_ms * 1_000_000,
        until_ns=until_ms * 1_000_000,
        dots=sorted(dots.values()),
        count=sum(dot[3] for dot in dots.values()),
        failed=sum(dot[3] for dot in dots.values() if dot[2]),
        mean=total[_TOTAL_MS] / total[_TIMED] / 1000 if total[_TIMED] else None,
        p50=_percentile(connection, ranges, at_height, 0.50, condition),
        p95=_percentile(connection, ranges, at_height, 0.95, condition),
        tokens_in=total[_TOKENS_IN],
        tokens_out=total[_TOKENS_OUT],
        truncated=total[_TRUNCATED],
        models=counted_names(connection, "model", ranges),
        model_calls=counts[CALL],
        failed_calls=sums[CALL][_FAILED],
        embeddings=counts[EMBEDDING],
        refused=counts[REFUSED],
        others=counts[OTHER],
    )


def _heights(connection: sqlite3.Connection, ranges: Sequence[NumberRange], condition: str) -> Counter[int]:
    """How many are drawn at each height, of those whose duration is known."""
    heights: Counter[int] = Counter()
    for part in ranges:
        question = _HEIGHTS.format(source=part.source, condition=condition)
        heights.update(dict(connection.execute(question, part.values).fetchall()))
    return heights


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
    connection: sqlite3.Connection,
    ranges: Sequence[NumberRange],
    at_height: Counter[int],
    share: float,
    condition: str,
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
                        f"SELECT request_ms, count(*) {part.source} AND spot BETWEEN ? AND ?{condition} GROUP BY 1",
                        (*part.values, 4 * height, 4 * height + 3),
                    ).fetchall()
                )
            )
        for milliseconds in sorted(counts):
            rank -= counts[milliseconds]
            if rank <= 0:
                return float(milliseconds) / 1000
    return None
