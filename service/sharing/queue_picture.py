"""The queue and the limits as readers see them: who runs, who waits, at which place and why, and what is used up."""

from collections import Counter
from typing import Any, Final

from service.record.wording import duration
from service.sharing.fair_queue import FairQueue
from service.sharing.flows import Priority, Ticket
from service.sharing.limits import Limits
from service.sharing.sharing import Sharing

MOST_SHOWN: Final = 200
_MOST_NAMED: Final = 3


def queue_picture(sharing: Sharing | None) -> dict[str, Any]:
    """What ``/queue.json`` tells. Of many who wait only the next ``MOST_SHOWN`` are there. Times are seconds."""
    if sharing is None:
        return {"max_active": 0, "active": [], "waiting": [], "waiting_count": 0}
    now, queue = sharing.places.now(), sharing.places.queue
    active = [
        {
            "exchange": one.exchange,
            "caller": one.flow.name,
            "seconds": round(now - (one.began or now), 3),
            **({"upstream": one.upstream} if one.upstream else {}),
        }
        for one in queue.running()[:MOST_SHOWN]
    ]
    return {
        "max_active": sharing.most_active,
        "queue_length": sharing.queue_length,
        "queue_timeout": sharing.queue_seconds,
        "active": active,
        "waiting": waiting_calls(sharing),
        "waiting_count": queue.waiting,
    }


def waiting_calls(sharing: Sharing) -> list[dict[str, Any]]:
    """Those who wait in the order in which they are expected to be served, each with its place and the reason."""
    now, queue = sharing.places.now(), sharing.places.queue
    found: list[dict[str, Any]] = []
    before: Counter[str] = Counter()
    for place, ticket in enumerate(queue.expected_order(now, MOST_SHOWN), 1):
        found.append(
            {
                "exchange": ticket.exchange,
                "place": place,
                "caller": ticket.flow.name,
                "priority": ticket.flow.priority.name.lower(),
                "seconds": round(now - ticket.arrived, 3),
                "used": round(ticket.flow.use(now), 1),
                "reason": _reason(sharing, ticket, before),
            }
        )
        before[ticket.flow.name] += 1
    return found


def waiting_for(queue: FairQueue, upstream: str) -> int:
    """How many calls wait that may go to this Ollama."""
    lanes = (lane for flow in queue.flows() for lane in flow.lanes.items())
    return sum(len(tickets) for where, tickets in lanes if upstream in where)


def _reason(sharing: Sharing, ticket: Ticket, before: Counter[str]) -> str:
    flow, queue = ticket.flow, sharing.places.queue
    if not flow.has_room:
        have = "its one place" if flow.most_active == 1 else f"its {flow.most_active} places"
        text = f"{flow.name} has {have} (max_active)"
    elif len(ticket.where) > 1:
        text = f"all places at {', '.join(ticket.where[:-1])} and {ticket.where[-1]} are taken"
    elif queue.most_active == 1:
        text = f"the one place at {ticket.where[0] or 'Ollama'} is taken"
    else:
        text = f"all {queue.most_active} places at {ticket.where[0] or 'Ollama'} are taken"
    if not before:
        return text + "; next"
    named = [f"{count} of {name}" for name, count in before.most_common(_MOST_NAMED)]
    others = sum(before.values()) - sum(count for _, count in before.most_common(_MOST_NAMED))
    text += "; before it " + ", ".join([*named, *([f"{others} of others"] if others else [])])
    if flow.priority is Priority.BATCH and any(
        queue.flow_named(name).priority is Priority.INTERACTIVE for name in before if name != flow.name
    ):
        return text + ": interactive calls go before a batch"
    if any(name != flow.name for name in before):
        used = duration(flow.use(sharing.places.now()))
        return text + f": next is who used the model least lately, and {flow.name} used it for {used}"
    return text


def limits_picture(sharing: Sharing | None) -> dict[str, Any]:
    """What each caller may have and has used: those with a table of their own, and all that called lately."""
    if sharing is None:
        return {"callers": []}
    now, queue, rules = sharing.places.now(), sharing.places.queue, sharing.rules
    limits = {f"{kind} {name}": one for (kind, name), one in rules.tables.items()}
    tokens = sharing.tokens.all()
    names = dict.fromkeys([*limits, *tokens, *(flow.name for flow in queue.flows())])
    callers = []
    for name in list(names)[:MOST_SHOWN]:
        flow, own = queue.flow_named(name), limits.get(name, rules.default)
        caller = {
            "caller": name,
            "has_own_table": name in limits,
            "limits": _limits(own),
            "active": flow.active,
            "waiting": flow.waiting,
            "tokens_of_today": tokens.get(name, 0),
            "used": round(flow.use(now), 1),
        }
        if own.requests_per_minute is not None:
            caller["requests_of_last_minute"] = sharing.rates.count(name, now)
        callers.append(caller)
    return {"callers": callers}


def _limits(limits: Limits) -> dict[str, Any]:
    values = {
        "max_active": limits.max_active,
        "max_waiting": limits.max_waiting,
        "requests_per_minute": limits.requests_per_minute,
        "tokens_per_day": limits.tokens_per_day,
        "models": None if limits.models is None else list(limits.models),
        "priority": limits.priority.name.lower(),
        "keep_alive_at_most": limits.keep_alive_at_most,
        "context": "refuse" if limits.refuses_cuts else "observe",
    }
    return {name: value for name, value in values.items() if value is not None}
