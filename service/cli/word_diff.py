"""What differs between two texts, in words, as a screen shows it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.cli.screen import inert
from service.record.word_difference import Kind, difference, likeness

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ("difference", "drawn", "likeness")


def drawn(pieces: Sequence[tuple[Kind, str]], *, has_colours: bool) -> "Text":
    """The pieces in colours; without, as ``[-gone-]{+new+}``."""
    from rich.text import Text

    shown = Text()
    for kind, piece in pieces:
        text = inert(piece, keeps_lines=True)
        if kind == "same":
            shown.append(text)
        elif kind == "gone":
            shown.append(text if has_colours else f"[-{text}-]", "red strike")
        else:
            shown.append(text if has_colours else f"{{+{text}+}}", "green underline")
    return shown
