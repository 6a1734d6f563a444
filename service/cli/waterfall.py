"""The phases of an exchange as bars, each where and as long as it was."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.cli.exchange_line import brief
from service.cli.screen import inert

if TYPE_CHECKING:
    from rich.text import Text

    from service.record.explanation import Phase

_CELLS, _FEWEST_CELLS = 40, 12
# The name of a phase, how long it took, and the blanks around them.
_BESIDE = 20
_EIGHTHS = "▏▎▍▌▋▊▉█"
_STYLES = {"queue": "red", "wait": "yellow", "prompt": "blue", "generation": "green", "sending": "magenta"}


def bars(phases: "Sequence[Phase]", total: float | None, width: int | None = None) -> "list[Text]":
    """One line a phase, on a scale of ``total`` seconds (or to the end of the last, where that is not known).

    In a terminal of ``width`` cells the bars give way to the words beside them, down to ``_FEWEST_CELLS``.
    """
    from rich.cells import cell_len
    from rich.text import Text

    end = max((phase.begins + phase.seconds for phase in phases), default=0.0)
    whole = max(end, total or 0.0)
    if whole <= 0:
        return []
    cells = _CELLS
    if width is not None:
        words = max(cell_len(phase.text) for phase in phases)
        cells = max(_FEWEST_CELLS, min(_CELLS, width - _BESIDE - words))
    lines = []
    for phase in phases:
        bar = _bar(phase.begins / whole, phase.seconds / whole, cells)
        line = (
            Text(f"{phase.name:<10} ").append(bar, _STYLES[phase.name]).append(f" {brief(phase.seconds):>6}  ", "bold")
        )
        lines.append(line.append(inert(phase.text), "dim"))
    return lines


def _bar(begins: float, share: float, size: int) -> str:
    """A bar of at least an eighth of a cell, in ``size`` cells; it begins on a whole cell."""
    first = min(size - 1, int(begins * size))
    eighths = max(1, min(round(share * size * 8), (size - first) * 8))
    drawn = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8 - 1] if eighths % 8 else "")
    return (" " * first + drawn).ljust(size)
