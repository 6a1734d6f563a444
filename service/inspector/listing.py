"""Many exchanges together: a page of the list, the timeline, the values to choose from, totals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from service.exports.csv_table import write_rows
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.responses import say
from service.inspector.threads import aside, aside_at_length
from service.record.record import Record
from service.record.timestamps import write_moment
from service.search.filters import Filter, read_filter, read_limit, to_query
from service.search.parameters import NAME_FIELDS
from service.search.search import Search
from service.search.search_hits import summarise_found
from service.search.timeline import Timeline
from service.search.totals import GROUP_COLUMNS, STATS_FIELDS, Group, in_order

Query = Mapping[str, str]
_USUAL_LIMIT: Final = 50
_MOST_ENTRIES: Final = 500
_MOST_VALUES: Final = 500
COLUMNS: Final = 450
"""So many dots of a timeline stand side by side."""
STORE: Final = ("store",)
"""The parameter that tells whose exchanges are meant; it is no part of a filter."""


def filter_of(query: Query, also: Iterable[str] = ()) -> Filter:
    """Raises ValueError with a sentence for the client."""
    # As pairs: a parameter may come more than once.
    return read_filter(list(query.items()), also)


async def list_exchanges(search: Search, query: Query) -> web.Response:
    """``/exchanges.json``."""
    wanted, limit = filter_of(query, ("limit", *STORE)), read_limit(query, _USUAL_LIMIT, _MOST_ENTRIES)

    def find() -> dict[str, Any]:
        # Asked first: what is found afterwards goes at least as far.
        reached = search.reached() if wanted.has_conditions else None
        page = search.page(wanted, limit)
        entries = [summarise_found(entry.number, Record(entry.line), wanted.text) for entry in page.entries]
        answer: dict[str, Any] = {"exchanges": entries}
        if page.next_before is not None:
            onwards = [pair for pair in to_query(wanted) if pair[0] != "before"]
            onwards += [("before", str(page.next_before)), ("limit", str(limit))]
            answer["next"] = f"/exchanges.json?{urlencode(onwards)}"
        if page.unreadable:
            answer["unreadable"] = page.unreadable
        if reached is not None:
            answer["reached"] = reached
        return answer | {"complete": page.is_complete}

    return say(await aside(find))


async def draw_timeline(search: Search, query: Query) -> web.Response:
    """``/timeline.json``."""
    return say(timeline_values(await aside_at_length(search.timeline, filter_of(query, STORE), COLUMNS)))


def timeline_values(timeline: Timeline) -> dict[str, Any]:
    """As ``/timeline.json`` has them."""
    return {
        "from": write_moment(timeline.since_ns),
        "to": write_moment(timeline.until_ns),
        "dots": timeline.dots,
        "count": timeline.count,
        "failed": timeline.failed,
        "mean": timeline.mean,
        "p50": timeline.p50,
        "p95": timeline.p95,
        "tokens_in": timeline.tokens_in,
        "tokens_out": timeline.tokens_out,
        "truncated": timeline.truncated,
        "models": timeline.models,
        "model_calls": timeline.model_calls,
        "failed_calls": timeline.failed_calls,
        "apart": {"embeddings": timeline.embeddings, "refused": timeline.refused, "others": timeline.others},
    }


async def list_values(search: Search, query: Query) -> web.Response:
    """``/values.json``."""
    wanted, field, limit = values_asked_for(query)
    return say({"values": await aside_at_length(search.values, field, wanted, limit)})


def values_asked_for(query: Query) -> tuple[Filter, str, int]:
    """The filter, the field and how many values. Raises ValueError with a sentence for the client."""
    wanted, field = filter_of(query, ("field", "limit", *STORE)), query.get("field", "")
    limit = read_limit(query, 100, _MOST_VALUES)
    if field not in NAME_FIELDS:
        raise ValueError(f"field={field[:50]!r} is not understood: expected is one of {', '.join(NAME_FIELDS)}.")
    return wanted, field, limit


async def draw_week(search: Search, query: Query) -> web.Response:
    """``/week.json``."""
    wanted = filter_of(query, STORE)
    return say({"stretches": await aside_at_length(search.quarter_hours, wanted)})


async def add_up(search: Search, query: Query) -> web.Response:
    """``/stats.json``."""
    by, groups, load_made_wait = await _totals(search, query)
    return say({"by": by, "groups": groups, "load_made_wait": load_made_wait})


async def add_up_as_table(search: Search, query: Query) -> web.Response:
    """``/stats.csv``."""
    by, groups, _ = await _totals(search, query)
    return groups_as_table(by, GROUP_COLUMNS, map(asdict, groups))


def groups_as_table(by: str, columns: Sequence[str], groups: Iterable[Mapping[str, Any]]) -> web.Response:
    """The file that ``/stats.csv`` gives."""
    name = f'attachment; filename="stats-by-{by}.csv"'
    headers = PRIVATE_HEADERS | {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": name}
    return web.Response(body=b"".join(write_rows(columns, groups)), headers=headers)


async def _totals(search: Search, query: Query) -> tuple[str, list[Group], float]:
    wanted, by = groups_asked_for(query)
    use = await aside_at_length(search.use, wanted, by)
    return by, in_order(use.groups, query.get("sort") or "calls"), use.load_made_wait


def groups_asked_for(query: Query) -> tuple[Filter, str]:
    """The filter, and the field by which is counted. Raises ValueError with a sentence for the client."""
    return filter_of(query, ("by", "sort", *STORE)), query.get("by") or STATS_FIELDS[0]
