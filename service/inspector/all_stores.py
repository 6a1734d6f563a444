"""``store=loki``: a list, and one exchange, of all recorders that ship to the same Loki."""

import time
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from service.inspector.exchange_detail import Links, describe_alone
from service.inspector.listing import Query, filter_of
from service.inspector.one_exchange import answer_of
from service.inspector.responses import refuse, say
from service.inspector.threads import aside_waiting, may_wait
from service.loki_search.all_recorders import AllRecorders, read_place, summary_of, without_numbers, write_place
from service.loki_search.loki_answers import LokiError
from service.loki_search.selection import kept_of
from service.record.timestamps import write_moment
from service.search.filters import read_limit, to_query

JOURNAL: Final = "journal"
LOKI: Final = "loki"
STORES: Final = (JOURNAL, LOKI)
_USUAL_LIMIT: Final = 50
_MOST: Final = 500
NO_LOKI: Final = "store=loki asks the Loki that recorders ship to: set LOKI_URL first."
BUSY: Final = "Many wait for Loki already: try again later."
_ELSEWHERE: Final = "It was recorded by {}: ask there to send it again."


def is_asked_for(query: Query) -> bool:
    """Whether all recorders are meant, and not this one. Raises ValueError with a sentence for the client."""
    store = query.get("store", "")
    if store not in ("", *STORES):
        raise ValueError(f"store={store[:50]!r} is not understood: expected is one of {', '.join(STORES)}.")
    return store == LOKI


async def list_exchanges(store: AllRecorders | None, query: Query) -> web.Response:
    """``/exchanges.json?store=loki``."""
    if store is None:
        return refuse(409, NO_LOKI, setting="LOKI_URL")
    if not may_wait():
        return refuse(503, BUSY, {"Retry-After": "5"})
    older_than = read_place(query["older_than"]) if query.get("older_than") else None
    wanted = without_numbers(filter_of(query, ("limit", "store", "older_than")))
    limit = read_limit(query, _USUAL_LIMIT, _MOST)
    began = time.monotonic()
    try:
        page = await aside_waiting(store.page, wanted, limit, older_than)
    except LokiError as trouble:
        return refuse(503, str(trouble), {"Retry-After": "5"})
    answer: dict[str, Any] = {"store": "loki", "exchanges": [summary_of(line, wanted.text) for line in page.lines]}
    if page.next_before is not None:
        onwards = [
            *to_query(wanted),
            ("store", "loki"),
            ("older_than", write_place(page.next_before)),
            ("limit", str(limit)),
        ]
        answer["next"] = f"/exchanges.json?{urlencode(onwards)}"
    scanned: dict[str, Any] = {
        "from": write_moment(page.since_ns),
        "bytes": page.scanned_bytes,
        "seconds": round(time.monotonic() - began, 3),
    }
    if page.warnings:
        scanned["warnings"] = list(page.warnings)
    return say(answer | {"scanned": scanned, "complete": page.is_complete})


async def show(identifier: str, store: AllRecorders | None, links: Links) -> web.Response:
    """``/exchanges/ID.json?store=loki``: as its line has it, without the kept bytes and what was around it."""
    if store is None:
        return refuse(409, NO_LOKI, setting="LOKI_URL")
    if not may_wait():
        return refuse(503, BUSY, {"Retry-After": "5"})
    try:
        line = await aside_waiting(store.one, identifier)
    except LokiError as trouble:
        return refuse(503, str(trouble), {"Retry-After": "5"})
    if line is None:
        return refuse(404, f"No recorder has shipped an exchange {identifier} to Loki, or it is gone from there.")
    kept = kept_of(line)
    detail = describe_alone(kept, links)
    answer = answer_of(detail, kept)
    del answer["number"], answer["request"]["kept"], answer["response"]["kept"]
    # What is not whole in the line: nothing is known of what was kept there.
    for side, is_shortened in (
        ("request", detail.record.request_truncated),
        ("response", detail.record.response_truncated),
    ):
        answer[side]["is_shortened"] = bool(is_shortened)
    answer["summary"] = summary_of(line)
    where = {"store": "loki", "instance": line.instance}
    return say(where | answer | {"may_replay": False, "why_no_replay": _ELSEWHERE.format(line.instance)})
