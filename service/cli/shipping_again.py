"""``ship again``: what was parked, or what a filter selects, once more to one receiver."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import click

from service.cli.command_line import option
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.filter_options import takes_filter
from service.cli.screen import inert, note, say_json, working
from service.search.filters import Filter
from service.settings import Settings, SettingsError

if TYPE_CHECKING:
    from service.journal.reader import Reader, Row
    from service.shipping.receiver import WantedReceiver

_HELD_BYTES = 4_000_000
_SHOWN = 20

To = Annotated[str, option("--receiver", metavar="NAME", help="loki or otlp; needed where both are set.")]
Parked = Annotated[bool, option("--parked", help="What this receiver refused for good.")]
AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]


@takes_filter()
def ship_again(wanted: Filter, receiver: To = "", parked: Parked = False, as_json: AsJson = False) -> None:
    """Send records once more to a receiver: after its loss, or after what it refused was mended. Oldest first.

    The recorder may be running. What the receiver has already it drops (Loki), replaces or shows twice, as it is made.
    """
    import asyncio

    from service.cli.journal_access import matching, reading
    from service.shipping.again import ship_again as send_again

    if not parked and not wanted.has_conditions:
        stop("Say which: --parked, or for instance --from 2026-01-31T08:00Z.", USAGE_EXIT_CODE)
    settings = current_settings()
    chosen = _chosen(settings, receiver)
    try:
        make_receiver = chosen.prepare()
    except SettingsError as mistakes:
        stop(str(mistakes), USAGE_EXIT_CODE)
    with reading(settings) as reader, matching(settings, needs_index=wanted.has_conditions) as search:
        numbers = _parked_numbers(reader, chosen.name) if parked else None
        if numbers is None or wanted.has_conditions:
            found = {number for page in search.numbers(wanted) for number in page}
            numbers = sorted(found if numbers is None else found.intersection(numbers))
        with working("shipping", len(numbers)) as bar:
            report = asyncio.run(send_again(make_receiver(reader.instance()), _rows(reader, numbers), bar.to))
    if as_json:
        say_json({"receiver": chosen.name, "selected": len(numbers), **asdict(report)}, indent=2)
    elif not numbers:
        click.echo(
            f"Nothing is parked for {chosen.title}." if parked and not wanted.has_conditions else "Nothing matches."
        )
    else:
        click.echo(f"{chosen.title} took {report.taken:,} of {len(numbers):,} records.")
        if report.unsent:
            click.echo(f"Nothing goes there of {report.unsent:,} of them, as of lists of models.")
        for number, reason, detail in report.refused[:_SHOWN]:
            click.echo(inert(f"  refused {number}: {reason} {detail}"))
        if len(report.refused) > _SHOWN:
            click.echo(f"  … and {len(report.refused) - _SHOWN:,} more")
    if report.stopped:
        note(f"Stopped at record {report.next_number}: {report.stopped}")
    raise click.exceptions.Exit(1 if report.stopped or report.refused else 0)


def _chosen(settings: Settings, name: str) -> "WantedReceiver":
    from service.shipping.registry import wanted_receivers

    wanted = {one.name: one for one in wanted_receivers(settings, os.environ)}
    if name in wanted:
        return wanted[name]
    there_are = " and ".join(wanted)
    if not wanted:
        stop("Nothing is shipped: neither LOKI_URL nor OTLP is set here.", USAGE_EXIT_CODE)
    if name:
        stop(f"--receiver {name}: there is no such receiver. These settings have {there_are}.", USAGE_EXIT_CODE)
    if len(wanted) > 1:
        stop(f"Say which: --receiver, of {there_are}.", USAGE_EXIT_CODE)
    return next(iter(wanted.values()))


def _parked_numbers(reader: "Reader", receiver: str) -> list[int]:
    return [
        int(number)
        for (number,) in reader.ask("SELECT number FROM parked WHERE receiver = ? ORDER BY number", (receiver,))
    ]


def _rows(reader: "Reader", numbers: list[int]) -> "Iterator[Row]":
    from service.journal.reader import Bodies

    return (kept.row for kept in reader.records(numbers, Bodies.NONE, _HELD_BYTES))
