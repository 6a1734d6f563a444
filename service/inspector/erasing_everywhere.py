"""``store=loki``: erasing from all recorders: here, at each of PEERS, and in Loki what the others shipped there."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from service.inspector import erasing
from service.inspector.all_stores import BUSY, NO_LOKI, is_asked_for
from service.inspector.client import Client
from service.inspector.erasing import Deletion, Erasing
from service.inspector.listing import filter_of
from service.inspector.responses import refuse, say
from service.inspector.threads import aside_waiting, may_wait
from service.journal import JournalError
from service.loki_search.all_recorders import AllRecorders, without_numbers
from service.loki_search.facts import matching_ids
from service.loki_search.loki_answers import LokiError
from service.peers.erasing_elsewhere import ErasingElsewhere
from service.peers.peer_answers import PeerAnswer
from service.record.timestamps import write_moment
from service.search.filters import Filter, to_query

_AT_ONCE: Final = 500

Found = Mapping[str, Sequence[tuple[str, int]]]
"""Of each recorder by its name, what of a filter is in Loki: ids and ends (Unix nanoseconds)."""


@dataclass(frozen=True, slots=True)
class ErasingEverywhere:
    """``delete_in_loki`` has Loki delete lines of the recorder that it is given the name of. ``own_name`` is ours."""

    erasing: Erasing
    elsewhere: ErasingElsewhere
    store: AllRecorders | None
    delete_in_loki: Callable[[str, Sequence[tuple[str, int]]], Deletion]
    own_name: Callable[[], str]

    def look(self, wanted: Filter, store: AllRecorders) -> "_Look":
        """What ``wanted`` would erase. Blocks. Raises LokiError."""
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for instance, identifier, ended_ns in matching_ids(store, wanted):
            found[instance].append((identifier, ended_ns))
        here, own = self.erasing.search.count(wanted), self.own_name()
        found[own] = self._not_here(found[own])
        return _Look(own, here, self.elsewhere.counts(to_query(wanted), own), found)

    def _not_here(self, lines: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of this recorder's lines whose exchange is gone from its journal, as an old one may be."""
        kept: set[str] = set()
        for start in range(0, len(lines), _AT_ONCE):
            ids = [identifier for identifier, _ in lines[start : start + _AT_ONCE]]
            places = ",".join("?" * len(ids))
            question = f"SELECT id FROM exchange WHERE id IN ({places})"
            kept |= {row[0] for row in self.erasing.reader.ask(question, tuple(ids))}
        return [line for line in lines if line[0] not in kept]


