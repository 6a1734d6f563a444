"""What is written to a terminal or a pipe. Whatever was recorded is text there, and no command to the terminal."""

import functools
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from service.record.characters import ON_TERMINALS, as_class

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_LINE_END = re.compile("\r\n?|\x85|\u2028|\u2029")
_PIPE_CELLS = 160
_TAB = "    "


def inert(text: str, *, keeps_lines: bool = False) -> str:
    """``text`` with all that a terminal would obey made visible: ESC as ``␛``, others as their code point.

    With ``keeps_lines`` lines end where they did and tabs are blanks; else line ends are ``␊`` too.
    """
    if text.isascii() and text.isprintable():
        return text
    if keeps_lines:
        text = _LINE_END.sub("\n", text)
        return "\n".join(_trouble().sub(_visible, line.replace("\t", _TAB)) for line in text.split("\n"))
    return _trouble().sub(_visible, text)


@functools.cache
def _trouble() -> "re.Pattern[str]":
    # Compiled for the first text that needs a look: that takes as long as loading ten modules.
    return re.compile(f"[{as_class(ON_TERMINALS)}]")


def _visible(found: "re.Match[str]") -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


def console(*, to_stderr: bool = False) -> "Console":
    """Where to print. Colours only on a terminal, and not with NO_COLOR; text that is printed is never markup."""
    from rich.console import Console

    screen = Console(stderr=to_stderr, highlight=False, markup=False, emoji=False)
    if not screen.is_terminal:
        # Programs and files take whole lines.
        screen.soft_wrap = True
        screen.width = _PIPE_CELLS
    return screen


def say_table(table: "Table") -> None:
    """``table`` to standard output; into a file or a pipe without the blanks that fill its last column."""
    screen = console()
    if screen.is_terminal:
        screen.print(table)
        return
    with screen.capture() as written:
        screen.print(table)
    click.echo("\n".join(line.rstrip() for line in written.get().split("\n")), nl=False)


def say_json(value: Any, *, indent: int | None = None) -> None:
    """``value`` as JSON, one line (or ``indent``). To a terminal in ASCII, so that no text in it is obeyed."""
    text = json.dumps(value, ensure_ascii=sys.stdout.isatty(), indent=indent, default=str)
    # JSON has a form for lone surrogates, UTF-8 has none.
    click.echo(text.encode("utf-8", "backslashreplace"))


def note(message: str) -> None:
    """One line to standard error: about the work, not its result."""
    click.echo(inert(message), err=True)


@contextmanager
def working(what: str, total: int | None = None) -> Iterator["Advance"]:
    """A progress bar on standard error while the block runs; nothing where that is no terminal."""
    if not sys.stderr.isatty():
        yield Advance(None)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(to_stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield Advance(lambda done, of: progress.update(task, completed=done, total=total if of is None else of))


class Advance:
    """Moves a progress bar; called often, it draws a few times a second."""

    def __init__(self, show: Any) -> None:
        self._show = show
        self._done = 0

    def to(self, done: int, total: int | None = None) -> None:
        """So much is done (of ``total``, where that is only known now)."""
        self._done = done
        if self._show is not None:
            self._show(done, total)

    def over(self, items: Iterable[Any]) -> Iterator[Any]:
        """``items``, each of them one step."""
        for position, item in enumerate(items, 1):
            yield item
            if self._show is not None and position % 100 == 0:
                self.to(position)
