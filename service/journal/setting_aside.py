"""A damaged journal is renamed, never deleted, and the file that was salvaged from it gets its name.

Three renames cannot be one step. So a note in ``journal.salvage`` names where the damaged file goes, from before the
first rename until after the last. A process that dies meanwhile leaves the note, and the next start goes on.
"""

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Final

from service.journal.folder import JOURNAL, SALVAGE, SALVAGED, give_to_owner

_NAME: Final = re.compile(re.escape(JOURNAL) + r"\.corrupt-[0-9]{8}T[0-9]{6}Z(?:-[0-9]+)?")


def set_aside(path: Path) -> Path:
    """Rename the journal and its write-ahead log, which belong together. Returns the new name.

    Goes on where a process died that had begun it. Afterwards ``take_salvaged`` ends it.
    """
    target = unfinished(path.parent)
    if target is None:
        target = _free_name(path)
        _write_note(path.with_name(SALVAGE), target.name)
    if target.exists():
        return target
    # The log first: a journal without its log would pass for an older one, a log without its journal for nothing.
    for suffix in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(target.with_name(target.name + suffix))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    return target


def take_salvaged(path: Path) -> None:
    """Give the salvaged file, if there is one, the journal's name ``path``; the note goes."""
    with contextlib.suppress(FileNotFoundError):
        path.with_name(SALVAGED).rename(path)
    path.with_name(SALVAGE).unlink(missing_ok=True)


def unfinished(folder: Path) -> Path | None:
    """Where a process was setting a damaged file aside to when it died; None: there is nothing to be ended."""
    try:
        name = (folder / SALVAGE).read_text(errors="replace")
    except OSError:
        return None
    # A note that a power loss cut off: nothing had been renamed by then.
    return folder / name if _NAME.fullmatch(name) else None


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = path.with_name(f"{path.name}.corrupt-{stamp}")
    count = 1
    while target.exists() or target.with_name(target.name + "-wal").exists():
        count += 1
        target = path.with_name(f"{path.name}.corrupt-{stamp}-{count}")
    return target


def _write_note(note: Path, text: str) -> None:
    descriptor = os.open(note, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        give_to_owner(descriptor, note.parent)
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
