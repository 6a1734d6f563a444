"""One exchange as one line: when, which, who, the model, what was asked and answered, how long, how fast, marks."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeGuard

from service.cli.screen import inert

if TYPE_CHECKING:
    from rich.text import Text

# Ids begin with the millisecond: so much of one nearly always names one exchange.
ID_CHARACTERS = 12
_SLOW_SECONDS = 10.0
_WAITED_SECONDS = 5.0
_OUTCOMES = {
    "refused": "refused",
    "client_left": "left",
    "upstream_unreachable": "no Ollama",
    "upstream_timed_out": "silent",
    "upstream_broke_off": "broke off",
    "gateway_stopped": "stopped",
    "gateway_died": "killed",
}
_LEAST_TEXT = 8
# With less room than this for both, a few letters of each would say nothing.
_LEAST_FOR_BOTH = 16
# Below these widths there is no model, and nobody who asked: what was asked and the marks say more.
_NARROW, _NARROWEST = 76, 56
_WIDE = 130
_WIDEST = 150


def row(summary: Mapping[str, Any], width: int | None, today: datetime | None = None) -> "Text":
    """The line, cut to ``width`` cells (None: whole). ``today``: what is of that day has no date."""
    from rich.text import Text

    before, after = _before(summary, width, today), _after(summary, width)
    line = Text()
    for text, size, style in before:
        line.append(_cell(text, size, cuts=width is not None), style)
        line.append(" ")
    room = (
        None if width is None else max(_LEAST_TEXT, width - line.cell_len - sum(abs(size) + 1 for _, size, _ in after))
    )
    line.append_text(_said(summary, room))
    for text, size, style in after:
        line.append(" ")
        line.append(_cell(text, size, cuts=width is not None), style)
    line.rstrip()
    if width is not None:
        line.truncate(width, overflow="ellipsis")
    return line


# A text, its cells (negative: it stands at their right end), and its style.
_Cell = tuple[str, int, str]


def _before(summary: Mapping[str, Any], width: int | None, today: datetime | None) -> list[_Cell]:
    is_wide = width is None or width >= _WIDE
    has_date = today is None or width is None or width >= _WIDEST
    cells = [
        (moment(summary.get("time"), None if has_date else today), 14 if has_date else 8, "cyan"),
        (inert(str(summary.get("exchange", "")))[:ID_CHARACTERS], ID_CHARACTERS, "dim"),
    ]
    if width is None or width >= _NARROWEST:
        cells.append((who(summary), 20 if is_wide else 9, "bold"))
    if width is None or width >= _NARROW:
        cells.append((inert(str(summary.get("model", "–"))), 14 if is_wide else 9, "blue"))
    if is_wide:
        cells.append((inert(str(summary.get("operation", "–"))), 8, ""))
    return cells


def _after(summary: Mapping[str, Any], width: int | None) -> list[_Cell]:
    is_wide = width is None or width >= _WIDE
    took, rate = summary.get("request_time"), summary.get("tokens_per_second")
    cells = [(brief(took) if is_number(took) else "–", -6, "")]
    if is_wide:
        cells.append((f"{rate:,.0f} tok/s" if is_number(rate) else "", -9, "dim"))
    said, style = marks(summary)
    cells.append((said, 9, style) if is_wide else (said.removeprefix("error "), 7, style))
    return cells


def _said(summary: Mapping[str, Any], room: int | None) -> "Text":
    """The prompt's first words and the answer's, both in sight where there is ``room`` for so many cells."""
    from rich.cells import cell_len
    from rich.text import Text

    prompt, answer = inert(str(summary.get("prompt", ""))) or "–", inert(str(summary.get("answer", "")))
    error = "" if answer else inert(str(summary.get("error", "")))
    if room is not None and room < _LEAST_FOR_BOTH:
        answer, error = "", ""
    arrow = " → " if answer or error else ""
    if room is not None and arrow:
        share = max(room // 2, room - 3 - cell_len(answer or error))
        prompt = _cell(prompt, min(share, cell_len(prompt)))
    said = Text(prompt).append(arrow, "dim").append(answer or error, "green" if answer else "red")
    if room is not None:
        said.truncate(room, overflow="ellipsis", pad=True)
    return said


def marks(summary: Mapping[str, Any]) -> tuple[str, str]:
    """What is worth noticing, in a word or two, and its style."""
    said: list[tuple[str, str]] = []
    outcome, status = summary.get("outcome", "completed"), summary.get("status")
    if outcome != "completed":
        text = _OUTCOMES.get(str(outcome), inert(str(outcome)))
        said.append((text, "yellow" if outcome == "client_left" else "bold red"))
    elif summary.get("failed"):
        said.append((f"error {status}" if isinstance(status, int) and status >= 400 else "error", "bold red"))
    if summary.get("prompt_truncated"):
        said.append(("cut", "magenta"))
    took, waited = summary.get("request_time"), summary.get("wait_time")
    if is_number(waited) and waited >= _WAITED_SECONDS:
        said.append(("waited", "yellow"))
    elif is_number(took) and took >= _SLOW_SECONDS:
        said.append(("slow", "yellow"))
    return " ".join(text for text, _ in said), said[0][1] if said else ""


def who(summary: Mapping[str, Any]) -> str:
    """Who asked: workflow and node, or the caller, or the user."""
    names = [str(summary[key]) for key in ("workflow", "workflow_id", "caller", "user") if summary.get(key)]
    node = summary.get("node")
    return inert(f"{names[0]} › {node}" if names and node else names[0] if names else str(node or "–"))


def moment(text: Any, today: datetime | None = None) -> str:
    """A record's time in this machine's zone: ``11-21 08:30:12``; ``today``: the time, or another day's date."""
    try:
        local = datetime.fromisoformat(str(text)).astimezone()
    except (ValueError, OverflowError):
        return "–"
    if today is None:
        return f"{local:%m-%d %H:%M:%S}"
    return f"{local:%H:%M:%S}" if local.date() == today.date() else f"{local:%m-%d}"


def brief(seconds: float) -> str:
    """At most six characters: ``746ms``, ``4.5s``, ``41s``, ``6m40s``, ``3h05m``."""
    if seconds < 0.9995:
        return f"{max(0.0, seconds) * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 99.5:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m" if minutes < 6000 else f"{minutes // 1440}d"


def _cell(text: str, size: int, *, cuts: bool = True) -> str:
    from rich.cells import cell_len, set_cell_size

    room = abs(size)
    if cuts and cell_len(text) > room:
        return set_cell_size(text, room - 1) + "…"
    blanks = " " * (room - cell_len(text))
    return blanks + text if size < 0 else text + blanks


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a line's value is one, as it should be."""
    return isinstance(value, int | float) and not isinstance(value, bool)
