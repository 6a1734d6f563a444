"""The phases of an exchange as bars, each where and as long as it was."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from service.cli.rows import brief, is_number
from service.cli.screen import inert

if TYPE_CHECKING:
    from rich.text import Text

    from service.record.explanation import Phase

_CELLS = 40
_EIGHTHS = "▏▎▍▌▋▊▉█"
_STYLES = {"wait": "yellow", "prompt": "blue", "generation": "green", "sending": "magenta"}


def bars(phases: "Sequence[Phase]", total: Any) -> "list[Text]":
    """One line a phase, on a scale of ``total`` seconds (or to the end of the last, where that is not known)."""
    from rich.text import Text

    end = max((phase.begins + phase.seconds for phase in phases), default=0.0)
    whole = max(end, float(total) if is_number(total) else 0.0)
    if whole <= 0:
        return []
    lines = []
    for phase in phases:
        bar = _bar(phase.begins / whole, phase.seconds / whole)
        line = (
            Text(f"{phase.name:<10} ").append(bar, _STYLES[phase.name]).append(f" {brief(phase.seconds):>6}  ", "bold")
        )
        lines.append(line.append(inert(phase.text), "dim"))
    return lines


def _bar(begins: float, share: float) -> str:
    """A bar of at least an eighth of a cell, in ``_CELLS`` cells; it begins on a whole cell."""
    first = min(_CELLS - 1, int(begins * _CELLS))
    eighths = max(1, min(round(share * _CELLS * 8), (_CELLS - first) * 8))
    cells = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8 - 1] if eighths % 8 else "")
    return (" " * first + cells).ljust(_CELLS)
