"""The journal's folder: who may look into it, and the one process that may write there."""

import contextlib
import fcntl
import os
import time
from pathlib import Path

from service.journal import JournalError

JOURNAL = "journal.sqlite3"
LOCK = "journal.lock"
HEADROOM = "journal.headroom"
SALVAGE = "journal.salvage"
SALVAGED = "journal.salvaged"
DAMAGE = "journal.damaged"
TRUST_CLOCK = "journal.trust-clock"
_OURS = ("journal.", "index.", "vocabularies")


def prepare_folder(folder: Path) -> None:
    """Make ``folder`` (mode 0700). Raises JournalError when it cannot be used.

    A folder that is there already is closed to others only when it is ours alone, that is empty or holding a journal:
    somebody may have named a folder that others share.
    """
    try:
        if folder.is_dir():
            names = [path.name for path in folder.iterdir()]
            if not names or all(name.startswith(_OURS) for name in names):
                # A mounted volume may belong to another user; its owner then decides who looks into it.
                with contextlib.suppress(PermissionError):
                    folder.chmod(0o700)
        else:
            folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        text = f"DATA_DIR={str(folder)!r} cannot be used: {error.strerror}"
        if isinstance(error, PermissionError):
            text += f". The recorder runs as user {os.geteuid()}: give that user the folder and what is in it"
        raise JournalError(text) from error


def files_in_use(folder: Path) -> list[Path]:
    """What is there of the files that the recorder writes to. Those that were set aside are nobody's any more."""
    names = (path for path in folder.iterdir() if path.name.startswith(_OURS))
    return sorted(path for path in names if ".replaced-" not in path.name and ".corrupt-" not in path.name)


def give_to_owner(descriptor: int, folder: Path) -> None:
    """Make the folder's owner the file's, too: an administrator's command may run as root beside a service that does
    not, which then could not write to what the command has made."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def make_private_file(path: Path) -> None:
    """Make ``path`` readable by its owner only, empty if it is new; if root makes it, it is the folder's owner's.

    SQLite gives -wal and -shm the same mode and owner.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        give_to_owner(descriptor, path.parent)
        os.close(descriptor)
    except FileExistsError:
        # Never opened and closed here: close() drops all locks that this process's SQLite has on the file, and another
        # process that closes it then takes itself for the last one and deletes the log (How To Corrupt, 2.2).
        with contextlib.suppress(PermissionError):
            path.chmod(0o600)


def take_lock(folder: Path) -> int:
    """Take the folder for this process and return the descriptor that holds it; closing it gives the folder back.

    Raises JournalError that names the holder when another process has it. The system gives the lock back when its
    holder dies, however it dies, so a lock file that is left behind means nothing.
    """
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"DATA_DIR={str(folder)!r} cannot be written to: {error.strerror}") from error
    give_to_owner(descriptor, folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "an unknown process"
        os.close(descriptor)
        raise JournalError(
            f"DATA_DIR={str(folder)!r} is in use by another recorder ({holder}):"
            " stop that one, or give this one another folder"
        ) from error
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    # Who holds it is a courtesy to people; on a full disk the lock is worth having without it.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename} since {started}\n".encode(), 0)
    return descriptor


def take_lock_of_stopped(folder: Path) -> int:
    """``take_lock`` for a command that needs the recorder to be stopped. Raises JournalError that says so."""
    try:
        return take_lock(folder)
    except JournalError as error:
        if isinstance(error.__cause__, BlockingIOError):
            raise JournalError("A recorder is using the journal: stop it, and start it again afterwards.") from error
        raise
