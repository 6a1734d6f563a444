"""A copy of the journal that is whole, made while exchanges go on: ``ollama-recorder backup``."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from service.journal import JournalError
from service.journal.damage import damage_error
from service.journal.folder import JOURNAL, give_to_owner
from service.journal.read_only import open_to_read

_PATIENCE_SECONDS: Final = 30.0
_STEPS_BETWEEN_LOOKS: Final = 1_000


def back_up(folder: Path, target: Path, progress: Callable[[int, int], None] | None = None) -> int:
    """Copy ``folder``'s journal to the new file ``target`` (mode 0600) and return its size in bytes.

    The copy holds what was committed when it began; it has no write-ahead log beside it. ``progress`` is told the
    bytes written and the bytes to come at most. Raises JournalError when there is no journal, it is damaged,
    ``target`` exists or cannot be written; ``target`` is then as it was before.
    """
    source = folder / JOURNAL
    if not source.is_file():
        raise JournalError(f"There is no journal in {folder}: nothing was recorded there yet.")
    if target.is_dir():
        raise JournalError(f"{target} is a folder: name a file in it.")
    if os.path.lexists(target):
        raise JournalError(f"{target} is there already: name another file, or move that one away first.")
    unfinished = target.with_name(f"{target.name}.unfinished")
    try:
        descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise JournalError(f"{unfinished} is in the way: another backup is running, or one was killed.") from None
    except OSError as error:
        raise JournalError(f"{target} cannot be written: {error.strerror}.") from error
    try:
        if target.parent == folder:
            give_to_owner(descriptor, folder)
        _copy(source, unfinished, progress)
        os.fsync(descriptor)
        unfinished.rename(target)
        return os.fstat(descriptor).st_size
    except BaseException:
        for suffix in ("-journal", ""):
            unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path, progress: Callable[[int, int], None] | None) -> None:
    wanted = source.stat().st_size

    def look() -> int:
        if progress is not None:
            progress(min(target.stat().st_size, wanted), wanted)
        return 0

    try:
        with contextlib.closing(open_to_read(source, _PATIENCE_SECONDS)) as connection:
            connection.set_progress_handler(look, _STEPS_BETWEEN_LOOKS)
            # Of a damaged file a VACUUM may make a smaller one, without a word.
            (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise damage_error(str(state))
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
            free = shutil.disk_usage(target.parent).free
            raise JournalError(
                f"The copy takes {wanted / 1e6:,.0f} MB, and the disk has {free / 1e6:,.0f} MB: make room,"
                " or name a file on another disk."
            ) from error
        why = " ".join(str(error).split())
        raise JournalError(f"{JOURNAL} cannot be copied: {why}. See: ollama-recorder journal check") from error
