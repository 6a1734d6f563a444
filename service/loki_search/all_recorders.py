"""The exchanges of all recorders: a page of those that a filter lets through, and one by its id.

Loki is asked stretch by stretch, newest first, and each stretch is longer than the last: the newest are found at once.
A page that is hard to find comes in parts.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from service.loki_search.log_query import query_of
from service.loki_search.loki_answers import AskFor, LokiAddress, LokiError, LokiLines, ask_for_lines, not_whole
from service.loki_search.selection import LokiLine, select
from service.record.record import Record
from service.search.filters import Filter
from service.search.search_hits import summarise_found

PAGE_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 30.0
# Loki gives no more lines at once (max_entries_limit_per_query) unless it is told to: who asks for more is refused.
MOST_LINES: Final = 5_000
_LINES: Final = 200
# Asked for beside a page: one that tells of more, and those of its first and last nanosecond, which may be there twice
# or not whole. Without them each page would take a second question.
_BESIDE: Final = 16
_FIRST_STRETCH_NS: Final = 3_600 * 10**9
_LONGEST_STRETCH_NS: Final = 30 * 86_400 * 10**9
_SHORTEST_STRETCH_NS: Final = 60 * 10**9
_GROWTH: Final = 6
# Clocks of other machines may be ahead.
_AHEAD_NS: Final = 3_600 * 10**9
_PLACE: Final = re.compile(r"(\d{1,19})-([0-9a-f]{32}|)-(.*)", re.DOTALL)

Place = tuple[int, str, str]
"""Of an exchange among all: its end (Unix nanoseconds), its id, its recorder. All older ones are before it."""


@dataclass(frozen=True, slots=True)
class LokiPage:
    """``next_before`` is where to go on; None: there are no more. ``is_complete``: the page is full, or all was seen.

    ``since_ns`` is the time down to which Loki was asked, ``scanned_bytes`` what it looked through. With ``warnings``
    of Loki's nothing is complete.
    """

    lines: list[LokiLine]
    next_before: Place | None
    is_complete: bool
    since_ns: int
    scanned_bytes: int
    warnings: tuple[str, ...]


class AllRecorders:
    """Asks Loki, from any threads. Every method blocks, and raises LokiError; ValueError for a malformed filter."""

    def __init__(self, loki: LokiAddress, retention_days: float) -> None:
        self._loki = loki
        self._retention_ns = int(retention_days * 86_400 * 10**9)

    def page(self, wanted: Filter, limit: int, before: Place | None = None, seconds: float = PAGE_SECONDS) -> LokiPage:
        """The newest exchanges that ``wanted`` lets through, newest first, at most ``limit``, older than ``before``."""
        deadline = time.monotonic() + seconds
        query, earliest = query_of(wanted), self.earliest(wanted)
        found: list[LokiLine] = []
        # There is nothing after the latest moment, wherever an address says that it goes on.
        latest = self._latest(wanted), "", ""
        scanned, at = 0, latest if before is None else min(before, latest)
        warnings: tuple[str, ...] = ()
        for part, reached in self._stretches(query, earliest, at, min(max(_LINES, limit + _BESIDE), MOST_LINES)):
            at = reached
            scanned += part.scanned_bytes
            warnings = tuple(dict.fromkeys(warnings + part.warnings))
            found += select(wanted, part.lines)
            if len(found) > limit:
                found = found[:limit]
                return LokiPage(found, found[-1].place, not warnings, at[0], scanned, warnings)
            if at[0] > earliest and time.monotonic() > deadline:
                return LokiPage(found, at, False, at[0], scanned, warnings)
        return LokiPage(found, None, not warnings, earliest, scanned, warnings)

    def lines(self, wanted: Filter, at_once: int = _LINES) -> Iterator[LokiLine]:
        """All that ``wanted`` lets through, newest first; Loki is asked for ``at_once`` or more.

        Raises LokiError too where some may be missing.
        """
        before: Place | None = None
        while True:
            page = self.page(wanted, at_once, before)
            if page.warnings:
                raise not_whole(page.warnings)
            yield from page.lines
            before = page.next_before
            if before is None:
                return

    def one(self, identifier: str) -> LokiLine | None:
        """The newest record of the exchange with this id; None: no recorder shipped it, or it is gone."""
        wanted, began = Filter(exchange=(identifier,)), began_ns(identifier)
        # Its id says when it began, and most end soon. Clocks may differ, and ids may be of another kind.
        warnings: dict[str, None] = {}
        soon = replace(wanted, since_ns=began - _SHORTEST_STRETCH_NS, until_ns=began + _FIRST_STRETCH_NS)
        for one in (soon, wanted):
            for part, _ in self.parts(one, query_of(one), _LINES):
                found = next((line for line in part.lines if line.exchange == identifier), None)
                if found is not None:
                    return found
                warnings.update(dict.fromkeys(part.warnings))
        if warnings:
            raise not_whole(warnings)
        return None

    def parts(self, wanted: Filter, query: str, at_once: int) -> Iterator[tuple[LokiLines, Place]]:
        """What ``query`` finds in the time of ``wanted``, newest first, as it comes; with each part the place reached.

        Loki is asked for ``at_once`` lines; for more only where that many ended in one nanosecond.
        """
        return self._stretches(query, self.earliest(wanted), (self._latest(wanted), "", ""), at_once)

    def earliest(self, wanted: Filter) -> int:
        """The moment from which on ``wanted`` asks for exchanges, no longer ago than they are kept (Unix ns)."""
        oldest = time.time_ns() - self._retention_ns
        since = None if wanted.since_ns is None else wanted.since_ns // 1_000_000 * 1_000_000
        return max(1, oldest if since is None else max(since, oldest))

    def _latest(self, wanted: Filter) -> int:
        now = time.time_ns() + _AHEAD_NS
        return now if wanted.until_ns is None else min(now, wanted.until_ns // 1_000_000 * 1_000_000)

    def _stretches(self, query: str, earliest: int, before: Place, at_once: int) -> Iterator[tuple[LokiLines, Place]]:
        """Lines older than ``before``, newest first; with each part the place that was reached."""
        length, longest, most, batch = _FIRST_STRETCH_NS, _LONGEST_STRETCH_NS, MOST_LINES, at_once
        while before[0] > earliest or before[1]:
            # The end is not included; lines of that very nanosecond may still be missing.
            until = before[0] + 1 if before[1] else before[0]
            since = max(earliest, until - length)
            answer = ask_for_lines(self._loki, query, since, until, batch, _ANSWER_SECONDS)
            if answer is AskFor.FEWER_LINES and batch > 1:
                batch = most = batch // 2
                continue
            if answer is AskFor.A_SHORTER_TIME and length > _SHORTEST_STRETCH_NS:
                length = longest = length // 2
                continue
            if isinstance(answer, AskFor):
                raise LokiError(
                    f"Loki has to be asked for {answer}, and there is nothing less to ask for: see its limits."
                )
            lines = answer.lines
            if len(lines) < batch:
                reached = since
                length = min(length * _GROWTH, longest)
            else:
                # Of those that ended in its oldest nanosecond a full answer may have only some.
                reached = lines[-1].ended_ns + 1
                lines = [line for line in lines if line.ended_ns >= reached]
                if not lines and batch < most:
                    batch = min(batch * _GROWTH, most)
                    continue
                if not lines:
                    raise LokiError(
                        f"More than {batch:,} exchanges ended in one nanosecond, and Loki gives no more at once:"
                        " raise its max_entries_limit_per_query, or ask for less."
                    )
            if before[1]:
                lines = [line for line in lines if line.place < before]
            before = reached, "", ""
            yield replace(answer, lines=lines), before


def began_ns(identifier: str) -> int:
    """When the exchange with this id began (Unix nanoseconds): ids are UUIDs of version 7."""
    return int(identifier[:12], 16) * 1_000_000


def summary_of(line: LokiLine, text: str | None = None) -> dict[str, Any]:
    """The entry of a list, as for one recorder; in place of a number it has its ``instance``. ``text``: see there."""
    summary = summarise_found(0, Record(line.line), text)
    del summary["number"]
    return {"instance": line.instance} | summary


def read_place(text: str) -> Place:
    """The place that ``write_place`` wrote. Raises ValueError with a sentence."""
    match = _PLACE.fullmatch(text)
    if match is None:
        raise ValueError(f"older_than={text[:80]!r} is not understood: take it from the `next` of the page before.")
    return int(match[1]), match[2], match[3]


def write_place(place: Place) -> str:
    """A place as an address has it."""
    return "-".join(map(str, place))


def without_numbers(wanted: Filter) -> Filter:
    """``wanted``. Raises ValueError when it asks for what only one journal knows."""
    if wanted.before is not None or wanted.after is not None:
        raise ValueError("Numbers of exchanges (before, after) belong to one recorder: leave them out.")
    return wanted
