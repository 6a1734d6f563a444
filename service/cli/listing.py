"""``list`` and ``search``: the newest exchanges that a filter lets through."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import click

from service.cli.command_line import argument, option
from service.cli.environment import current_settings
from service.cli.filter_options import read_conditions, takes_filter
from service.cli.screen import inert, note, say_json
from service.cli.terminal import columns, is_terminal, plain, styled
from service.record.record import Record
from service.search.filters import Filter

if TYPE_CHECKING:
    from service.search.matching import Matches, PageEntry


class WhichStore(StrEnum):
    """Where exchanges are looked for."""

    JOURNAL = "journal"
    LOKI = "loki"


AsJson = Annotated[bool, option("--json", help="Print JSON, one line an exchange, for programs.")]
Limit = Annotated[int, option(min=1, help="How many at most.")]
Store = Annotated[
    WhichStore, option("--store", help="Where to look: this machine's journal, or all recorders, in their Loki.")
]
_PAGE = 200


@takes_filter()
def list_exchanges(
    wanted: Filter, limit: Limit = 20, as_json: AsJson = False, store: Store = WhichStore.JOURNAL
) -> None:
    """List the newest exchanges, newest first."""
    _list(wanted, limit, as_json, store)


@takes_filter(leave_out=["q"])
def search(
    words: Annotated[
        list[str],
        argument(
            metavar="WORDS",
            help='Words that must all be there, "phrases", prefix*, OR. With -without: in quotes, "a -b".',
        ),
    ],
    wanted: Filter,
    limit: Limit = 20,
    as_json: AsJson = False,
    store: Store = WhichStore.JOURNAL,
) -> None:
    """Find exchanges by the words of their prompts and answers, newest first."""
    text = read_conditions({"q": " ".join(words)}).text
    _list(replace(wanted, text=text), limit, as_json, store)


def entries(matches: "Matches", wanted: Filter, limit: int) -> "Iterator[PageEntry]":
    """At most ``limit`` entries, newest first, from as many pages as it takes."""
    while limit > 0:
        page = matches.page(wanted, min(limit, _PAGE))
        yield from page.entries
        if page.next_before is None:
            return
        limit -= len(page.entries)
        wanted = replace(wanted, before=page.next_before)


def _list(wanted: Filter, limit: int, as_json: bool, store: WhichStore) -> None:
    if store is WhichStore.LOKI:
        from service.cli.loki_listing import list_all

        count = list_all(
            wanted, limit, lambda record, summary: _say(record, summary, as_json, summary["instance"], wanted.text)
        )
    else:
        count = _list_journal(wanted, limit, as_json)
    if not count and not as_json:
        note("Nothing matches." if wanted != Filter() else f"The {store} is empty.")


def _list_journal(wanted: Filter, limit: int, as_json: bool) -> int:
    from service.cli.journal_access import matching

    count = 0
    with matching(current_settings(), needs_index=wanted.has_conditions) as matches:
        for entry in entries(matches, wanted, limit):
            count += 1
            _say(Record(entry.line), summary_of(entry, wanted.text) if as_json else {}, as_json, text=wanted.text)
    return count


def _say(record: Record, summary: dict[str, Any], as_json: bool, instance: str = "", text: str | None = None) -> None:
    from service.cli.exchange_line import found_words, row
    from service.record.conversation import opening

    if as_json:
        say_json(summary)
        return
    if instance:
        click.echo(f"{inert(instance)}  ", nl=False)
    width = (columns() - len(f"{instance}  ") if instance else columns()) if is_terminal() else None
    words = (found_words(record, text, width) if text else None) or opening(record)
    if width is not None:
        click.echo(styled(row(record, words, width, now())), color=True)
    else:
        click.echo(plain(row(record, words, None)))


def summary_of(entry: "PageEntry", text: str | None = None) -> dict[str, Any]:
    """The exchange as ``/exchanges.json`` has it, where ``text`` was looked for."""
    from service.search.search_hits import summarise_found

    return summarise_found(entry.number, Record(entry.line), text)


def now() -> datetime:
    """The time in this machine's zone."""
    return datetime.now().astimezone()
