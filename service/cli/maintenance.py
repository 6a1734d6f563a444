"""``journal check``, ``journal compact`` and ``ship status``: the file, and what has left it."""

import json
import os
from dataclasses import asdict
from typing import Annotated, Any

import click

from service.cli.command_line import option
from service.cli.environment import current_settings, stop
from service.cli.screen import working
from service.journal import JournalError

AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]


def journal_check(as_json: AsJson = False) -> None:
    """Read every page of the journal and say whether it is sound. The recorder may be running. Exit code 1: damaged."""
    from service.cli.journal_access import why_unread
    from service.journal.check import check
    from service.shipping.registry import wanted_receivers

    settings = current_settings()
    try:
        report = check(settings.data_dir)
    except JournalError as trouble:
        stop(why_unread(trouble, settings.data_dir))
    for receiver in wanted_receivers(settings, os.environ):
        # One that never took anything has no cursor yet.
        report.lag.setdefault(receiver.name, report.records)
    _print(asdict(report), as_json)
    raise click.exceptions.Exit(1 if report.problems else 0)


def journal_compact(as_json: AsJson = False) -> None:
    """Write the journal and its index anew, without free space and without a trace of what was erased.

    The recorder has to be stopped, and the disk needs room for two more copies while it lasts.
    """
    from service.cli.journal_access import why_unread
    from service.search.compacting import compact

    settings = current_settings()
    # SQLite's working copy holds prompts: it belongs beside the journal, where nobody else looks and room is made.
    os.environ["SQLITE_TMPDIR"] = str(settings.data_dir)
    try:
        with working("writing the journal anew"):
            done = compact(settings.data_dir)
    except (JournalError, OSError) as trouble:
        stop(why_unread(trouble, settings.data_dir))
    _print(asdict(done), as_json)


def journal_trust_clock() -> None:
    """Say that the clock is right, so that records expire by age again. The recorder may be running.

    After a long time off, or with a clock that jumped ahead, the recorder waits a day before it removes old records.
    """
    from service.cli.journal_access import why_unread
    from service.journal.clock_doubt import trust_clock

    settings = current_settings()
    try:
        trust_clock(settings.data_dir)
    except FileNotFoundError:
        stop(why_unread(JournalError("no journal"), settings.data_dir))
    except OSError as trouble:
        stop(f"DATA_DIR={str(settings.data_dir)!r} cannot be written to: {trouble.strerror}.")
    click.echo("Records that are older than RETENTION_DAYS expire again, now or after the next start.")


def ship_status(as_json: AsJson = False) -> None:
    """Show how far each receiver is, and which records it will never take. The recorder may be running."""
    from service.cli.journal_access import why_unread
    from service.journal.reader import Reader
    from service.shipping.registry import wanted_receivers

    settings = current_settings()
    reader = Reader(settings.data_dir)
    try:
        newest = reader.newest_number()
        cursors = reader.cursors()
        addresses = {receiver.name: receiver.address for receiver in wanted_receivers(settings, os.environ)}
        waiting = {name: reader.count(after=cursors.get(name, 0)) for name in sorted(cursors.keys() | addresses)}
        parked = reader.parked()
    except JournalError as trouble:
        stop(why_unread(trouble, settings.data_dir))
    finally:
        reader.close()
    receivers = {
        name: {"address": addresses.get(name, "not set"), "has": cursors.get(name, 0), "waiting": count}
        for name, count in waiting.items()
    }
    _print({"newest": newest, "receivers": receivers, "parked": [asdict(record) for record in parked]}, as_json)


def _print(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(report, indent=2, default=str))
        return
    for name, value in report.items():
        if isinstance(value, dict):
            click.echo(f"{name}:{'' if value else ' none'}")
            for key, inner in value.items():
                click.echo(f"  {key}: {_flat(inner)}")
        elif isinstance(value, list):
            click.echo(f"{name}: {len(value) or 'none'}")
            for inner in value:
                click.echo(f"  {_flat(inner)}")
        else:
            click.echo(f"{name}: {'-' if value is None else value}")


def _flat(value: Any) -> str:
    return ", ".join(f"{key} {inner}" for key, inner in value.items()) if isinstance(value, dict) else str(value)
