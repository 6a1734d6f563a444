"""``erase``: records gone for good; from the running recorder, or from the files where none runs."""

import os
import sqlite3
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import click

from service.cli.command_line import option
from service.cli.environment import USAGE_EXIT_CODE, current_settings, stop
from service.cli.filter_options import takes_filter
from service.cli.listing import WhichStore
from service.cli.screen import inert, note, say_json, working
from service.cli.terminal import columns, is_terminal, plain, styled
from service.journal import JournalError
from service.search.filters import Filter, to_query
from service.settings import Settings

if TYPE_CHECKING:
    from service.inspector.erasing import Gone
    from service.search.matching import Matches
    from service.shipping.loki.deletion import LokiDeletion
    from service.shipping.loki.settings import LokiSettings

Yes = Annotated[bool, option("--yes", "-y", help="Do not ask.")]
All = Annotated[bool, option("--all", help="Everything, when no filter is given.")]
Url = Annotated[str, option(help="Base address of the recorder; default: where LISTEN says.")]
AsJson = Annotated[bool, option("--json", help="Print JSON, for programs.")]
FromStore = Annotated[
    WhichStore,
    option("--store", help="From where: this recorder's journal, or all recorders (PEERS, and their Loki)."),
]
_PATIENCE_SECONDS = 3600.0
_SHOWN = 3
# No exchange has this number.
_NOTHING = Filter(before=0)
_BY = "command line"
_GIGABYTE = 1_000_000_000


@takes_filter()
def erase(
    wanted: Filter,
    yes: Yes = False,
    everything: All = False,
    url: Url = "",
    as_json: AsJson = False,
    store: FromStore = WhichStore.JOURNAL,
) -> None:
    """Erase what matches, from the journal, its index and, where it can be, from Loki. Shows how many, and asks."""
    from service.cli.doctor.recorder_process import holder_of
    from service.cli.journal_access import matching

    settings = current_settings()
    if not wanted.has_conditions and not everything:
        stop(
            "Say what to erase with a filter (not --before or --after alone), or --all for everything.", USAGE_EXIT_CODE
        )
    if yes and wanted.asks_only_for_nobody:
        stop(
            "An empty name finds all that have none. Where a variable was empty that is not meant:"
            " leave out --yes to see how many they are, or add another filter.",
            USAGE_EXIT_CODE,
        )
    if store is WhichStore.LOKI:
        _erase_everywhere(settings, url, wanted, yes, as_json)
        return
    with matching(settings) as search:
        is_running = holder_of(settings) is not None
        cut_off = 0 if is_running or wanted != Filter() else _cut_off(settings)
        newest = _newest(settings, search, wanted)
        if newest is not None:
            # What ends from now on is not what was looked at.
            wanted = replace(wanted, before=newest[0] + 1)
        count = search.count(wanted) if newest else 0
        if not count + cut_off:
            _say({"erased": 0, "notes": []}, as_json)
            return
        if not yes:
            _show(search, wanted, count, cut_off)
            _ask()
        if newest is not None and is_running:
            report = _ask_recorder(settings, url, wanted, count, newest[1])
        else:
            report = _erase_in_files(settings, search, wanted if count else _NOTHING, count, cut_off)
    _say(report, as_json)


def _erase_everywhere(settings: Settings, url: str, wanted: Filter, yes: bool, as_json: bool) -> None:
    """From all recorders, by the one that runs here: it asks the others, and goes on asking those that are away."""
    from service.cli.running_recorder import RunningRecorder, read_document

    recorder = RunningRecorder(settings, url)
    asked = [*to_query(wanted), ("store", WhichStore.LOKI.value)]
    look = read_document(recorder.ask(f"/erasing.json?{urlencode(asked)}", seconds=_PATIENCE_SECONDS))
    if not look["count"]:
        _say({"erased": 0, "notes": []}, as_json)
        return
    if not yes:
        for one in look["recorders"]:
            counts = [f"{one['count']:,}"] if "count" in one else []
            counts += [f"{one['in_loki']:,} in Loki only"] if "in_loki" in one else []
            note(f"{one['name']}: {' and '.join(counts) or '0'}. {one.get('trouble', '')}".rstrip())
        _ask()
    query = [*map(tuple, look["filter"]), ("store", WhichStore.LOKI.value), ("count", str(look["count"]))]
    query += [] if wanted.has_conditions else [("all", "true")]
    report = read_document(recorder.ask(f"/exchanges?{urlencode(query)}", "DELETE", seconds=_PATIENCE_SECONDS))
    report["erased"] = sum(one.get("erased", 0) for one in report["recorders"])
    _say(report, as_json)


def _ask() -> None:
    """Stops the command unless a person says yes."""
    try:
        if click.confirm("Erase for good?", err=True):
            return
    except click.Abort:
        # Ctrl-C, or nobody there to answer; the question's line is not ended yet.
        note("")
    stop("Nothing was erased." if sys.stdin.isatty() else "Nothing was erased; --yes does it without asking.")


