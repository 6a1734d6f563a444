"""The command ``ollama-recorder``: one module a subject, put together here.

It reads the journal and its index itself, so it works while the recorder runs and when it does not; what sends a
prompt or changes the journal of a running recorder asks that recorder over HTTP. A container's health check starts
it every few seconds: what is heavy is imported inside the commands.
"""

import contextlib
import errno
import os
import signal
import sys
from typing import Annotated

import typer

import service
from service.cli import (
    backing_up,
    dataset,
    documentation,
    erasing,
    exporting,
    failure_listing,
    listing,
    maintenance,
    mcp_serving,
    measuring,
    queueing,
    replaying,
    reports,
    serving,
    shipping_again,
    showing,
    stats,
    tail,
)
from service.cli.doctor.checkup import doctor

app = typer.Typer(
    name="ollama-recorder",
    help="The flight recorder for local LLMs. Settings are environment variables: see `ollama-recorder settings`.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
_journal = typer.Typer(help="The file in which all exchanges are kept.", no_args_is_help=True)
_ship = typer.Typer(help="What goes to Loki and to an OTLP receiver.", no_args_is_help=True)

_CANNOT_BE_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""What a full or broken disk says to whoever prints into a file on it."""


def _say_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(service.__version__)
        raise typer.Exit


@app.callback()
def _options(
    is_version_wanted: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


app.command()(serving.serve)
app.command()(tail.tail)
app.command("list")(listing.list_exchanges)
app.command()(listing.search)
app.command()(showing.show)
app.command()(stats.stats)
app.command()(failure_listing.failures)
app.command()(reports.report)
app.command()(exporting.export)
app.command()(dataset.dataset)
app.command()(replaying.replay)
app.command()(erasing.erase)
app.command()(backing_up.backup)
app.command()(backing_up.restore)
app.command()(queueing.queue)
app.command()(queueing.limits)
app.command()(measuring.measure)
app.command()(doctor)
app.command()(documentation.docs)
app.command()(mcp_serving.mcp)
app.command()(serving.settings)
app.command()(serving.health)
app.command()(serving.version)
app.add_typer(_journal, name="journal")
_journal.command("check")(maintenance.journal_check)
_journal.command("compact")(maintenance.journal_compact)
_journal.command("trust-clock")(maintenance.journal_trust_clock)
app.add_typer(_ship, name="ship")
_ship.command("status")(maintenance.ship_status)
_ship.command("again")(shipping_again.ship_again)


def main() -> None:
    """Entry point of the installed command."""
    for stream in (sys.stdout, sys.stderr):
        # What was recorded may hold what a terminal's encoding, or no encoding at all, has a place for.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        with contextlib.suppress(ValueError):  # not the main thread, which alone gets signals
            signal.signal(signal.SIGINT, signal.default_int_handler)
        app()
    except KeyboardInterrupt:
        # Before a command has begun; afterwards it decides itself.
        sys.exit(128 + signal.SIGINT)
    except OSError as trouble:
        if trouble.errno not in _CANNOT_BE_WRITTEN:
            raise
        # What could not be written would be tried once more when Python ends, with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"The result cannot be written: {trouble.strerror}.\n")
        sys.exit(1)