@dataclass(frozen=True, slots=True)
class _Look:
    own: str
    here: int
    peers: Mapping[str, PeerAnswer]
    found: Found

    @property
    def alone_in_loki(self) -> dict[str, int]:
        """How many are to be deleted in Loki, as no recorder has Loki delete them.

        Those of recorders that do not answer, or whose address nobody knows; and what is no more in a journal.
        """
        counts = {name: answer.count for name, answer in self.peers.items() if not answer.trouble}
        alone = {name: len(lines) - counts.get(name, 0) for name, lines in self.found.items()}
        return {name: count for name, count in alone.items() if count > 0}

    @property
    def count(self) -> int:
        return self.here + sum(one.count for one in self.peers.values()) + sum(self.alone_in_loki.values())

    def recorders(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = [{"name": self.own, "count": self.here}]
        for name, answer in self.peers.items():
            told.append({"name": name, **({"trouble": answer.trouble} if answer.trouble else {"count": answer.count})})
        for name, count in self.alone_in_loki.items():
            known = next((one for one in told if one["name"] == name), None)
            if known is None:
                told.append({"name": name, "in_loki": count, "trouble": f"PEERS does not say where {name} is."})
            else:
                known["in_loki"] = count
        return told


async def look(everywhere: ErasingEverywhere, query: Mapping[str, str]) -> web.Response:
    """``/erasing.json``; with ``store=loki`` what would be erased of all recorders, and where it can be."""
    if not is_asked_for(query):
        return await erasing.look(everywhere.erasing, query)
    wanted = _fixed(query)
    if everywhere.store is None:
        return refuse(409, NO_LOKI, setting="LOKI_URL")
    if not may_wait():
        return refuse(503, BUSY, {"Retry-After": "5"})
    try:
        seen = await aside_waiting(everywhere.look, wanted, everywhere.store)
    except LokiError as trouble:
        return refuse(503, str(trouble), {"Retry-After": "5"})
    return say({"count": seen.count, "filter": to_query(wanted), "loki": True, "recorders": seen.recorders()})


async def erase(everywhere: ErasingEverywhere, query: Mapping[str, str], client: Client) -> web.Response:
    """``DELETE /exchanges``; with ``store=loki`` from all recorders, if it is as many as the client expects."""
    if not is_asked_for(query):
        return await erasing.erase(everywhere.erasing, query, client)
    wanted, expected = _fixed(query, ("count", "all")), query.get("count", "")
    if everywhere.store is None:
        return refuse(409, NO_LOKI, setting="LOKI_URL")
    if not (expected.isascii() and expected.isdecimal()):
        return refuse(400, "Say with count=N how many you expect to erase; /erasing.json tells how many there are.")
    if query.get("all") != "true" and not replace(wanted, until_ns=None).has_conditions:
        return refuse(400, "Without a filter this erases everything: say all=true if that is meant.")
    if refusal := await everywhere.erasing.why_not_yet(wanted):
        return refusal
    if not may_wait():
        return refuse(503, f"{BUSY} Nothing was erased.", {"Retry-After": "5"})
    try:
        seen = await aside_waiting(everywhere.look, wanted, everywhere.store)
        if seen.count != int(expected):
            return refuse(409, f"There are {seen.count} now, not {expected}: nothing was erased.", count=seen.count)
        since = write_moment(time.time_ns())
        still_open = await asyncio.to_thread(everywhere.elsewhere.remember, to_query(wanted), since, seen.own)
    except LokiError as trouble:
        return refuse(503, f"{trouble} Nothing was erased.", {"Retry-After": "5"})
    except OSError as trouble:
        return refuse(503, f"What is to be erased elsewhere cannot be written down ({trouble}): nothing was erased.")
    # It goes on to its end when its caller leaves, as an erasure here does.
    following = asyncio.ensure_future(_erase(everywhere, wanted, seen, still_open, since, client.named))
    try:
        return say(await asyncio.shield(following))
    except JournalError as trouble:
        later = "What is left is erased as soon as that can be done, here and at the others."
        return refuse(503, f"The journal cannot do that now: {trouble}. {later}")


async def _erase(
    everywhere: ErasingEverywhere, wanted: Filter, seen: _Look, still_open: Sequence[Any], since: str, by: str
) -> dict[str, Any]:
    try:
        report = await everywhere.erasing.erase(wanted, by)
    except BaseException:
        everywhere.elsewhere.leave_open(still_open)
        raise
    here, others = still_open[0], still_open[1:]
    await asyncio.to_thread(everywhere.elsewhere.done_here, here)
    told = [{"name": seen.own, "erased": report["erased"]}]
    answers = await aside_waiting(everywhere.elsewhere.try_now, others)
    for name, answer in answers.items():
        if answer.trouble:
            report["notes"].append(f"{answer.trouble} It is tried again until it is done.")
            told.append({"name": name, "trouble": answer.trouble})
        else:
            told.append({"name": name, "erased": answer.count})
    reached = {seen.own, *(name for name, answer in answers.items() if not answer.trouble)}
    for name, lines in seen.found.items():
        # One that was reached has Loki delete what it still had: that is asked twice, and what it had no more once.
        if lines:
            is_known = name in reached or name in everywhere.elsewhere.names
            report["notes"] += await asyncio.to_thread(_delete_lines, everywhere, name, lines, since, is_known)
    return report | {"recorders": told}


def _delete_lines(
    everywhere: ErasingEverywhere, name: str, lines: Sequence[tuple[str, int]], since: str, is_known: bool
) -> list[str]:
    """What became of lines of others, or of ours that are in no journal; ``is_known``: PEERS says where it is."""
    notes = []
    if not is_known:
        notes.append(f"PEERS does not say where {name} is: its journal was not asked. Its lines in Loki were found.")
    deletion = everywhere.delete_in_loki(name, lines)
    if not deletion.is_asked:
        notes.append(f"{deletion.text} It is tried again until it is done.")
        try:
            everywhere.elsewhere.remember_in_loki(deletion.requests, since, deletion.text)
        except OSError as trouble:
            notes.append(f"That could not be written down ({trouble}): make the requests yourself.")
    return notes


def _fixed(query: Mapping[str, str], also: Sequence[str] = ()) -> Filter:
    """The filter with absolute times: what ends from now on is not meant."""
    wanted = without_numbers(filter_of(query, ("store", *also)))
    return wanted if wanted.until_ns is not None else replace(wanted, until_ns=time.time_ns())
