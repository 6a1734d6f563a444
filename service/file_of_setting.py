"""The text of a file that a setting names."""

import os
import stat
from pathlib import Path
from typing import Final

_LONGEST: Final = 1 << 20


def read_file_of_setting(path: Path) -> str:
    """Its UTF-8 text. Raises ValueError, in a sentence without the path, when it cannot be had.

    It never waits: whoever puts a pipe in the file's place must not keep the recorder from going on, or from ending.
    """
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError("it is no file")
            held = file.read(_LONGEST + 1)
    except OSError as trouble:
        raise ValueError(f"it cannot be read: {trouble.strerror}") from None
    if len(held) > _LONGEST:
        raise ValueError("it is longer than 1 MiB")
    try:
        # Editors of Windows write a mark first. It would be a part of the first name.
        return held.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
