"""A backup put in the journal's place: ``ollama-recorder restore``. What was there is kept beside it."""

import contextlib
import os
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from service.journal import JournalError
from service.journal.definitions import active_parts, prepare
from service.journal.folder import JOURNAL, give_to_owner, prepare_folder, take_lock_of_stopped
from service.journal.schema import APPLICATION_ID
from service.search.index import delete, inode

_ARRIVING: Final = "journal.restoring"
_SQLITE_HEADER: Final = b"SQLite format 3\0"
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """How many records the journal has now, and the file that it was before; None where there was none."""

    records: int
    replaced: Path | None


def restore(folder: Path, source: BinaryIO) -> Restored:
    """Make what ``source`` reads the journal of ``folder``. No recorder may be using it.

    The backup is read whole and checked first; files then get the folder's owner. The journal before gets another name.
    The index is made anew by the next start. Raises JournalError when a recorder runs, the backup is none, is damaged
    or of a newer version, or the disk has no room; the journal is then as it was.
    """
    prepare_folder(folder)
    lock = take_lock_of_stopped(folder)
    try:
        arriving = folder / _ARRIVING
        arriving.unlink(missing_ok=True)
        try:
            _receive(source, arriving, folder)
            records = _check(arriving)
            replaced = _set_aside(folder / JOURNAL)
            _remove_log(folder / JOURNAL)
            arriving.rename(folder / JOURNAL)
            _sync(folder)
        finally:
            arriving.unlink(missing_ok=True)
            _remove_log(arriving)
        # It was made of the journal before: its numbers may mean other records now.
        delete(folder, inode(folder))
        return Restored(records, replaced)
    except OSError as error:
        raise JournalError(f"The backup cannot be put into {folder}: {error.strerror}.") from error
    finally:
        os.close(lock)


def _receive(source: BinaryIO, path: Path, folder: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        give_to_owner(descriptor, folder)
        begin = source.read(len(_SQLITE_HEADER))
        if begin != _SQLITE_HEADER:
            raise JournalError("This is no backup of a journal: make one with ollama-recorder backup FILE")
        file.write(begin)
        shutil.copyfileobj(source, file, _PIECE)
        file.flush()
        os.fsync(descriptor)


def _check(path: Path) -> int:
    """How many records are in the backup, which gets this version's form. Raises JournalError when it is not sound."""
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            if application != APPLICATION_ID:
                raise JournalError("This is a database of another program, and no backup of a journal.")
            (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if state != "ok":
                raise JournalError(f"The backup is damaged ({state}): nothing was changed. Take another one.")
            if active := active_parts(connection):
                raise JournalError(
                    f"The backup holds a program ({active[0][:80]!r}), as no journal does: it is not used."
                )
            prepare(connection)
            (records,) = connection.execute("SELECT count(*) FROM exchange").fetchone()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return int(records)
    except sqlite3.Error as error:
        raise JournalError(f"The backup is damaged ({error}): nothing was changed. Take another one.") from error


def _set_aside(journal: Path) -> Path | None:
    """Keep the journal and its log under another name too. The journal's own name is never without a file."""
    if not journal.exists():
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target, count = journal.with_name(f"{journal.name}.replaced-{stamp}"), 1
    while target.exists():
        count += 1
        target = journal.with_name(f"{journal.name}.replaced-{stamp}-{count}")
    for suffix in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            os.link(journal.with_name(journal.name + suffix), target.with_name(target.name + suffix))
    return target


def _remove_log(path: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
