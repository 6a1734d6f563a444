"""What lines of exchanges need of a terminal: whether there is one, its width, and colours as it knows them.

Rich does this and far more, and takes longer to load than a list takes to be read and written.
"""

import os
import sys
from collections.abc import Iterable
from typing import TextIO

Pieces = Iterable[tuple[str, str]]
"""A line in pieces: a text that is inert, and its style, a few words of ``_CODES``."""

_CODES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}
_FIRST_COLOUR = 30
_USUAL_COLUMNS = 80


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether ``stream`` (standard output) shows colours. TTY_COMPATIBLE=0 or 1, or FORCE_COLOR decide before it."""
    answer = os.environ.get("TTY_COMPATIBLE", "")
    if answer in ("0", "1"):
        return answer == "1"
    return bool(os.environ.get("FORCE_COLOR")) or (stream or sys.stdout).isatty()


def columns() -> int:
    """How many cells a line has now: a terminal may be made wider or narrower at any time."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None and (found := os.get_terminal_size(stream.fileno()).columns):
                return found
        except (OSError, ValueError):
            continue
    return _USUAL_COLUMNS


def plain(pieces: Pieces) -> str:
    """The line without styles."""
    return "".join(text for text, _ in pieces)


def styled(pieces: Pieces) -> str:
    """The line for a terminal. NO_COLOR leaves bold and dim; a terminal that knows no codes gets none."""
    if os.environ.get("TERM", "") in ("dumb", "unknown") and not os.environ.get("FORCE_COLOR"):
        return plain(pieces)
    most = _FIRST_COLOUR if os.environ.get("NO_COLOR") else 100
    return "".join(_coded(text, style, most) for text, style in pieces)


def _coded(text: str, style: str, most: int) -> str:
    codes = ";".join(str(code) for word in style.split() if (code := _CODES[word]) < most)
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text
