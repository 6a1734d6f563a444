"""Totals of many exchanges, name by name: calls, failures, durations, tokens, waiting. SQLite counts and sorts."""

import math
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from service.search.filters import Filter
from service.search.index_query import NumberRange, number_ranges
from service.search.made_wait import made_wait

STATS_FIELDS = (
    *(
        "model",
        "workflow",
        "node",
        "caller",
        "user",
        "key",
        "task",
        "operation",
        "outcome",
        "address",
        "cut",
        "upstream",
    ),
)
_SUMMED = ("request_ms", "rate", "kind", "tokens_in", "tokens_out", "works_ms", "waited_ms", "energy_mj")
# Names that differ with each call would make a list without end.
MOST_GROUPS = 1000


@dataclass(frozen=True, slots=True)
class Group:
    """All exchanges with the same ``name`` ("" when they tell none), whose number is ``calls``.

    ``mean``, ``p50`` and ``p95`` are seconds and ``rate_median`` tokens a second (nearest rank), None where none is
    known; ``failed`` counts what was not completed. ``total`` is how long they took, ``model_time`` how long a model
    read and wrote for them, ``waited`` how long they waited for that, ``made_wait`` how long others waited meanwhile:
    all in seconds. A share is a part of what all groups took, 0 to 1. ``energy`` is joules, an estimate, of the
    ``energy_calls`` that a meter told of; None where there are none.
    """

    name: str
    calls: int
    failed: int
    mean: float | None
    p50: float | None
    p95: float | None
    tokens_in: int
    tokens_out: int
    rate_median: float | None
    total: float = 0.0
    total_share: float = 0.0
    model_time: float = 0.0
    model_share: float = 0.0
    waited: float = 0.0
    made_wait: float = 0.0
    energy: float | None = None
    energy_calls: int = 0


GROUP_COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Group))
_ORDERS = tuple(name for name in GROUP_COLUMNS if name not in ("total_share", "model_share", "energy_calls"))


def values(
    connection: sqlite3.Connection, field: str, wanted: Filter, numbers: Sequence[int] | None, limit: int
) -> list[tuple[str, int]]:
    """The names in ``field`` with how many exchanges have each, most frequent first, at most ``limit``."""
    return counted_names(connection, field, list(number_ranges(connection, wanted, numbers)), limit)


def counted_names(
    connection: sqlite3.Connection, field: str, ranges: Sequence[NumberRange], limit: int = 100
) -> list[tuple[str, int]]:
    """As ``values``, of what lies in ``ranges``."""
    counts: Counter[int] = Counter()
    for part in ranges:
        question = f"SELECT {name_column(field)} AS name, count(*) {part.source} GROUP BY 1"
        counts.update(dict(connection.execute(question, part.values).fetchall()))
    counts.pop(None, None)  # type: ignore[call-overload]
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]
    names = names_of(connection, [identifier for identifier, _ in most])
    return [(names[identifier], count) for identifier, count in most]


@dataclass(frozen=True, slots=True)
class MachineUse:
    """``groups``: one for each name, the MOST_GROUPS with the most calls, the largest first.

    ``load_made_wait``: seconds that calls waited while a model was loaded and none worked. Those are nobody's.
    """

    groups: list[Group]
    load_made_wait: float


def use(
    connection: sqlite3.Connection, fields: Sequence[str], wanted: Filter, numbers: Sequence[int] | None
) -> list[MachineUse]:
    """Who used the machine, counted for each name in each of ``fields``: in one pass."""
    for by in fields:
        if by not in STATS_FIELDS:
            raise ValueError(f"by={by!r} is not understood: expected is one of {', '.join(STATS_FIELDS)}.")
    columns = [name_column(by) for by in fields]
    places = [f"name_{place}" for place in range(len(fields))]
    connection.execute("DROP TABLE IF EXISTS temp.call")
    connection.execute(f"CREATE TEMP TABLE call(number INTEGER PRIMARY KEY, {', '.join(places)}, {', '.join(_SUMMED)})")
    try:
        for part in number_ranges(connection, wanted, numbers):
            told = ", ".join(("number", *columns, *_SUMMED))
            connection.execute(f"INSERT INTO call SELECT {told} {part.source}", part.values)
        # Whoever waited then, also those that the filter leaves out.
        then = Filter(since_ns=wanted.since_ns, until_ns=wanted.until_ns, before=wanted.before, after=wanted.after)
        made = made_wait(connection, columns, list(number_ranges(connection, then, None)))
        return [
            MachineUse(list(_groups_of_calls(connection, place, by)), round(made.load, 3))
            for place, by in zip(places, made.by, strict=True)
        ]
    finally:
        connection.execute("DROP TABLE temp.call")


