"""Erasing on demand: look first, then erase from the journal, its index and, where possible, Loki."""

import asyncio
import sqlite3
import time
from array import array
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol
from urllib.parse import urlencode

from aiohttp import web

from service.events import RecordsErased, emit
from service.inspector.client import Client
from service.inspector.listing import filter_of
from service.inspector.responses import refuse, say
from service.journal import JournalError
from service.journal.erasing import erase_records, is_overwritten, overwrite_all, set_aside, steps
from service.journal.journal import Journal
from service.journal.reader import Reader
from service.search.filters import Filter, read_filter, to_query
from service.search.indexing import Indexer
from service.search.matching import Matches

_PATIENCE_SECONDS: Final = 20.0
_AT_ONCE: Final = 5000
_NOT_ELSEWHERE: Final = "Receivers of OpenTelemetry spans (Tempo) cannot be asked to delete: what they have, stays."


class Deletion(Protocol):
    """What became of the erasure in Loki."""

    @property
    def requests(self) -> tuple[str, ...]: ...
    @property
    def is_asked(self) -> bool: ...
    @property
    def text(self) -> str: ...


class Gone:
    """What was erased, as compact as a million need it: numbers, and for Loki ids and ends (Unix nanoseconds).

    ``is_whole_time``: it was everything that ended in a time, so Loki needs no ids.
    """

    def __init__(self, since_ns: int | None, is_whole_time: bool) -> None:
        self.numbers = array("q")
        self.is_whole_time = is_whole_time
        self._since_ns = since_ns
        self._ids: list[str] = []
        self._ended_ns = array("q")

    def add(self, exchanges: Iterable[tuple[int, str, int]]) -> None:
        """(number, id, end) of each."""
        for number, identifier, ended_ns in exchanges:
            self.numbers.append(number)
            self._ended_ns.append(ended_ns)
            if not self.is_whole_time:
                self._ids.append(identifier)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        """Id and end of each; nothing when it was a whole time."""
        return zip(self._ids, self._ended_ns, strict=False)

    @property
    def whole_time(self) -> tuple[int, int] | None:
        """The first and the last moment of that time. Without a beginning it begins at 0: Loki may keep for longer."""
        return (self._since_ns or 0, max(self._ended_ns, default=0)) if self.is_whole_time else None


