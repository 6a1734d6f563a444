"""``backup`` and ``restore``: a whole copy of the journal out, and in again."""

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO

import click

from service.cli.command_line import argument
from service.cli.environment import current_settings, stop
from service.cli.screen import note, working
from service.journal import JournalError

_STANDARD = "-"


def backup(
    file: Annotated[str, argument(metavar="FILE", help='The new file; "-" writes to standard output.')],
) -> None:
    """Copy the journal to FILE while the recorder runs. The copy holds every prompt: keep it as you keep them.

    In Docker: docker compose exec -T recorder ollama-recorder backup - > journal.backup
    """
    folder = current_settings().data_dir
    if file == _STANDARD:
        if sys.stdout.isatty():
            stop("A backup is no text for a terminal: send it into a file, as in: ollama-recorder backup - > FILE", 2)
        _write_out(folder)
        return
    size = _copied(folder, Path(file))
    note(f"{file}: {size / 1e6:,.1f} MB. Put it back with: ollama-recorder restore {shlex.quote(file)}")


def restore(
    file: Annotated[str, argument(metavar="FILE", help='A backup; "-" reads standard input.')],
) -> None:
    """Put a backup in the journal's place. The recorder has to be stopped. The journal before is kept beside it.

    In Docker, with the recorder stopped: docker compose run --rm --no-deps -T recorder restore - < journal.backup
    """
    from service.search.restoring import restore as put_back

    folder = current_settings().data_dir
    try:
        with _opened(file) as source, working("reading the backup"):
            done = put_back(folder, source)
    except JournalError as trouble:
        stop(str(trouble))
    click.echo(f"{done.records:,} records are in the journal now. Start the recorder.")
    if done.replaced is not None:
        click.echo(f"The journal before is {done.replaced}: delete it when you need it no more.")


def _copied(folder: Path, target: Path) -> int:
    from service.journal.backup import back_up

    try:
        with working("copying the journal") as bar:
            return back_up(folder, target, bar.to)
    except JournalError as trouble:
        stop(str(trouble))


def _write_out(folder: Path) -> None:
    # Beside the journal: what holds prompts belongs where nobody else looks, and a container has room nowhere else.
    try:
        place = tempfile.TemporaryDirectory(prefix="journal.backup-", dir=folder)
    except OSError as error:
        stop(f"DATA_DIR={str(folder)!r} cannot be written to: {error.strerror}. Name a file instead of -.")
    with place as temporary:
        path = Path(temporary) / "copy"
        _copied(folder, path)
        with path.open("rb") as copy:
            shutil.copyfileobj(copy, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _opened(file: str) -> BinaryIO:
    if file == _STANDARD:
        if sys.stdin.isatty():
            stop("Send a backup into it, as in: ollama-recorder restore - < FILE", 2)
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        stop(f"{file} cannot be read: {os.strerror(error.errno or 0)}.")