def in_order(groups: Sequence[Group], sort: str) -> list[Group]:
    """The same sorted by one of GROUP_COLUMNS, most first, names from A on; equal ones stay in their order."""
    if sort not in _ORDERS:
        raise ValueError(f"sort={sort!r} is not understood: expected is one of {', '.join(_ORDERS)}.")
    if sort == "name":
        return sorted(groups, key=lambda group: (not group.name, group.name.casefold()))
    return sorted(groups, key=lambda group: -1.0 if (value := getattr(group, sort)) is None else value, reverse=True)


def nearest_rank(count: int, share: float) -> int:
    """Which of ``count`` sorted values, from 1 on, no more than ``share`` of them are below."""
    # Floating point makes 0.95 * 20 slightly more than 19.
    return max(1, math.ceil(count * share - 1e-9))


def _groups_of_calls(connection: sqlite3.Connection, column: str, made: dict[int | None, float]) -> Iterator[Group]:
    all_ms, all_works_ms = connection.execute("SELECT sum(request_ms), sum(works_ms) FROM call").fetchone()
    totals = connection.execute(
        f"SELECT {column}, count(*), sum(kind <> 0), avg(request_ms), count(request_ms), coalesce(sum(tokens_in), 0),"
        " coalesce(sum(tokens_out), 0), count(rate), coalesce(sum(request_ms), 0), coalesce(sum(works_ms), 0),"
        " coalesce(sum(waited_ms), 0), sum(energy_mj),"
        " count(energy_mj) FROM call"
        f" GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_GROUPS}"
    ).fetchall()
    names = names_of(connection, [row[0] for row in totals if row[0] is not None])
    durations = _ranked(connection, (column, "request_ms"), {row[0]: row[4] for row in totals}, (0.5, 0.95))
    rates = _ranked(connection, (column, "rate"), {row[0]: row[7] for row in totals}, (0.5,))
    for name, calls, failed, mean, _, tokens_in, tokens_out, _, *summed in totals:
        total_ms, works_ms, waited_ms, mj, metered = summed
        p50, p95 = durations.get(name, (None, None))
        (rate,) = rates.get(name, (None,))
        yield Group(
            name=names.get(name, ""),
            calls=calls,
            failed=failed,
            mean=None if mean is None else mean / 1000,
            p50=p50,
            p95=p95,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            rate_median=rate,
            total=total_ms / 1000,
            total_share=total_ms / all_ms if all_ms else 0.0,
            model_time=works_ms / 1000,
            model_share=works_ms / all_works_ms if all_works_ms else 0.0,
            waited=waited_ms / 1000,
            made_wait=round(made.get(name, 0.0), 3),
            energy=None if mj is None else mj / 1000,
            energy_calls=metered,
        )


def _ranked(
    connection: sqlite3.Connection, columns: tuple[str, str], counts: dict[int | None, int], shares: Sequence[float]
) -> dict[int | None, tuple[float, ...]]:
    """For each name the values at ``shares`` of its ``counts`` known ones, in thousandths, of the second column."""
    # Sorted once, into a table whose row numbers are then the ranks.
    connection.execute("DROP TABLE IF EXISTS temp.sorted_call")
    connection.execute(
        f"CREATE TEMP TABLE sorted_call AS SELECT {columns[0]} AS name, {columns[1]} AS value FROM call"
        " WHERE value IS NOT NULL ORDER BY name, value"
    )
    firsts = connection.execute("SELECT name, min(rowid) FROM sorted_call GROUP BY name").fetchall()
    values: dict[int | None, tuple[float, ...]] = {}
    for name, first in firsts:
        if name in counts:
            rows = [first - 1 + nearest_rank(counts[name], share) for share in shares]
            values[name] = tuple(
                connection.execute("SELECT value FROM sorted_call WHERE rowid = ?", (row,)).fetchone()[0] / 1000
                for row in rows
            )
    connection.execute("DROP TABLE temp.sorted_call")
    return values


def name_column(field: str) -> str:
    """The column of ``fact``, as SQL, that holds the id of what ``field`` names."""
    # A workflow of which only the id is known is named by it.
    return "coalesce(workflow, workflow_id)" if field == "workflow" else field


def names_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """The names with these ids."""
    return dict(connection.execute(f"SELECT id, text FROM name WHERE id IN ({','.join(map(str, ids))})").fetchall())
