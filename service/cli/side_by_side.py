"""Two exchanges side by side on a screen: the words of their answers that differ, and their numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.cli.screen import console, inert, say_table
from service.record.answer_words import answer_of, words_of

if TYPE_CHECKING:
    from service.record.record import Record


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its record, empty where there is none, and the seconds of each phase by its name."""

    record: "Record"
    phases: Mapping[str, float]


def side_of(document: Mapping[str, Any]) -> Side:
    """One side, from ``/exchanges/ID.json``: the phases as ``show`` tells them, as a record leaves short waits out."""
    from service.record.record import record_of

    phases = document.get("explanation", {}).get("phases", ())
    return Side(record_of(document.get("record", {})), {phase["name"]: phase["seconds"] for phase in phases})


def show_both(old: Side, new: Side, titles: tuple[str, str] = ("old", "new")) -> None:
    """Print both. ``titles``: what they are called."""
    from rich.text import Text

    from service.cli.word_diff import difference, drawn, likeness

    screen = console()
    sides = zip(titles, (old, new), strict=True)
    without = [name for name, side in sides if side.record.failed and not words_of(side.record)]
    pieces = difference(answer_of(old.record), answer_of(new.record))
    screen.print()
    if without:
        # An error's words beside those of an answer would look like the answer.
        failed = "both calls failed" if len(without) == 2 else f"the {without[0]} call failed"
        screen.print(Text(f"── nothing to compare: {failed}, and left no answer", "bold"))
    elif pieces:
        is_same = all(kind == "same" for kind, _ in pieces)
        # One other word at the end of a long answer is no 100 %.
        percent = 100 if is_same else min(99, round(100 * likeness(pieces)))
        screen.print(Text(f"── {titles[0]} and {titles[1]} answer: {percent} % of the words are the same", "bold"))
        screen.print(drawn(pieces, has_colours=screen.color_system is not None and not screen.no_color))
    else:
        # Embeddings, for instance.
        screen.print(Text("── neither answer has words", "bold"))
    screen.print()
    say_table(_side_by_side(old, new, titles))


def _side_by_side(old: Side, new: Side, titles: tuple[str, str]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from service.cli.exchange_line import ID_CHARACTERS

    table = Table.grid(padding=(0, 2))
    table.add_row("", *(Text(title, "bold") for title in titles))
    table.add_row("exchange", *(inert(side.record.exchange or "–")[:ID_CHARACTERS] for side in (old, new)))
    for name, read in _ROWS:
        texts = read(old), read(new)
        if any(texts):
            table.add_row(Text(name, "dim"), *(Text(inert(text) or "–") for text in texts))
    return table


def _seconds(value: float | None) -> str:
    from service.cli.exchange_line import brief

    return "" if value is None else brief(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,}"


_ROWS: tuple[tuple[str, Callable[[Side], str]], ...] = (
    ("model", lambda side: side.record.model or ""),
    ("seconds", lambda side: _seconds(side.record.request_time)),
    ("  sending", lambda side: _seconds(side.record.upload_time)),
    ("  waiting", lambda side: _seconds(side.phases.get("wait"))),
    ("  prompt", lambda side: _seconds(side.phases.get("prompt"))),
    ("  generating", lambda side: _seconds(side.phases.get("generation"))),
    ("tokens in", lambda side: _number(side.record.prompt_tokens)),
    ("tokens out", lambda side: _number(side.record.completion_tokens)),
    ("tokens/s", lambda side: _number(side.record.tokens_per_second)),
)
"""The names of the rows, and what each holds of a side; empty where that is not known."""
