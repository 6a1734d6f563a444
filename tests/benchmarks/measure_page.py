"""How long whoever looks has to wait: ``make bench BENCH=--page`` (1,000,000 records; ``--page --short``: 50,000).

A journal of realistic records is made and indexed in a folder of its own, then asked as the page asks it. Each question
is asked several times, most with another value each time; files are in the system's cache, as they are where a recorder
runs. A target that is missed is marked and does not fail.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import median

import orjson

from service.journal.reader import Reader
from service.record.explanation import explain
from service.record.record import Record
from service.record.summary import summarise
from service.search.filters import Filter
from service.search.indexing import Indexer
from service.search.matching import Page
from service.search.search import Search
from tests.fakes.journals import COMMON_PHRASE, COMMON_WORD, MODELS, NODES, RARE_WORD, WORKFLOWS, make_journal

RECORDS, SHORT_RECORDS = 1_000_000, 50_000
PAGE = 50
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """Seconds that each of several questions took, and the most that 95 of 100 may take (None: no target)."""

    what: str
    seconds: list[float]
    target: float | None

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[max(0, -(-len(self.seconds) * 95 // 100) - 1)]


@dataclass(slots=True)
class _Asking:
    """The questions, and what they need: all that reads ``folder``, and where its records lie."""

    search: Search
    reader: Reader
    newest: int
    newest_ns: int
    random: Random
    figures: list[Figure]

    def ask(self, what: str, target: float | None, question: Callable[[], object], times: int = 20) -> None:
        seconds = []
        for _ in range(times):
            begun = time.perf_counter()
            question()
            seconds.append(time.perf_counter() - begun)
        self.figures.append(Figure(what, seconds, target))

    def page(self, wanted: Filter) -> Page:
        """A page as the address /exchanges.json makes it: found, read, summarised, encoded."""
        page = self.search.page(wanted, PAGE)
        orjson.dumps([summarise(entry.number, Record(entry.line)) for entry in page.entries])
        return page

    def some_day(self) -> tuple[int, int]:
        until = self.newest_ns - self.random.randrange(0, 28) * _DAY_NS
        return until - _DAY_NS, until


def measure(records: int, folder: Path) -> list[Figure]:
    """Make a journal in ``folder`` and ask it everything."""
    begun = time.perf_counter()
    make_journal(folder, records)
    made = time.perf_counter() - begun
    begun, used = time.perf_counter(), time.process_time()
    indexer = Indexer(folder)
    indexer.catch_up()
    indexer.close()
    indexed, used = time.perf_counter() - begun, time.process_time() - used
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    sys.stdout.write(
        f"{records:,} records: made in {made:.0f} s ({records / made:,.0f} a second), indexed in {indexed:.0f} s"
        f" ({1e6 * used / records:.0f} us of a core each); journal {sizes['journal.sqlite3'] / 1e9:.2f} GB,"
        f" index {sizes['index.sqlite3'] / 1e9:.2f} GB\n"
    )
    return ask_all(folder)


def ask_all(folder: Path) -> list[Figure]:
    """Ask the journal and the index that lie in ``folder``."""
    search, reader = Search(folder), Reader(folder)
    newest = reader.newest_number()
    newest_ns = reader.ask("SELECT ended_ns FROM exchange WHERE number = ?", (newest,))[0][0]
    asking = _Asking(search, reader, newest, newest_ns, Random(1), [])
    try:
        _ask_for_pages(asking)
        _ask_for_words(asking)
        _ask_for_one(asking)
        _ask_for_totals(asking)
    finally:
        search.close()
        reader.close()
    return asking.figures


def _ask_for_pages(asking: _Asking) -> None:
    random = asking.random
    asking.ask("first page", 0.05, lambda: asking.page(Filter()), 100)
    asking.ask("a page further down", 0.05, lambda: asking.page(Filter(before=random.randrange(asking.newest))), 100)
    filters: list[tuple[str, Callable[[], Filter]]] = [
        ("one model", lambda: Filter(model=(random.choice(MODELS),))),
        ("workflow and node", lambda: Filter(workflow=(random.choice(WORKFLOWS),), node=(random.choice(NODES),))),
        ("one execution", lambda: Filter(execution=(str(100_000 + random.randrange(asking.newest)),))),
        ("failed, slower than 20 s", lambda: Filter(failed=True, slower=20)),
        ("status 504 of one workflow", lambda: Filter(status=(504,), workflow=(random.choice(WORKFLOWS),))),
        ("cut prompts of one model", lambda: Filter(truncated=True, model=(random.choice(MODELS),))),
        ("slower than an hour (nothing)", lambda: Filter(slower=3600 + random.random())),
        ("caller, outcome, one day", lambda: _within(asking, Filter(caller=("langchain",), outcome=("client_left",)))),
    ]
    for what, make in filters:
        asking.ask(what, 0.15, lambda make=make: asking.page(make()))  # type: ignore[misc]


def _ask_for_words(asking: _Asking) -> None:
    random = asking.random
    rare_model = Filter(model=("deepseek-r1:14b",), failed=True)
    texts: list[tuple[str, Callable[[], Filter]]] = [
        ("common word", lambda: Filter(text=COMMON_WORD)),
        ("rare word", lambda: Filter(text=RARE_WORD)),
        ("word that is nowhere", lambda: Filter(text=f"nowhere{random.randrange(10**9)}")),
        ("phrase", lambda: Filter(text=f'"{COMMON_PHRASE}"')),
        ("beginning of a word", lambda: Filter(text="custom*")),
        ("beginning of a rare word", lambda: Filter(text="zanzi*")),
        ("two words, without a third", lambda: Filter(text="invoice order -friend")),
        ("common word, rare filter", lambda: replace(rare_model, text=COMMON_WORD, slower=30)),
        ("common word, filter without result", lambda: Filter(text=COMMON_WORD, slower=3600)),
        ("rare word, one day", lambda: _within(asking, Filter(text=RARE_WORD))),
    ]
    for what, make in texts:
        asking.ask(f"search: {what}", 0.15, lambda make=make: asking.page(make()))  # type: ignore[misc]


def _ask_for_one(asking: _Asking) -> None:
    def one() -> None:
        number = asking.random.randrange(1, asking.newest + 1)
        ((identifier,),) = asking.reader.ask("SELECT id FROM exchange WHERE number = ?", (number,))
        found = asking.reader.record(identifier)
        assert found is not None
        explain(Record(found.row.line), asking.search.surroundings(number))
        asking.search.neighbours(number)
        asking.search.replays(number)

    asking.ask("one exchange with what surrounds it", 0.02, one, 200)


def _ask_for_totals(asking: _Asking) -> None:
    search = asking.search
    asking.ask("timeline of a day", 0.2, lambda: search.timeline(_within(asking, Filter())))
    asking.ask(
        "timeline of a day, common word", 0.2, lambda: search.timeline(_within(asking, Filter(text=COMMON_WORD)))
    )
    asking.ask("timeline of everything", None, lambda: search.timeline(Filter()), 3)
    asking.ask("timeline of a common word", None, lambda: search.timeline(Filter(text=COMMON_WORD)), 3)
    asking.ask("count of a filter", None, lambda: search.count(Filter(failed=True)), 5)
    asking.ask("count of a common word", None, lambda: search.count(Filter(text=COMMON_WORD)), 3)
    asking.ask("names of all models", None, lambda: search.values("model", Filter()), 5)
    asking.ask("names of all executions", None, lambda: search.values("execution", Filter()), 3)
    asking.ask("statistics by model, a week", None, lambda: search.stats(_within(asking, Filter(), 7), "model"), 3)
    asking.ask("statistics by model, everything", None, lambda: search.stats(Filter(), "model"), 3)
    asking.ask("failures of a week", None, lambda: search.failures(_within(asking, Filter(), 7)), 3)
    asking.ask("failures of everything", None, lambda: search.failures(Filter()), 3)
    asking.ask("a week as a heatmap", None, lambda: search.quarter_hours(_within(asking, Filter(), 7)), 3)
    asking.ask("all numbers of a model", None, lambda: sum(map(len, search.numbers(Filter(model=(MODELS[0],))))), 3)


def _within(asking: _Asking, wanted: Filter, days: int = 1) -> Filter:
    since_ns, until_ns = asking.some_day()
    return replace(wanted, since_ns=since_ns - (days - 1) * _DAY_NS, until_ns=until_ns)


def as_text(figures: Sequence[Figure]) -> str:
    """A table: median, 95th percentile, the target for it, and whether it is met."""
    lines = [f"{'':42}{'median':>10}{'p95':>10}{'target':>10}"]
    for figure in figures:
        target = "" if figure.target is None else f"{1e3 * figure.target:.0f} ms"
        missed = "  missed" if figure.target is not None and figure.p95 > figure.target else ""
        lines.append(
            f"{figure.what:42}{1e3 * median(figure.seconds):>7.1f} ms{1e3 * figure.p95:>7.1f} ms{target:>10}{missed}"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return "\n".join([*lines, f"most memory of this process: {peak:.0f} MB", ""])


def main(records: int) -> int:
    with tempfile.TemporaryDirectory(prefix="bench-page-") as folder:
        sys.stdout.write(as_text(measure(records, Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main(SHORT_RECORDS if "--short" in sys.argv else RECORDS))
