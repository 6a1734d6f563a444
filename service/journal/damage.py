"""Damage of the journal: what can be seen of it before SQLite is asked, and the note that tells the writer of it.

Whoever reads damage, in whichever process, leaves a note in ``journal.damaged``. The recorder looks for it every few
seconds and at each start. Then it sets the file aside and saves what can be read.
"""

import contextlib
import errno
import os
import sqlite3
import struct
from pathlib import Path
from typing import Final

from service.journal.file_pages import HEADER_BYTES, MAGIC
from service.journal.folder import DAMAGE, JOURNAL, give_to_owner
from service.journal.schema import APPLICATION_ID, PAGE_SIZE
from service.journal.write_ahead_log import read_log

_OUR_TABLE: Final = b"CREATE TABLE exchange("
# The map of pages begins on the second page, and the first entry is of a root.
_MAP_BEGINS: Final = b"\x01\0\0\0\0"
_LARGEST_LOG_CHECKED: Final = 64 << 20
_UTF_8: Final = 1


def note_damage(folder: Path, inode: int, reason: str) -> None:
    """Tell the writer that the journal with this ``inode`` is damaged. Does nothing where nothing may be written."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder / DAMAGE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            give_to_owner(descriptor, folder)
            os.write(descriptor, f"{inode} {reason}\n".encode("utf-8", "replace"))
        finally:
            os.close(descriptor)


def noted_damage(folder: Path) -> str | None:
    """Why the journal that is there now was found damaged; None when nobody has. A note of another file is removed."""
    try:
        inode, _, reason = (folder / DAMAGE).read_text(errors="replace").strip().partition(" ")
        if inode == str((folder / JOURNAL).stat().st_ino):
            return reason
    except OSError:
        return None
    forget_damage(folder)
    return None


def forget_damage(folder: Path) -> None:
    """The damaged file was set aside."""
    with contextlib.suppress(OSError):
        (folder / DAMAGE).unlink(missing_ok=True)


def damage_error(reason: str) -> sqlite3.DatabaseError:
    """An error as SQLite raises it for a damaged file."""
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT"
    return error


def visible_damage(path: Path) -> str | None:
    """What is wrong with the journal at ``path`` that SQLite would not say, or take for another program's file.

    None: nothing, or it is no journal at all. Raises OSError when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            first = file.read(PAGE_SIZE + len(_MAP_BEGINS))
            size = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return None
    if len(first) < HEADER_BYTES or _OUR_TABLE not in first:
        return None
    return _header_damage(first) or _length_damage(path, first, size)


def _header_damage(first: bytes) -> str | None:
    page_size, write_form, read_form, reserved, *fractions = struct.unpack_from(">HBBBBBB", first, 16)
    schema_form, _, largest_root, encoding, _, incremental, application = struct.unpack_from(">IIIIIII", first, 44)
    has_map = first[PAGE_SIZE:] == _MAP_BEGINS
    is_sound = (
        first.startswith(MAGIC)
        and (page_size == 1 or (page_size >= 512 and page_size & (page_size - 1) == 0))
        and {write_form, read_form} <= {1, 2}
        and (reserved, fractions) == (0, [64, 32, 32])
        and 1 <= schema_form <= 4
        and encoding == _UTF_8
        and application == APPLICATION_ID
        and not any(first[72:92])
        and (not has_map or (largest_root > 0 and incremental == 1))
    )
    return None if is_sound else "its first 100 bytes, which say what the file is, are damaged"


def _length_damage(path: Path, first: bytes, size: int) -> str | None:
    """A file that became shorter, and a log whose later commits lie behind a damaged frame."""
    (page_size,) = struct.unpack_from(">H", first, 16)
    page_size = 65536 if page_size == 1 else page_size
    with contextlib.suppress(FileNotFoundError):
        if path.with_name(path.name + "-wal").stat().st_size > _LARGEST_LOG_CHECKED:
            return None
    try:
        log = read_log(path.with_name(path.name + "-wal"))
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return "its write-ahead log cannot be read"
    if log is None:
        changes, pages, valid_for = *struct.unpack_from(">II", first, 24), struct.unpack_from(">I", first, 92)[0]
        is_shorter = changes == valid_for and pages * page_size != size
        return "it has another length than it should" if is_shorter else None
    log.close()
    in_file = size // page_size
    if any(number not in log.offsets for number in range(in_file + 1, log.page_count + 1)):
        return "it has another length than it should"
    return None if log.is_sound else "its write-ahead log is damaged in the middle"
