"""The command ``ollama-recorder``."""

import asyncio
import gc
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from dataclasses import asdict
from typing import Annotated, Any, NoReturn

import typer

import service
from service.journal import JournalError
from service.settings import TABLE, Settings, SettingsError, read_settings

SETTINGS_EXIT_CODE = 2

app = typer.Typer(
    name="ollama-recorder",
    help="The flight recorder for local LLMs. Settings are environment variables: see `ollama-recorder settings`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
journal_commands = typer.Typer(help="The file in which all exchanges are kept.", no_args_is_help=True)
ship_commands = typer.Typer(help="What goes to Loki and to an OTLP receiver.", no_args_is_help=True)
app.add_typer(journal_commands, name="journal")
app.add_typer(ship_commands, name="ship")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def main() -> None:
    """Entry point of the installed command."""
    app()


@app.command()
def serve() -> None:
    """Run the recorder until it is told to stop (SIGTERM, Ctrl-C)."""
    import uvloop

    from service.logs import start_logging

    settings = _settings()
    output = start_logging(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, output))
    except SettingsError as mistakes:
        _exit(str(mistakes), SETTINGS_EXIT_CODE)
    except JournalError as trouble:
        _exit(str(trouble), 1)
    except OSError as trouble:
        host, port = settings.listen
        _exit(f"cannot listen on {host}:{port}: {trouble.strerror}. Is another recorder running? LISTEN changes it.", 1)
    finally:
        output.stop()


async def _serve(settings: Settings, output: Any) -> None:
    from service.app import App

    loop = asyncio.get_running_loop()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    recorder = App(settings, os.environ, output)
    await recorder.start()
    if sys.stderr.isatty():
        host = settings.listen[0] if settings.listen[0] not in ("0.0.0.0", "::", "127.0.0.1") else "localhost"  # noqa: S104
        base = f"http://{host}:{recorder.port}/api/ollama"
        sys.stderr.write(f"\nUse {base} instead of {settings.ollama_url}, and {base}/v1 for OpenAI's API.\n\n")
    # What was made by now lives as long as the process: collections need not look at it again.
    gc.collect()
    gc.freeze()
    # Exchanges leave no cycles behind: looking for them after every 700 objects costs 4 % and finds nothing.
    gc.set_threshold(20_000, 50, 50)
    await asked_to_stop.wait()
    stopping = asyncio.ensure_future(recorder.stop())
    # Asked a second time, it does not wait for running exchanges any longer.
    asked_to_stop.clear()
    again = asyncio.ensure_future(asked_to_stop.wait())
    await asyncio.wait({stopping, again}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        recorder.stop_waiting()
    again.cancel()
    await stopping


@app.command()
def settings(as_json: AsJson = False) -> None:
    """Show every setting: its variable, its value now, its default and what it does."""
    _settings()
    rows = [
        {
            "variable": variable.name,
            "value": _shown(os.environ.get(variable.name, "") or variable.default, variable.secret),
            "default": variable.default,
            "meaning": variable.meaning,
        }
        for variable in TABLE.values()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(f"{row['variable']}={row['value']}\n    {row['meaning']} (default: {row['default'] or 'empty'})")


def _shown(value: str, is_secret: bool) -> str:
    return "(set)" if is_secret and value else value


@app.command()
def health(
    url: Annotated[str, typer.Option(help="Base address of the recorder; default: where LISTEN says.")] = "",
) -> None:
    """Ask a running recorder whether it is alive: exit code 0, or 1 with the reason. For container health checks."""
    if not url:
        host, port = _settings().listen
        url = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=3) as answer:
            typer.echo(answer.read().decode().strip())
    except (OSError, urllib.error.URLError) as error:
        _exit(f"{url}/healthz: {error}", 1)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(service.__version__)


@journal_commands.command("check")
def journal_check(as_json: AsJson = False) -> None:
    """Read every page of the journal and say whether it is sound. The recorder may be running. Exit code 1: damaged."""
    from service.journal.check import check

    settings = _settings()
    try:
        report = check(settings.data_dir)
    except JournalError as trouble:
        _exit(str(trouble), 1)
    for receiver in _wanted(settings):
        # One that never took anything has no cursor yet.
        report.lag.setdefault(receiver, report.records)
    _print(asdict(report), as_json)
    raise typer.Exit(1 if report.problems else 0)


@ship_commands.command("status")
def ship_status(as_json: AsJson = False) -> None:
    """Show how far each receiver is, and which records it will never take. The recorder may be running."""
    from service.journal.reader import Reader

    settings = _settings()
    reader = Reader(settings.data_dir)
    try:
        newest = reader.newest_number()
        cursors = reader.cursors()
        parked = reader.parked()
    except JournalError as trouble:
        _exit(str(trouble), 1)
    finally:
        reader.close()
    wanted = _wanted(settings)
    receivers = {
        name: {
            "address": wanted.get(name) or "not set",
            "has": cursors.get(name, 0),
            "waiting": newest - cursors.get(name, 0),
        }
        for name in sorted(set(cursors) | set(wanted))
    }
    _print({"newest": newest, "receivers": receivers, "parked": [asdict(record) for record in parked]}, as_json)


def _wanted(settings: Settings) -> dict[str, str]:
    """The receivers that the settings name, with their addresses."""
    otlp = settings.otlp_endpoint or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
    return {name: address for name, address in (("loki", settings.loki_url), ("otlp", otlp)) if address}


def _print(report: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(report, indent=2, default=str))
        return
    for name, value in report.items():
        if isinstance(value, dict):
            typer.echo(f"{name}:{'' if value else ' none'}")
            for key, inner in value.items():
                typer.echo(f"  {key}: {_flat(inner)}")
        elif isinstance(value, list):
            typer.echo(f"{name}: {len(value) or 'none'}")
            for inner in value:
                typer.echo(f"  {_flat(inner)}")
        else:
            typer.echo(f"{name}: {'-' if value is None else value}")


def _flat(value: Any) -> str:
    return ", ".join(f"{key} {inner}" for key, inner in value.items()) if isinstance(value, dict) else str(value)


def _settings() -> Settings:
    try:
        return read_settings(os.environ)
    except SettingsError as mistakes:
        _exit(str(mistakes), SETTINGS_EXIT_CODE)


def _exit(message: str, code: int) -> NoReturn:
    sys.stderr.write(message + "\n")
    raise typer.Exit(code)
