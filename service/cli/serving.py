"""``serve``, ``health``, ``settings``, ``version``: the recorder as a process."""

import asyncio
import gc
import json
import os
import signal
import sys
from http import HTTPStatus
from typing import Annotated, Any

import typer

import service
from service.cli.environment import USAGE_EXIT_CODE, base_address, current_settings, read_address, stop
from service.journal import JournalError
from service.settings import TABLE, Settings, SettingsError


def serve() -> None:
    """Run the recorder until SIGTERM or Ctrl-C."""
    import uvloop

    from service.logs import start_logging

    settings = current_settings()
    output = start_logging(settings.log_level)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, output))
    except SettingsError as mistakes:
        stop(str(mistakes), USAGE_EXIT_CODE)
    except JournalError as trouble:
        stop(str(trouble))
    except OSError as trouble:
        host, port = settings.listen
        stop(f"cannot listen on {host}:{port}: {trouble.strerror}. Is another recorder running? LISTEN changes it.")
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
    # A thread that parses or searches gives way to the event loop after this, not after 5 ms: beside five chats at once
    # the slowest of a hundred exchanges took 6 ms instead of 8, and the others as long as before.
    sys.setswitchinterval(0.0005)
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


def settings(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False) -> None:
    """Show every setting: its variable, its value now, its default and what it does."""
    current_settings()
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


def health(
    url: Annotated[str, typer.Option(help="Base address of the recorder; default: where LISTEN says.")] = "",
) -> None:
    """Ask a running recorder whether it is alive: exit code 0, or 1 with the reason. For container health checks."""
    from service.cli.http_client import ask, why

    url = (read_address(url) if url else base_address(current_settings())) + "/healthz"
    try:
        answer = ask(url)
    except OSError as error:
        stop(f"{url}: {why(error)}.")
    if answer.status != HTTPStatus.OK:
        stop(f"{url}: answers {answer.status}.")
    typer.echo(answer.body.decode("utf-8", "replace").strip())


def version() -> None:
    """Print the version."""
    typer.echo(service.__version__)