def _cut_off(settings: Settings) -> int:
    """How many a crash left that are no records yet: the next start makes them some."""
    from service.cli.journal_access import reading

    with reading(settings) as reader:
        return int(reader.ask("SELECT count(*) FROM open_exchange")[0][0])


def _newest(settings: Settings, search: "Matches", wanted: Filter) -> tuple[int, str] | None:
    """Number and id of the newest one that matches."""
    from service.cli.journal_access import reading
    from service.cli.listing import entries

    with reading(settings) as reader:
        for entry in entries(search, wanted, 1):
            for (identifier,) in reader.ask("SELECT id FROM exchange WHERE number = ?", (entry.number,)):
                return entry.number, identifier
    return None


def _show(search: "Matches", wanted: Filter, count: int, cut_off: int) -> None:
    from service.cli.exchange_line import row
    from service.cli.listing import entries, now
    from service.record.conversation import opening
    from service.record.record import Record

    draws = is_terminal(sys.stderr)
    for entry in entries(search, wanted, _SHOWN) if count else ():
        record = Record(entry.line)
        line = row(record, opening(record), columns(), now())
        click.echo(styled(line) if draws else plain(line), err=True, color=draws)
    if count > _SHOWN:
        note(f"… and {count - _SHOWN:,} more")
    if count:
        note(f"{count:,} {'exchange matches' if count == 1 else 'exchanges match'}.")
    if cut_off:
        these = f"{cut_off:,} more" if count else f"{cut_off:,} {'exchange' if cut_off == 1 else 'exchanges'}"
        note(f"{these} {'was' if cut_off == 1 else 'were'} under way when the recorder was killed.")


def _ask_recorder(settings: Settings, url: str, wanted: Filter, count: int, newest: str) -> dict[str, Any]:
    from service.cli.running_recorder import RunningRecorder, read_document

    recorder = RunningRecorder(settings, url)
    if recorder.ask(f"/exchanges/{newest}.json").status == 404:
        stop(f"The recorder at {recorder.base} keeps another journal than {str(settings.data_dir)!r}: say --url.")
    query = [*to_query(wanted), ("count", str(count)), *([] if wanted.has_conditions else [("all", "true")])]
    return read_document(recorder.ask(f"/exchanges?{urlencode(query)}", "DELETE", seconds=_PATIENCE_SECONDS))


def _erase_in_files(settings: Settings, search: "Matches", wanted: Filter, count: int, cut_off: int) -> dict[str, Any]:
    import asyncio

    from service.journal.erasing import erase_open
    from service.journal.journal import Journal
    from service.journal.space import Retention
    from service.logs import start_logging

    retention = Retention(settings.retention_days, int(settings.retention_gb * _GIGABYTE))
    journal = Journal(settings.data_dir, sync=settings.journal_sync, retention=retention)
    try:
        journal.open()
    except (OSError, sqlite3.Error) as trouble:
        journal.close()
        raise JournalError(f"the journal cannot be written: {trouble}") from trouble
    # Who erased what is an event, also when no recorder runs.
    output = start_logging(settings.log_level, sys.stderr.buffer)
    try:
        cut_off = erase_open(journal.connection) if cut_off else 0
        with working("erasing", count) as bar:
            report = asyncio.run(_erase(settings, search, wanted, journal, bar.to))
        return report | {"erased": report["erased"] + cut_off}
    finally:
        journal.close()
        output.stop()


async def _erase(settings: Settings, search: "Matches", wanted: Filter, journal: Any, progress: Any) -> dict[str, Any]:
    from service.inspector.erasing import alone
    from service.journal.reader import Reader
    from service.search.indexing import Indexer
    from service.shipping.loki.settings import read_loki_settings
    from service.shipping.registry import wanted_receivers

    reader, indexer = Reader(settings.data_dir), Indexer(settings.data_dir)
    loki = read_loki_settings(settings)
    erasing = alone(
        journal,
        search,
        indexer,
        reader,
        partial(_delete_in_loki, loki, journal.instance) if loki else None,
        has_other_receivers=any(not receiver.can_delete for receiver in wanted_receivers(settings, os.environ)),
    )
    try:
        return await erasing.erase(wanted, _BY, progress)
    finally:
        indexer.close()
        reader.close()


def _delete_in_loki(loki: "LokiSettings", instance: str, gone: "Gone") -> "LokiDeletion":
    from service.shipping.loki.deletion import delete_lines

    return delete_lines(loki, gone, gone.whole_time, instance=instance)


def _say(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(report, indent=2)
        return
    if not report["erased"]:
        note("Nothing matches: nothing was erased.")
        return
    click.echo(f"Erased {report['erased']:,} {'exchange' if report['erased'] == 1 else 'exchanges'}.")
    loki = report.get("loki", {})
    for line in (loki.get("why", ""), *report["notes"]):
        if line:
            click.echo(inert(str(line)))
    if loki.get("requests") and not loki.get("asked"):
        for request in loki["requests"]:
            click.echo(f"  POST {inert(str(request))}")
