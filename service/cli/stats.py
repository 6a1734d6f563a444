"""``stats``: what many exchanges add up to, name by name."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import click

from service.cli.command_line import option
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.filter_options import takes_filter
from service.cli.listing import Store, WhichStore
from service.cli.screen import console, inert, note, say_json, say_table
from service.search.filters import Filter

if TYPE_CHECKING:
    from rich.text import Text

    from service.search.totals import Group


class By(StrEnum):
    """What is counted apart."""

    MODEL = "model"
    WORKFLOW = "workflow"
    NODE = "node"
    CALLER = "caller"
    USER = "user"
    KEY = "key"
    TASK = "task"
    OPERATION = "operation"
    OUTCOME = "outcome"
    ADDRESS = "address"
    CUT = "cut"
    UPSTREAM = "upstream"


class Sort(StrEnum):
    """What the lines are sorted by, most first."""

    TOTAL = "total"
    CALLS = "calls"
    MODEL_TIME = "model_time"
    TOKENS_IN = "tokens_in"
    TOKENS_OUT = "tokens_out"
    MEAN = "mean"
    P50 = "p50"
    P95 = "p95"
    FAILED = "failed"
    WAITED = "waited"
    MADE_WAIT = "made_wait"
    ENERGY = "energy"
    NAME = "name"


AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]
AsCsv = Annotated[bool, option("--csv", help="Print a table for a spreadsheet.")]
Apart = Annotated[By, option("--by", help="Of what each name has its own line.")]
Sorted = Annotated[Sort, option("--sort", help="By what the lines are sorted: the most comes first.")]
# Cells that a table with one more column takes, so that a narrow terminal leaves out what is asked for less.
_WIDE, _WIDER = 100, 140
_MADE_WAIT = "made wait"


@takes_filter()
def stats(
    wanted: Filter,
    by: Apart = By.MODEL,
    sort: Sorted = Sort.TOTAL,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
    store: Store = WhichStore.JOURNAL,
) -> None:
    """Tell who uses the machine: calls, time, tokens, failures and waiting of each model, workflow, user and so on."""
    if store is WhichStore.LOKI:
        _tell_of_all(wanted, by.value, sort, as_json, as_csv)
        return
    from service.cli.journal_access import searching
    from service.search.totals import GROUP_COLUMNS, in_order

    with searching(current_settings()) as search:
        use = search.use(wanted, by.value)
    groups = in_order(use.groups, sort.value)
    if as_json:
        told = {"by": by.value, "groups": [asdict(group) for group in groups], "load_made_wait": use.load_made_wait}
        say_json(told, indent=2)
    elif as_csv:
        _say_csv(GROUP_COLUMNS, groups)
    elif not groups:
        note("Nothing matches." if wanted != Filter() else "The journal is empty.")
    else:
        _show(groups, by.value, use.load_made_wait, _columns(console().width))


def _tell_of_all(wanted: Filter, by: str, sort: Sort, as_json: bool, as_csv: bool) -> None:
    """Of all recorders. Who made whom wait is told by one recorder only."""
    from service.cli.loki_listing import use_of_all
    from service.loki_search.loki_answers import not_whole
    from service.search.totals import GROUP_COLUMNS, in_order

    if sort is Sort.MADE_WAIT:
        stop("--sort made_wait is known of one recorder only.", USAGE_EXIT_CODE)
    use = use_of_all(wanted, by)
    groups, since, warnings = in_order(use.groups, sort.value), use.since, use.warnings
    columns = [name for name in GROUP_COLUMNS if name != Sort.MADE_WAIT]
    if warnings and as_csv:
        stop(str(not_whole(warnings)))
    if since and as_csv:
        stop(f"These are too many to add up: from {since} on they were read. Ask for a shorter time.")
    if as_json:
        rows = [{name: getattr(group, name) for name in columns} for group in groups]
        told = {"by": by, "groups": rows, "complete": not (since or warnings)}
        say_json(told | ({"since": since} if since else {}) | ({"warnings": warnings} if warnings else {}), indent=2)
    elif as_csv:
        _say_csv(columns, groups)
    elif not groups:
        note("Nothing matches.")
    else:
        shown = _columns(console().width)
        shown.pop(_MADE_WAIT, None)
        _show(groups, by, 0.0, shown)
    if since:
        why = "." if warnings else ": there is too much for one answer."
        note(f"Only what ended from {since} on is added up{why}")
    if warnings:
        note(str(not_whole(warnings)))


def _say_csv(columns: Sequence[str], groups: "list[Group]") -> None:
    from service.exports.csv_table import write_rows

    click.echo(b"".join(write_rows(columns, map(asdict, groups))), nl=False)


def _show(
    groups: "list[Group]", by: str, load_made_wait: float, columns: "dict[str, Callable[[Group], str | Text]]"
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from service.record.wording import counted, energy_in_words
    from service.search.totals import MOST_GROUPS

    screen = console()
    if any(group.energy is not None for group in groups):
        columns["energy, est."] = lambda group: energy_in_words(group.energy) + _of_how_many(group)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(by, overflow="fold")
    for title in columns:
        table.add_column(title, justify="right", no_wrap=True)
    for group in groups:
        cells = [say(group) for say in columns.values()]
        table.add_row(Text(inert(group.name) or "–", "bold"), *cells)
    if load_made_wait and _MADE_WAIT in columns:
        cells = [Text(_time(load_made_wait) if title == _MADE_WAIT else "", "dim") for title in columns]
        table.add_row(Text("a model was loaded", "dim"), *cells)
    say_table(table)
    calls, failed = sum(group.calls for group in groups), sum(group.failed for group in groups)
    screen.print(Text(f"{counted(calls, 'call')}, {failed:,} failed", "dim"))
    if len(groups) == MOST_GROUPS:
        note(f"Only the {MOST_GROUPS:,} names with the most calls are shown and counted.")


def _of_how_many(group: "Group") -> str:
    # What a meter told nothing of may have taken as much again.
    return f" of {group.energy_calls:,}" if group.energy is not None and group.energy_calls < group.calls else ""


def _columns(width: int) -> "dict[str, Callable[[Group], str | Text]]":
    from service.record.wording import percent

    columns: dict[str, Callable[[Group], str | Text]] = {
        "calls": lambda group: f"{group.calls:,}",
        "total": lambda group: _time(group.total),
        "share": lambda group: percent(group.total_share),
        "failed": _failed,
        "p50": lambda group: _seconds(group.p50),
        "p95": lambda group: _seconds(group.p95),
    }
    if width >= _WIDE:
        columns["waited"] = lambda group: _time(group.waited)
        columns[_MADE_WAIT] = lambda group: _time(group.made_wait)
        columns["tok/s"] = lambda group: "–" if group.rate_median is None else f"{group.rate_median:,.0f}"
    if width >= _WIDER:
        columns["model time"] = lambda group: _time(group.model_time)
        columns["mean"] = lambda group: _seconds(group.mean)
        columns["tokens in"] = lambda group: f"{group.tokens_in:,}"
        columns["tokens out"] = lambda group: f"{group.tokens_out:,}"
    return columns


def _seconds(value: float | None) -> str:
    from service.cli.exchange_line import brief

    return "–" if value is None else brief(value)


def _time(value: float) -> str:
    from service.record.wording import duration

    return duration(value) if value else "–"


def _failed(group: "Group") -> "Text":
    from rich.text import Text

    from service.record.wording import percent

    if not group.failed:
        return Text("–", "dim")
    return Text(f"{group.failed:,} ({percent(group.failed / group.calls)})", "red")
