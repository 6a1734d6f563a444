"""How busy models were, quarter of an hour by quarter: of those the hours of every time zone are made."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from service.search.filters import Filter
from service.search.index_columns import EMBEDDING
from service.search.index_query import number_ranges

_MS: Final = 900_000
MOST_QUARTERS: Final = 10_000
"""About a hundred days: the newest."""

Quarter = tuple[int, float, int, int]


def quarter_hours(connection: sqlite3.Connection, wanted: Filter, numbers: Sequence[int] | None) -> list[Quarter]:
    """(its begin in Unix milliseconds, seconds of model time, calls, how many of these failed), in their order.

    A call belongs where it ended. Embeddings are calls; lists, refusals and quarters without calls are left out.
    """
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for part in number_ranges(connection, wanted, numbers):
        question = (
            f"SELECT ended_ms / {_MS}, coalesce(sum(works_ms), 0), count(*), sum(kind <> 0) {part.source}"
            f" AND apart <= {EMBEDDING} GROUP BY 1 ORDER BY 1 DESC LIMIT {MOST_QUARTERS}"
        )
        for quarter, *values in connection.execute(question, part.values):
            sums[quarter] = [one + more for one, more in zip(sums[quarter], values, strict=True)]
    newest = sorted(sums)[-MOST_QUARTERS:]
    return [(quarter * _MS, sums[quarter][0] / 1000, sums[quarter][1], sums[quarter][2]) for quarter in newest]
