"""Erasing on demand: look first, then erase what was looked at from the journal, its index and, if it can be, Loki."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from aiohttp import web

from service.events import RecordsErased, emit
from service.inspector.client import Client
from service.inspector.listing import filter_of
from service.inspector.saying import refuse, say
from service.journal.erasing import is_overwritten, set_aside, steps
from service.journal.filters import Filter, to_query
from service.journal.reader import Reader
from service.journal.search import Search

_PATIENCE_SECONDS: Final = 20.0
_AT_ONCE: Final = 1000
_NOT_ELSEWHERE: Final = "Receivers of OpenTelemetry spans (Tempo) cannot be asked to delete: what they have, stays."


class Deletion(Protocol):
    """What became of it in Loki."""

    @property
    def requests(self) -> tuple[str, ...]: ...
    @property
    def is_asked(self) -> bool: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Erasing:
    """Plain callables, so that it works in the recorder and, for the command line, without one.

    ``erase_records`` deletes one step's numbers from the journal, and ``forget`` from its index; ``overwrite_soon``
    has the bytes that were freed overwritten, behind the exchanges; ``ask_loki`` is given
    (id, end in Unix nanoseconds) of what was erased, and is None when nothing is shipped there.
    """

    reader: Reader
    search: Search
    erase_records: Callable[[Sequence[int]], Awaitable[int]]
    forget: Callable[[Sequence[int]], object]
    ask_loki: Callable[[Sequence[tuple[str, int]]], Deletion] | None
    has_other_receivers: bool = False
    overwrite_soon: Callable[[], None] = lambda: None

    async def erase(
        self, wanted: Filter, by: str, progress: Callable[[int], None] = lambda count: None
    ) -> dict[str, Any]:
        """Erase all that ``wanted`` lets through. ``by`` is told in the audit; ``progress`` how many are gone."""
        numbers = await asyncio.to_thread(lambda: [one for batch in self.search.numbers(wanted) for one in batch])
        return await self.erase_numbers(numbers, urlencode(to_query(wanted)) or "all", by, progress)

    async def erase_numbers(
        self, numbers: Sequence[int], which: str, by: str, progress: Callable[[int], None] = lambda count: None
    ) -> dict[str, Any]:
        """Erase the exchanges with these ``numbers``; ``which`` they are is told in the audit."""
        # Read before they are gone, as Loki is asked by their ids and times.
        erased = await asyncio.to_thread(self._ids_and_times, numbers) if self.ask_loki else []
        count = 0
        for step in await asyncio.to_thread(steps, self.reader, numbers):
            count += await self.erase_records(step)
            progress(count)
        self.overwrite_soon()
        await asyncio.to_thread(self.forget, numbers)
        deletion = await asyncio.to_thread(self.ask_loki, erased) if self.ask_loki and erased else None
        is_gone = await self._wait_until_overwritten()
        emit(RecordsErased(count, by, which, _in_short(deletion)))
        return {
            "erased": count,
            "is_overwritten": is_gone,
            "loki": _described(deletion),
            "notes": self._notes(is_gone),
        }

    def _ids_and_times(self, numbers: Sequence[int]) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        for first in range(0, len(numbers), _AT_ONCE):
            some = ",".join(map(str, map(int, numbers[first : first + _AT_ONCE])))
            found += self.reader.ask(f"SELECT id, ended_ns FROM exchange WHERE number IN ({some}) ORDER BY number")
        return found

    async def _wait_until_overwritten(self) -> bool:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not await asyncio.to_thread(is_overwritten, self.reader):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.1)
        return True

    def _notes(self, is_gone: bool) -> list[str]:
        notes = []
        if not is_gone:
            notes.append(
                "The records are deleted. Overwriting the bytes that they took goes on in the background"
                " (a program that reads the journal for long holds it up)."
            )
        if kept := set_aside(self.search.folder):
            notes.append(
                f"Damaged journals that were kept may hold them too; delete these yourself: {', '.join(kept)}."
            )
        if self.has_other_receivers:
            notes.append(_NOT_ELSEWHERE)
        return notes


async def look(erasing: Erasing, query: Mapping[str, str]) -> web.Response:
    """``/erasing.json``: what would be erased."""
    wanted = filter_of(query)
    count = await asyncio.to_thread(erasing.search.count, wanted)
    return say({"count": count, "filter": to_query(wanted), "loki": erasing.ask_loki is not None})


async def erase(erasing: Erasing, query: Mapping[str, str], client: Client) -> web.Response:
    """``DELETE /exchanges``: all that the filter lets through, if it is as many as whoever asks has looked at."""
    wanted = filter_of(query, ("count", "all"))
    expected = query.get("count", "")
    if not (expected.isascii() and expected.isdecimal()):
        return refuse(400, "Say with count=N how many you expect to erase; /erasing.json tells how many there are.")
    if not wanted.has_conditions and query.get("all") != "true":
        return refuse(400, "Without a filter this erases everything: say all=true if that is meant.")
    count = await asyncio.to_thread(erasing.search.count, wanted)
    if count != int(expected):
        return refuse(409, f"There are {count} now, not {expected}: nothing was erased. Look again.", count=count)
    return say(await erasing.erase(wanted, client.address))


async def erase_one(erasing: Erasing, identifier: str, client: Client) -> web.Response:
    """``DELETE /exchanges/ID``."""
    kept = await asyncio.to_thread(erasing.reader.record, identifier)
    if kept is None:
        return refuse(404, f"There is no exchange {identifier} here (any more).")
    # By its number: it may have ended a moment ago, and not be in the index yet.
    return say(await erasing.erase_numbers([kept.row.number], f"exchange={identifier}", client.address))


def _described(deletion: Deletion | None) -> dict[str, Any]:
    if deletion is None:
        return {"asked": False, "requests": [], "why": "Nothing is shipped to Loki (LOKI_URL is not set)."}
    return {"asked": deletion.is_asked, "requests": list(deletion.requests), "why": deletion.text}


def _in_short(deletion: Deletion | None) -> str:
    if deletion is None:
        return "not asked"
    return "asked" if deletion.is_asked else "refused"
