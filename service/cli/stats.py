"""``stats``: what many exchanges add up to, name by name."""

from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.environment import current_settings
from service.cli.filter_options import takes_filter
from service.cli.screen import console, inert, note, say_json
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
    TASK = "task"
    OPERATION = "operation"
    CUT = "cut"


AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_WIDE = 100
Apart = Annotated[By, typer.Option("--by", help="Of what each name has its own line.")]


@takes_filter()
def stats(wanted: Filter, by: Apart = By.MODEL, as_json: AsJson = False) -> None:
    """Count calls and failures, and how long they took, for each model, workflow, node, caller, task and so on."""
    from service.cli.journal_access import searching

    with searching(current_settings()) as search:
        groups = search.stats(wanted, by.value)
    if as_json:
        say_json({"by": by.value, "groups": [asdict(group) for group in groups]}, indent=2)
        return
    if not groups:
        note("Nothing matches." if wanted != Filter() else "The journal is empty.")
        return
    _show(groups, by.value)


def _show(groups: "list[Group]", by: str) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from service.record.wording import counted
    from service.search.totals import MOST_GROUPS

    screen = console()
    columns = _columns(is_wide=screen.width >= _WIDE)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(by, overflow="fold")
    for title in columns:
        table.add_column(title, justify="right", no_wrap=True)
    for group in groups:
        cells = [say(group) for say in columns.values()]
        table.add_row(Text(inert(group.name) or "–", "bold"), *cells)
    screen.print(table)
    calls, failed = sum(group.calls for group in groups), sum(group.failed for group in groups)
    screen.print(Text(f"{counted(calls, 'call')}, {failed:,} failed", "dim"))
    if len(groups) == MOST_GROUPS:
        note(f"Only the {MOST_GROUPS:,} names with the most calls are shown and counted.")


def _columns(*, is_wide: bool) -> "dict[str, Callable[[Group], str | Text]]":
    columns: dict[str, Callable[[Group], str | Text]] = {
        "calls": lambda group: f"{group.calls:,}",
        "failed": _failed,
        "p50": lambda group: _seconds(group.p50),
        "p95": lambda group: _seconds(group.p95),
        "tok/s": lambda group: "–" if group.rate_median is None else f"{group.rate_median:,.0f}",
    }
    if is_wide:
        columns["mean"] = lambda group: _seconds(group.mean)
        columns["tokens in"] = lambda group: f"{group.tokens_in:,}"
        columns["tokens out"] = lambda group: f"{group.tokens_out:,}"
    return columns


def _seconds(value: float | None) -> str:
    from service.cli.exchange_line import brief

    return "–" if value is None else brief(value)


def _failed(group: "Group") -> "Text":
    from rich.text import Text

    if not group.failed:
        return Text("–", "dim")
    return Text(f"{group.failed:,} ({100 * group.failed / group.calls:.0f} %)", "red")