@dataclass(frozen=True, slots=True)
class Erasing:
    """Plain callables, so that it works in the recorder and, for the command line, without one.

    ``erase_records`` deletes one step's numbers from the journal. ``forget`` takes all out of its index and returns
    whether nothing of them stays there. ``overwrite_soon`` has the freed bytes overwritten, behind the exchanges or
    before it returns. ``ask_loki`` is None when nothing is shipped there. ``send_no_more`` keeps receivers from getting
    what was read before the records went. ``tell_erased`` reaches watchers that may still show them. ``count_behind``
    brings the index up to date for some seconds and returns how many records it is still behind.
    """

    reader: Reader
    search: Matches
    erase_records: Callable[[Sequence[int]], Awaitable[int]]
    forget: Callable[[Sequence[int]], bool]
    ask_loki: Callable[[Gone], Deletion] | None
    has_other_receivers: bool = False
    overwrite_soon: Callable[[], object] = lambda: None
    send_no_more: Callable[[], object] = lambda: None
    tell_erased: Callable[[], object] = lambda: None
    count_behind: Callable[[], int] = lambda: 0
    _running: set[asyncio.Task[Any]] = field(default_factory=set)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def erase(
        self, wanted: Filter, by: str, progress: Callable[[int], None] = lambda count: None
    ) -> dict[str, Any]:
        """Erase all that ``wanted`` lets through. ``by`` goes into the audit; ``progress`` gets how many are gone.

        Goes on to its end when its caller leaves. Raises JournalError when the disk is in trouble; what was erased by
        then is forgotten everywhere.
        """
        gone = Gone(wanted.since_ns, is_whole_time=_is_a_time(wanted))
        return await self._to_its_end(
            self._erase(gone, self.search.numbers(wanted, _AT_ONCE), _in_audit(wanted), by, progress)
        )

    async def erase_numbers(
        self, numbers: Sequence[int], which: str, by: str, progress: Callable[[int], None] = lambda count: None
    ) -> dict[str, Any]:
        """Erase the exchanges with these ``numbers``; ``which`` they are goes into the audit. Else as ``erase``."""
        return await self._to_its_end(
            self._erase(Gone(None, is_whole_time=False), iter([numbers]), which, by, progress)
        )

    async def erase_expected(self, wanted: Filter, expected: int, by: str) -> web.Response:
        """Erase what ``wanted`` lets through if it is as many as ``expected``."""
        async with self._one_at_a_time:
            if refusal := await self.why_not_yet(wanted):
                return refusal
            count = await asyncio.to_thread(self.search.count, wanted)
            if count != expected:
                return refuse(
                    409, f"There are {count} now, not {expected}: nothing was erased. Look again.", count=count
                )
            return say(await self.erase(wanted, by))

    async def erase_rest(self, query: Sequence[tuple[str, str]]) -> str:
        """Erase what is left of an erasure that a stop or the disk ended; ``query`` is its filter. Why not, or ""."""
        try:
            wanted = read_filter(query)
            if await self.why_not_yet(wanted) is not None:
                return "Its index is behind."
            await self.erase(wanted, "whoever asked for it before")
        except (JournalError, ValueError) as trouble:
            return f"{trouble}"
        return ""

    async def why_not_yet(self, wanted: Filter) -> web.Response | None:
        """The refusal to erase ``wanted`` while some of it may be where no filter finds it yet."""
        behind = await asyncio.to_thread(self.count_behind) if wanted.has_conditions else 0
        if not behind:
            return None
        return refuse(503, f"{behind} exchanges are not in the index yet: nothing was erased. Try again soon.")

    async def _to_its_end(self, erasing: Any) -> dict[str, Any]:
        task: asyncio.Task[dict[str, Any]] = asyncio.create_task(erasing, name="erase")
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _erase(
        self, gone: Gone, batches: Iterator[Sequence[int]], which: str, by: str, progress: Callable[[int], None]
    ) -> dict[str, Any]:
        count = 0
        try:
            while numbers := await asyncio.to_thread(next, batches, ()):
                for step in await asyncio.to_thread(steps, self.reader, numbers):
                    known = await asyncio.to_thread(self._read, step)
                    count += await self.erase_records(step)
                    gone.add(known)
                    progress(count)
        finally:
            # Also when it ends early: what is gone must be gone everywhere.
            result = await self._follow(gone, count, which, by)
        return result

    async def _follow(self, gone: Gone, count: int, which: str, by: str) -> dict[str, Any]:
        self.send_no_more()
        notes = []
        is_gone = await self._forget(gone.numbers)
        self.tell_erased()
        if not is_gone:
            notes.append("Its index still holds words of them: that is put right in the background.")
        deletion = await asyncio.to_thread(self.ask_loki, gone) if self.ask_loki and gone.numbers else None
        emit(RecordsErased(count, by, which, _in_short(deletion)))
        await asyncio.to_thread(self.overwrite_soon)
        if not await self._wait_until_overwritten():
            is_gone = False
            notes.append(
                "The records are deleted. Overwriting the bytes that they took goes on in the background"
                " (a program that reads the journal for long holds it up)."
            )
        return {
            "erased": count,
            "is_overwritten": is_gone,
            "loki": _described(deletion, self.ask_loki is not None),
            "notes": notes + self._notes(),
        }

    def _read(self, step: Sequence[int]) -> list[tuple[int, str, int]]:
        """Their numbers, ids and ends, read before they are gone: Loki is asked by these."""
        some = ",".join(map(str, map(int, step)))
        return [
            (number, identifier, ended_ns)
            for number, identifier, ended_ns in self.reader.ask(
                f"SELECT number, id, ended_ns FROM exchange WHERE number IN ({some})"
            )
        ]

    async def _forget(self, numbers: Sequence[int]) -> bool:
        try:
            return await asyncio.to_thread(self.forget, numbers)
        except (JournalError, sqlite3.Error, OSError):
            # The next start compares the two, and finds it.
            return False

    async def _wait_until_overwritten(self) -> bool:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not await asyncio.to_thread(is_overwritten, self.reader):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(0.02)
        return True

    def _notes(self) -> list[str]:
        notes = []
        if kept := set_aside(self.search.folder):
            notes.append(
                f"Damaged journals that were kept may hold them too; delete these yourself: {', '.join(kept)}."
            )
        if self.has_other_receivers:
            notes.append(_NOT_ELSEWHERE)
        return notes


