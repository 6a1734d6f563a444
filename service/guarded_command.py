"""What every command has around it: Ctrl-C ends it without a traceback, and so does a disk that is full."""

import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_CANNOT_BE_WRITTEN: Final = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""What a full or broken disk says to whoever prints into a file on it."""


def run_guarded(command: Callable[[], object]) -> None:
    """Run ``command``, which decides itself about Ctrl-C once it has begun."""
    for stream in (sys.stdout, sys.stderr):
        # What was recorded may hold what a terminal's encoding, or no encoding at all, has a place for.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        with contextlib.suppress(ValueError):  # not the main thread, which alone gets signals
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except OSError as trouble:
        if trouble.errno not in _CANNOT_BE_WRITTEN:
            raise
        # What could not be written would be tried once more when Python ends, with a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"The result cannot be written: {trouble.strerror}.\n")
        sys.exit(1)
