"""``failures``: what failed, by its cause, and whether whoever asked got an answer all the same."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from service.cli.command_line import option
from service.cli.environment import current_settings
from service.cli.filter_options import takes_filter
from service.cli.screen import console, inert, note, say_json
from service.search.filters import Filter

if TYPE_CHECKING:
    from rich.text import Text

    from service.search.failure_groups import FailureGroup, FailureReport, ShownRequest

AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]
Requests = Annotated[int, option("--requests", min=0, max=20, help="How many requests are shown of each cause.")]
_ID_LENGTH = 12
_NAME_LENGTH = 60


@takes_filter(leave_out=["failed"])
def failures(wanted: Filter, requests: Requests = 3, as_json: AsJson = False) -> None:
    """Tell what failed and why, who was hit, and whether they got an answer later."""
    from service.cli.journal_access import searching

    with searching(current_settings()) as search:
        report = search.failures(wanted)
    if as_json:
        from service.reporting.failure_values import values_of

        say_json(values_of(report), indent=2)
        return
    if not report.failures:
        note("Nothing failed.")
        return
    _show(report, requests)


def _show(report: "FailureReport", requests: int) -> None:
    from rich.text import Text

    from service.record.wording import counted

    screen = console()
    for group in report.groups:
        for line in _lines(group, requests):
            screen.print(line)
        screen.print()
    counts = f"{counted(report.failures, 'failure')}: {counted(report.answered, 'request')} answered later"
    screen.print(Text(f"{counts}, {report.unanswered:,} never answered", "bold"))
    if not report.is_complete:
        note(f"Only the newest {report.failures:,} failures were looked at.")


def _lines(group: "FailureGroup", requests: int) -> "list[Text]":
    from rich.text import Text

    head = Text(f"{group.count:,} × ", "red")
    head.append(inert(group.title), "bold")
    when = _moment(group.first_ms)
    if group.last_ms - group.first_ms > 1000:
        when += f" to {_moment(group.last_ms)}"
    who = ", ".join(f"{_name(hit.name)} ({hit.count:,})" for hit in group.who[:3])
    what = ", ".join(_name(name) for name, _ in (group.models or group.operations)[:3])
    lines = [head, Text(f"   {'; '.join(part for part in (when, who, what) if part)}", "dim")]
    if group.sentence:
        lines.append(Text(f"   {inert(group.sentence)}"))
    if group.advice:
        lines.append(Text(f"   → {inert(group.advice)}"))
    lines.append(Text(f"   {group.answered:,} answered later, {group.unanswered:,} never answered"))
    return [*lines, *(_request(request) for request in group.requests[:requests])]


def _request(request: "ShownRequest") -> "Text":
    from rich.text import Text

    who = " › ".join(_name(name) for name in request.who) or "–"
    line = Text(f"     {request.exchange[:_ID_LENGTH]:{_ID_LENGTH}}  {_moment(request.ended_ms)}  {who}: ", "dim")
    return line.append(request.sentence, "green" if request.answered_after is not None else "red")


def _name(name: str) -> str:
    name = inert(name)
    return name if len(name) <= _NAME_LENGTH else name[: _NAME_LENGTH - 1] + "…"


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000).astimezone():%d %b %H:%M:%S}"
