"""The journal and its index written anew, without anything that was erased or is free: ``journal compact``."""

import contextlib
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.journal import JournalError
from service.journal.damage import damage_error, note_damage
from service.journal.folder import JOURNAL, take_lock_of_stopped
from service.journal.transaction import is_damage
from service.search.index import INDEX, delete, inode, is_useless

# Somebody may be reading: a command of the command line looks at the files for moments.
_PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Compacted:
    """Bytes of the journal, its index and their logs together, before and after."""

    bytes_before: int
    bytes_after: int


def compact(folder: Path) -> Compacted:
    """Write ``folder``'s files anew. Nothing else may have the journal open meanwhile.

    Erasing overwrites what it frees, but SQLite may have left an older copy of a small row on a page that it packed
    anew (about one in 6,000 erased rows was seen to). Afterwards the files hold what the tables hold, and nothing else.
    Raises JournalError when there is no journal, a recorder runs, the disk has no room for a second copy, or a file
    cannot be written anew; what was in it is then still there.
    """
    paths = [path for path in (folder / JOURNAL, folder / INDEX) if path.is_file()]
    if folder / JOURNAL not in paths:
        raise JournalError(f"There is no journal in {folder}: nothing was recorded there yet.")
    lock = take_lock_of_stopped(folder)
    try:
        before = _bytes_of(paths)
        for path in paths:
            _require_room(path)
            try:
                _write_anew(path)
            except JournalError as trouble:
                cause = trouble.__cause__
                if path.name != INDEX or not isinstance(cause, sqlite3.Error) or not is_useless(cause):
                    raise
                # It holds nothing that is not made again from the journal.
                delete(folder, inode(folder))
        return Compacted(before, _bytes_of(paths))
    finally:
        os.close(lock)


def _require_room(path: Path) -> None:
    # A copy in a temporary file, and another in the log from which the file is then written.
    wanted, free = 2 * path.stat().st_size, shutil.disk_usage(path.parent).free
    if free < wanted:
        raise JournalError(
            f"Writing {path.name} anew takes {wanted / 1e6:.0f} MB for a while, and the disk has {free / 1e6:.0f} MB:"
            " make room first, or keep less with RETENTION_DAYS and RETENTION_GB."
        )


def _write_anew(path: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_SECONDS)) as connection:
            connection.execute("PRAGMA temp_store = FILE")
            if path.name == JOURNAL:
                # Of a damaged file a VACUUM may make a smaller one, without a word.
                (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                if state != "ok":
                    raise damage_error(str(state))
            connection.execute("VACUUM")
            (is_busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        if path.name == JOURNAL and is_damage(error):
            note_damage(path.parent, path.stat().st_ino, str(error))
            raise JournalError(
                f"{path.name} is damaged and cannot be written anew ({error}). Start the recorder once: it sets the"
                " file aside and saves what can be read."
            ) from error
        raise JournalError(f"{path.name} cannot be written anew: {error}") from error
    if is_busy:
        raise JournalError(f"{path.name} is being read by another program: end that one, and try again.")


def _bytes_of(paths: list[Path]) -> int:
    # With their logs: after a short run most of a journal is there.
    files = [file for path in paths for file in (path, path.with_name(f"{path.name}-wal"))]
    return sum(file.stat().st_size for file in files if file.exists())
