"""What a command knows when it starts, and how it stops when that is not enough."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import NoReturn
from urllib.parse import urlsplit

import click

from service.setting_values import host_and_port
from service.settings import Settings, SettingsError, read_settings

USAGE_EXIT_CODE = 2
"""Of a wrong setting, option or search; 1 is the exit code of all other failures."""


def current_settings() -> Settings:
    """The settings of this process's environment. Stops the command when they cannot be used, naming each mistake."""
    try:
        return read_settings(os.environ)
    except SettingsError as mistakes:
        stop(str(mistakes), USAGE_EXIT_CODE)


def stop(message: str, code: int = 1) -> NoReturn:
    """End the command: ``message`` to standard error, ``code`` to whoever started it."""
    sys.stderr.write(message + "\n")
    raise click.exceptions.Exit(code)


def base_address(settings: Settings, url: str = "") -> str:
    """Where the recorder answers: ``url`` when it is given, else where LISTEN says, as this machine reaches it."""
    if url:
        return read_address(url)
    host, port = settings.listen
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://{host_and_port(host, port)}"


def read_address(url: str) -> str:
    """What ``--url`` says, without a slash at its end. Stops the command when nothing can be asked there."""
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # A port beyond 65535, or half an IPv6 address.
        is_address = False
    if not is_address:
        stop(f"--url={url!r} is no address: expected is one like http://127.0.0.1:8080.", USAGE_EXIT_CODE)
    return url.rstrip("/")


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Being ended, or losing its terminal, ends the block like Ctrl-C, so that no prompts stay behind."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
