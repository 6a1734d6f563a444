"""``--store loki``: the exchanges of all recorders that ship to LOKI_URL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from service.cli.environment import current_settings, stop
from service.journal.reader import KeptRecord
from service.loki_search.all_recorders import AllRecorders, summary_of, without_numbers
from service.loki_search.facts import gathered
from service.loki_search.loki_answers import LokiAddress, LokiError
from service.loki_search.selection import kept_of
from service.record.record import Record
from service.record.timestamps import write_moment
from service.search import totals
from service.search.filters import Filter
from service.search.totals import Group
from service.shipping.loki.settings import read_loki_settings

_LINES_AT_ONCE: Final = 1_000


def list_all(wanted: Filter, limit: int, say: Callable[[Record, dict[str, Any]], None]) -> int:
    """Say the newest ``limit`` exchanges that ``wanted`` lets through; how many there were."""
    count = 0
    with asking() as store:
        for line in islice(store.lines(without_numbers(wanted)), limit):
            count += 1
            say(Record(line.line), summary_of(line, wanted.text))
    return count


@dataclass(frozen=True, slots=True)
class UseOfAll:
    """``since`` is when they begin to count, None: since ever. With ``warnings`` of Loki's any may be missing."""

    groups: list[Group]
    since: str | None
    warnings: tuple[str, ...]


def use_of_all(wanted: Filter, by: str) -> UseOfAll:
    """What the exchanges add up to for each name in the field ``by``."""
    with asking() as store, gathered(store, without_numbers(wanted)) as facts:
        groups = totals.use(facts.connection, [by], facts.wanted, None)[0].groups
        return UseOfAll(groups, None if facts.is_complete else write_moment(facts.since_ns), facts.warnings)


def kept_of_all(wanted: Filter) -> Iterator[KeptRecord]:
    """All that ``wanted`` lets through, newest first, as their lines have them."""
    with asking() as store:
        yield from map(kept_of, store.lines(without_numbers(wanted), _LINES_AT_ONCE))


@contextmanager
def asking() -> Iterator[AllRecorders]:
    """Stops the command when there is no Loki, or it does not answer."""
    settings = current_settings()
    loki = read_loki_settings(settings)
    if loki is None:
        stop("--store loki asks the Loki that recorders ship to: set LOKI_URL.")
    try:
        yield AllRecorders(LokiAddress(loki.base, loki.headers), settings.retention_days)
    except (LokiError, ValueError) as trouble:
        stop(str(trouble))
