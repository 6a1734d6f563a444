"""``store=loki``: the timeline, totals, values and the week of all recorders that ship to the same Loki.

They are made by the code that makes them of one journal, of an index in memory. What would take too long is read as
far as it goes, newest first, and the answer says so: ``complete`` is false, and ``scanned`` says from when on.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from aiohttp import web

from service.inspector.all_stores import BUSY, NO_LOKI
from service.inspector.listing import (
    COLUMNS,
    STORE,
    Query,
    filter_of,
    groups_as_table,
    groups_asked_for,
    timeline_values,
    values_asked_for,
)
from service.inspector.responses import refuse, say
from service.inspector.threads import aside_waiting, may_wait
from service.loki_search.all_recorders import AllRecorders, without_numbers
from service.loki_search.facts import MOST_RECORDS, GatheredFacts, gathered
from service.loki_search.loki_answers import LokiError, not_whole
from service.record.timestamps import write_moment
from service.search import totals
from service.search.filters import Filter, without
from service.search.quarter_hours import quarter_hours
from service.search.timeline import draw_timeline as drawn
from service.search.totals import GROUP_COLUMNS, in_order

# Calls at another machine's Ollama make nobody here wait, and the records do not tell the machines apart.
_OF_ONE_RECORDER: Final = "made_wait"
_COLUMNS_OF_ALL: Final = tuple(name for name in GROUP_COLUMNS if name != _OF_ONE_RECORDER)

Values = dict[str, Any]


async def draw_timeline(store: AllRecorders | None, query: Query) -> web.Response:
    """``/timeline.json?store=loki``. Dots have no numbers: those belong to one journal."""
    wanted = without_numbers(filter_of(query, STORE))

    def draw(facts: GatheredFacts) -> Values:
        values = timeline_values(drawn(facts.connection, facts.wanted, None, COLUMNS))
        return values | {"dots": [dot[:4] for dot in values["dots"]]}

    return await _told(store, wanted, draw)


async def list_values(store: AllRecorders | None, query: Query) -> web.Response:
    """``/values.json?store=loki``."""
    wanted, field, limit = values_asked_for(query)
    wanted = without(without_numbers(wanted), field)
    return await _told(
        store, wanted, lambda facts: {"values": totals.values(facts.connection, field, facts.wanted, None, limit)}
    )


async def draw_week(store: AllRecorders | None, query: Query) -> web.Response:
    """``/week.json?store=loki``."""
    wanted = without_numbers(filter_of(query, STORE))
    return await _told(store, wanted, lambda facts: {"stretches": quarter_hours(facts.connection, facts.wanted, None)})


async def add_up(store: AllRecorders | None, query: Query) -> web.Response:
    """``/stats.json?store=loki``."""
    wanted, by = groups_asked_for(query)
    return await _told(store, without_numbers(wanted), lambda facts: {"by": by, "groups": groups_of(facts, query)})


async def add_up_as_table(store: AllRecorders | None, query: Query) -> web.Response:
    """``/stats.csv?store=loki``. A table has no place to say that it is not whole: then it is refused."""
    wanted, by = groups_asked_for(query)
    answer = await _asked(store, without_numbers(wanted), lambda facts: {"groups": groups_of(facts, query)})
    if isinstance(answer, web.Response):
        return answer
    if "warnings" in answer["scanned"]:
        return refuse(503, str(not_whole(answer["scanned"]["warnings"])), {"Retry-After": "5"})
    if not answer["complete"]:
        return refuse(
            409,
            f"These are too many exchanges to add up: from {answer['scanned']['from']} on they were read. Ask for a"
            " shorter time, or for /stats.json, which says how far it goes.",
        )
    return groups_as_table(by, _COLUMNS_OF_ALL, answer["groups"])


def groups_of(facts: GatheredFacts, query: Query) -> list[Values]:
    """The groups of what was read, as ``/stats.json`` has them."""
    _, by = groups_asked_for(query)
    sort = query.get("sort") or "calls"
    if sort == _OF_ONE_RECORDER:
        raise ValueError(f"sort={sort!r} is known of one recorder only: leave out store=loki.")
    groups = in_order(totals.use(facts.connection, [by], facts.wanted, None)[0].groups, sort)
    return [{name: value for name, value in asdict(group).items() if name in _COLUMNS_OF_ALL} for group in groups]


async def _told(
    store: AllRecorders | None, wanted: Filter, answer_of: Callable[[GatheredFacts], Values]
) -> web.Response:
    answer = await _asked(store, wanted, answer_of)
    return answer if isinstance(answer, web.Response) else say(answer)


async def _asked(
    store: AllRecorders | None, wanted: Filter, answer_of: Callable[[GatheredFacts], Values]
) -> web.Response | Values:
    """What ``answer_of`` makes of the facts, with what it cost; or why there is no answer."""
    if store is None:
        return refuse(409, NO_LOKI, setting="LOKI_URL")
    if not may_wait():
        return refuse(503, BUSY, {"Retry-After": "5"})
    began = time.monotonic()

    def ask(store: AllRecorders) -> Values:
        with gathered(store, wanted, MOST_RECORDS) as facts:
            scanned: Values = {"from": write_moment(facts.since_ns), "bytes": facts.scanned_bytes}
            if facts.warnings:
                scanned["warnings"] = list(facts.warnings)
            return {
                "store": "loki",
                **answer_of(facts),
                "scanned": scanned,
                "complete": facts.is_complete and not facts.warnings,
            }

    try:
        answer = await aside_waiting(ask, store)
    except LokiError as trouble:
        return refuse(503, str(trouble), {"Retry-After": "5"})
    answer["scanned"]["seconds"] = round(time.monotonic() - began, 3)
    return answer
