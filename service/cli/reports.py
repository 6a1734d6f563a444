"""``report``: what happened, summed up to be sent by mail, by cron or a workflow."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import click

from service.cli.command_line import option
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.filter_options import takes_filter
from service.search.filters import Filter


class ReportForm(StrEnum):
    """How it is written."""

    MARKDOWN = "markdown"
    HTML = "html"


Since = Annotated[
    str, option("--since", "--from", help="From then on: yesterday, today, last-night, this-week, -24h, 2026-11-21.")
]
AsForm = Annotated[ReportForm, option("--format", help="How it is written.")]
Html = Annotated[bool, option("--html", help="The same as --format html.")]
Output = Annotated[Path | None, option("--output", "-o", help="File to write. Else: printed.")]


@takes_filter(leave_out=["from"])
def report(
    wanted: Filter,
    since: Since = "yesterday",
    form: AsForm = ReportForm.MARKDOWN,
    html: Html = False,
    output: Output = None,
) -> None:
    """Sum up what happened: numbers, failures and who got no answer, who used the machine. In Markdown or HTML."""
    from service.cli.journal_access import searching
    from service.reporting.report import make_report
    from service.reporting.report_html import write_html
    from service.reporting.report_markdown import write_markdown
    from service.reporting.report_period import read_since

    try:
        wanted = replace(wanted, since_ns=read_since(since))
    except ValueError as mistake:
        stop(str(mistake), USAGE_EXIT_CODE)
    if wanted.until_ns is not None and wanted.since_ns is not None and wanted.since_ns > wanted.until_ns:
        stop(f"since={since} is later than to: nothing can lie between them.", USAGE_EXIT_CODE)
    with searching(current_settings()) as search:
        made = make_report(search, wanted)
    text = write_html(made) if html or form is ReportForm.HTML else write_markdown(made)
    content = text.encode("utf-8", "backslashreplace")
    if output is None:
        click.echo(content, nl=False)
        return
    try:
        # Names of people and workflows are in it.
        output.touch(mode=0o600)
        output.write_bytes(content)
    except OSError as trouble:
        stop(f"{str(output)!r} cannot be written: {trouble.strerror}.")