def alone(
    journal: Journal,
    search: Matches,
    indexer: Indexer,
    reader: Reader,
    ask_loki: Callable[[Gone], Deletion] | None,
    *,
    has_other_receivers: bool,
) -> Erasing:
    """For a command, when no recorder runs: ``journal`` is open, so no recorder can start meanwhile."""

    async def erase_step(numbers: Sequence[int]) -> int:
        return await asyncio.to_thread(erase_records, journal.connection, numbers)

    return Erasing(
        reader,
        search,
        erase_step,
        indexer.erase,
        ask_loki,
        has_other_receivers,
        overwrite_soon=lambda: overwrite_all(journal.connection, journal.headroom, _PATIENCE_SECONDS),
    )


async def look(erasing: Erasing, query: Mapping[str, str]) -> web.Response:
    """``/erasing.json``: what would be erased."""
    wanted = filter_of(query)
    count = await asyncio.to_thread(erasing.search.count, wanted)
    return say({"count": count, "filter": to_query(wanted), "loki": erasing.ask_loki is not None})


async def erase(erasing: Erasing, query: Mapping[str, str], client: Client) -> web.Response:
    """``DELETE /exchanges``: all that the filter lets through, if it is as many as the client expects."""
    wanted = filter_of(query, ("count", "all"))
    expected = query.get("count", "")
    if not (expected.isascii() and expected.isdecimal()):
        return refuse(400, "Say with count=N how many you expect to erase; /erasing.json tells how many there are.")
    if not wanted.has_conditions and query.get("all") != "true":
        return refuse(400, "Without a filter this erases everything: say all=true if that is meant.")
    return await erasing.erase_expected(wanted, int(expected), client.named)


async def erase_one(erasing: Erasing, identifier: str, client: Client) -> web.Response:
    """``DELETE /exchanges/ID``."""
    kept = await asyncio.to_thread(erasing.reader.record, identifier)
    if kept is None:
        return refuse(404, f"There is no exchange {identifier} here (any more).")
    # By its number: it may have ended a moment ago, and not be in the index yet.
    return say(await erasing.erase_numbers([kept.row.number], f"exchange={identifier}", client.named))


def _is_a_time(wanted: Filter) -> bool:
    """Whether it is all from one moment to another. What comes after a number (``before``) ended later, too."""
    return wanted.after is None and not replace(wanted, since_ns=None, until_ns=None).has_conditions


def _in_audit(wanted: Filter) -> str:
    """The filter for the audit, without the words that were searched for in prompts and answers."""
    return urlencode([(name, "..." if name == "q" else value) for name, value in to_query(wanted)]) or "all"


def _described(deletion: Deletion | None, is_shipped_to: bool) -> dict[str, Any]:
    if deletion is None:
        why = "Nothing was erased." if is_shipped_to else "Nothing is shipped to Loki (LOKI_URL is not set)."
        return {"asked": False, "requests": [], "why": why}
    return {"asked": deletion.is_asked, "requests": list(deletion.requests), "why": deletion.text}


def _in_short(deletion: Deletion | None) -> str:
    if deletion is None:
        return "not asked"
    return "asked" if deletion.is_asked else "refused"
