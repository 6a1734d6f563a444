"""``list`` and ``search``: the newest exchanges that a filter lets through."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.environment import current_settings
from service.cli.filter_options import read_conditions, takes_filter
from service.cli.screen import console, note, say_json
from service.search.filters import Filter

if TYPE_CHECKING:
    from service.search.search import PageEntry, Search

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one line an exchange, for programs.")]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
_PAGE = 200


@takes_filter()
def list_exchanges(wanted: Filter, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List the newest exchanges, newest first."""
    _list(wanted, limit, as_json)


@takes_filter(leave_out=["q"])
def search(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="WORDS",
            help='Words that must all be there, "phrases", prefix*, OR. With -without: in quotes, "a -b".',
        ),
    ],
    wanted: Filter,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """Find exchanges by the words of their prompts and answers, newest first."""
    text = read_conditions({"q": " ".join(words)}).text
    _list(replace(wanted, text=text), limit, as_json)


def entries(search: "Search", wanted: Filter, limit: int) -> "Iterator[PageEntry]":
    """At most ``limit`` entries, newest first, from as many pages as it takes."""
    while limit > 0:
        page = search.page(wanted, min(limit, _PAGE))
        yield from page.entries
        if page.next_before is None:
            return
        limit -= len(page.entries)
        wanted = replace(wanted, before=page.next_before)


def _list(wanted: Filter, limit: int, as_json: bool) -> None:
    from service.cli.exchange_line import row
    from service.cli.journal_access import searching
    from service.record.conversation import opening
    from service.record.record import Record
    from service.record.summary import summarise

    screen = console()
    width = screen.width if screen.is_terminal else None
    today = now() if screen.is_terminal else None
    count = 0
    with searching(current_settings(), needs_index=wanted.has_conditions) as search:
        for entry in entries(search, wanted, limit):
            count += 1
            record = Record(entry.line)
            if as_json:
                say_json(summarise(entry.number, record))
            elif width is None:
                # Rich would take as long again for the line as everything else.
                typer.echo(row(record, opening(record), None).plain)
            else:
                screen.print(row(record, opening(record), width, today), soft_wrap=True)
    if not count and not as_json:
        note("Nothing matches." if wanted != Filter() else "The journal is empty.")


def now() -> datetime:
    """The time in this machine's zone."""
    return datetime.now().astimezone()
