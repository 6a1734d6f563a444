"""``--store loki``: the exchanges of all recorders that ship to LOKI_URL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from service.cli.environment import current_settings, stop
from service.loki_search.all_recorders import AllRecorders, summary_of, without_numbers
from service.loki_search.loki_answers import LokiAddress, LokiError
from service.record.record import Record
from service.search.filters import Filter
from service.shipping.loki.settings import read_loki_settings


def list_all(wanted: Filter, limit: int, say: Callable[[Record, dict[str, Any]], None]) -> int:
    """Say the newest ``limit`` exchanges that ``wanted`` lets through; how many there were."""
    count = 0
    with _asking() as store:
        for line in islice(store.lines(without_numbers(wanted)), limit):
            count += 1
            say(Record(line.line), summary_of(line, wanted.text))
    return count


@contextmanager
def _asking() -> Iterator[AllRecorders]:
    """Stops the command when there is no Loki, or it does not answer."""
    settings = current_settings()
    loki = read_loki_settings(settings)
    if loki is None:
        stop("--store loki asks the Loki that recorders ship to: set LOKI_URL.")
    try:
        yield AllRecorders(LokiAddress(loki.base, loki.headers), settings.retention_days)
    except (LokiError, ValueError) as trouble:
        stop(str(trouble))
