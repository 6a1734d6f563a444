"""What can be told of the recorder at once: its ``settings``, whether it is in good ``health``, its ``version``."""

import json
import os
from http import HTTPStatus
from typing import Annotated

import click

import service
from service.cli.command_line import option
from service.cli.environment import base_address, current_settings, read_address, stop
from service.settings import TABLE


def settings(as_json: Annotated[bool, option("--json", help="Print JSON, for programs.")] = False) -> None:
    """Show every setting: its variable, its value now, its default and what it does."""
    # Of the one default that the place decides.
    decided = {"data_dir": str(current_settings().data_dir)}
    rows = [
        {
            "variable": variable.name,
            "value": _shown(os.environ.get(variable.name, "") or decided.get(name, variable.default), variable.secret),
            "default": variable.default,
            "meaning": variable.meaning,
        }
        for name, variable in TABLE.items()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['variable']}={row['value']}\n    {row['meaning']} (default: {row['default'] or 'empty'})")


def _shown(value: str, is_secret: bool) -> str:
    return "(set)" if is_secret and value else value


def health(
    url: Annotated[str, option(help="Base address of the recorder; default: where LISTEN says.")] = "",
) -> None:
    """Ask a running recorder whether it answers and keeps records: exit code 0, or 1 with the reason.

    For container health checks: an Ollama or a receiver that is away changes nothing.
    """
    from service.cli.http_client import ask, why
    from service.inspector.health import OLLAMA

    url = (read_address(url) if url else base_address(current_settings())) + f"/readyz?exclude={OLLAMA}"
    try:
        answer = ask(url)
    except OSError as error:
        stop(f"{url}: {why(error)}.")
    try:
        found = json.loads(answer.body)
        word, troubles = str(found["status"]), dict(found["degraded"])
    except (ValueError, TypeError, KeyError, RecursionError):
        stop(f"{url}: answers {answer.status}, and not as a recorder does.")
    told = "".join(f"\n{part}: {trouble}" for part, trouble in troubles.items())
    if answer.status != HTTPStatus.OK:
        stop(f"{url}: {word}{told}")
    click.echo(f"{word}{told}")


def version() -> None:
    """Print the version, and whether compiled code runs."""
    click.echo(service.full_version())
