"""One exchange as one line: when, which, who, the model, what was asked and answered, how long, how fast, marks."""

from datetime import datetime
from typing import TYPE_CHECKING

from service.cli.screen import inert
from service.record.exchange import Outcome
from service.record.outcomes import OUTCOMES

if TYPE_CHECKING:
    from service.record.record import Record

# Ids begin with the millisecond: so much of one nearly always names one exchange.
ID_CHARACTERS = 12
_SLOW_SECONDS = 10.0
_WAITED_SECONDS = 5.0
_OUTCOMES: dict[str, str] = {one.outcome: one.brief for one in OUTCOMES}
# The longest of a single mark: "cancelled", "error 404", and what outcomes are called in brief.
_MARKS_CELLS = 9
# "12,345 tok/s": small models write thousands of tokens a second.
_RATE_CELLS = 12
_LEAST_TEXT = 8
_MOST_BEFORE = 12
_ARROW = " → "
# What is not ASCII in most lines, as it stands between names.
_ONE_CELL = str.maketrans(dict.fromkeys("–›→…", "-"))
# With less room than this for both, a few letters of each would say nothing.
_LEAST_FOR_BOTH = 15
# Below these widths there is no model, and nobody who asked: what was asked and the marks say more.
_NARROW, _NARROWEST = 76, 56
_MIDDLING, _WIDE = 100, 130
# Cells of who asked and of the model: what tells two apart often stands at their ends.
_SHORT_NAMES, _NAMES, _WIDE_NAMES = (11, 10), (18, 14), (20, 14)
_ROOM_FOR_BOTH = 16
_STEP = " › "
_BRIEF_PARTS = {
    "system prompt": "system",
    "earlier question": "earlier",
    "earlier answer": "earlier",
    "call of a tool": "tool",
    "result of a tool": "tool",
    "tools or parameters": "tools",
}
_WIDEST = 150


def row(
    record: "Record", words: tuple[str, str], width: int | None, today: datetime | None = None
) -> list[tuple[str, str]]:
    """The line in pieces, cut to ``width`` cells (None: whole). ``words``: the first of the prompt and of the answer.

    What is of the day ``today`` has no date.
    """
    before, after = _before(record, width, today), _after(record, width)
    line: list[tuple[str, str]] = []
    for text, size, style in before:
        line += [(_cell(text, size, cuts=width is not None), style), (" ", "")]
    if width is None:
        line += _both_sides(record, words, width)
    else:
        taken = sum(_cells(text) for text, _ in line) + sum(abs(size) + 1 for _, size, _ in after)
        line += _fitting_sides(record, words, width, max(_LEAST_TEXT, width - taken))
    for text, size, style in after:
        line += [(" ", ""), (_cell(text, size, cuts=width is not None), style)]
    while line and not (text := line[-1][0].rstrip()):
        line.pop()
    if line:
        line[-1] = text, line[-1][1]
    return line if width is None else _cut(line, width)


# A text, its cells (negative: it stands at their right end), and its style.
_Cell = tuple[str, int, str]


def _before(record: "Record", width: int | None, today: datetime | None) -> list[_Cell]:
    is_wide = width is None or width >= _WIDE
    has_date = today is None or width is None or width >= _WIDEST
    cells = [
        (moment(record.time, None if has_date else today), 14 if has_date else 8, "cyan"),
        (inert(record.exchange or "")[:ID_CHARACTERS], ID_CHARACTERS, "dim"),
    ]
    names = _WIDE_NAMES if is_wide else _NAMES if width is not None and width >= _MIDDLING else _SHORT_NAMES
    if width is None or width >= _NARROWEST:
        name = who(record)
        cells.append((name if width is None else _short_caller(name, names[0]), names[0], "bold"))
    if width is None or width >= _NARROW:
        model = inert(record.model or "–")
        cells.append((model if width is None else _both_ends(model, names[1]), names[1], "blue"))
    if is_wide:
        cells.append((inert(record.operation or "–"), 8, ""))
    return cells


def _after(record: "Record", width: int | None) -> list[_Cell]:
    is_wide = width is None or width >= _WIDE
    took, rate = record.request_time, record.tokens_per_second
    cells = [("–" if took is None else brief(took), -6, "")]
    if is_wide:
        cells.append(("" if rate is None else f"{rate:,.0f} tok/s", -_RATE_CELLS, "dim"))
    noticed = _noticed(record)
    if width is not None:
        noticed = _fitting([(text if is_wide else text.removeprefix("error "), style) for text, style in noticed])
    cells.append((" ".join(text for text, _ in noticed), _MARKS_CELLS, noticed[0][1] if noticed else ""))
    return cells


def _fitting(noticed: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of the marks as many as have room; half a one, such as ``error 40…``, would say something else."""
    while len(noticed) > 1 and sum(len(text) + 1 for text, _ in noticed) - 1 > _MARKS_CELLS:
        noticed = noticed[:-1]
    return noticed


def _both_sides(record: "Record", words: tuple[str, str], width: int | None) -> list[tuple[str, str]]:
    """The first words of the prompt, an arrow, and those of the answer or the error, each with its style.

    What has no prompt, as a list of models, is named by its operation where that has no column of its own.
    """
    prompt, answer = inert(words[0]), inert(words[1])
    is_named = not prompt and width is not None and width < _WIDE and bool(record.operation)
    prompt = prompt or (inert(record.operation or "") if is_named else "") or "–"
    error = "" if answer else inert(record.error or "")
    sides = [(prompt, "dim" if is_named else "")]
    if answer or error:
        sides += [(_ARROW, "dim"), (answer or error, "green" if answer else "red")]
    return sides


def _fitting_sides(record: "Record", words: tuple[str, str], width: int, room: int) -> list[tuple[str, str]]:
    """The same in exactly ``room`` cells, both in sight where that is enough for both."""
    sides = _both_sides(record, words, width)
    if room < _LEAST_FOR_BOTH:
        del sides[1:]
    if len(sides) > 1:
        prompt, answer = sides[0][0], sides[-1][0]
        share = max(room // 2, room - len(_ARROW) - _cells(answer))
        sides[0] = (_cell(prompt, min(share, _cells(prompt))), sides[0][1])
    sides = _cut(sides, room)
    return [*sides, (" " * (room - sum(_cells(text) for text, _ in sides)), "")]


def found_words(record: "Record", text: str, width: int | None) -> tuple[str, str] | None:
    """In place of the first words, where those of a search stand, and the first of the answer; None: nowhere."""
    from service.record.conversation import opening
    from service.search.search_hits import find_hit

    hit = find_hit(record, text)
    if hit is None:
        return None
    # What was found has to be in sight.
    is_narrow = width is not None and width < _MIDDLING
    most_before = 1 if is_narrow else _MOST_BEFORE
    before = hit.before if len(hit.before) <= most_before else "…" + hit.before[len(hit.before) + 1 - most_before :]
    answer = "" if is_narrow or hit.part == "answer" else opening(record)[1]
    part = _BRIEF_PARTS.get(hit.part, hit.part) if is_narrow else hit.part
    return f"{part}: {before}{hit.found}{hit.after}", answer


def _cut(line: list[tuple[str, str]], room: int) -> list[tuple[str, str]]:
    """As much of ``line`` as ``room`` cells hold; what was cut ends with an ellipsis."""
    fitting: list[tuple[str, str]] = []
    if sum(_cells(text) for text, _ in line) <= room:
        return line
    for text, style in line:
        cells = _cells(text)
        if cells >= room:
            return [*fitting, (_cell(text + " ", room), style)]
        fitting.append((text, style))
        room -= cells
    return fitting


def marks(record: "Record") -> tuple[str, str]:
    """What is worth noticing, in a word or two, and its style."""
    noticed = _noticed(record)
    return " ".join(text for text, _ in noticed), noticed[0][1] if noticed else ""


def _noticed(record: "Record") -> list[tuple[str, str]]:
    noticed: list[tuple[str, str]] = []
    outcome, status = record.outcome or Outcome.COMPLETED, record.status or 0
    if outcome == Outcome.CLIENT_LEFT and record.failed is False:
        noticed.append(("cancelled", "dim"))
    elif outcome != Outcome.COMPLETED:
        text = _OUTCOMES.get(outcome, inert(outcome))
        noticed.append((text, "yellow" if outcome == Outcome.CLIENT_LEFT else "bold red"))
    elif record.failed:
        noticed.append((f"error {status}" if status >= 400 else "error", "bold red"))
    if record.prompt_truncated:
        noticed.append(("cut", "magenta"))
    if (record.wait_time or 0.0) >= _WAITED_SECONDS:
        noticed.append(("waited", "yellow"))
    elif (record.request_time or 0.0) >= _SLOW_SECONDS:
        noticed.append(("slow", "yellow"))
    return noticed


def who(record: "Record") -> str:
    """Who asked: workflow and node, or the caller and its own task, or the user."""
    name, node = record.workflow or record.workflow_id or record.caller or record.user, record.node or record.task
    return inert(f"{name}{_STEP}{node}" if name and node else name or node or "–")


def _short_caller(name: str, room: int) -> str:
    """Both ends of a workflow and of its node in ``room`` cells, or of a name alone."""
    workflow, step, node = name.partition(_STEP)
    if not step or _cells(name) <= room:
        return _both_ends(name, room)
    # Without blanks around the sign, so that more of both is seen.
    of_workflow = min(_cells(workflow), max((room - 1) // 2 + 1, room - 1 - _cells(node)))
    if room < _ROOM_FOR_BOTH and _cells(workflow) <= room - 3:
        # Half a word of each would say less.
        of_workflow = _cells(workflow)
    return f"{_both_ends(workflow, of_workflow)}›{_both_ends(node, room - 1 - of_workflow)}"


def _both_ends(text: str, room: int) -> str:
    """``text`` in ``room`` cells: where it is longer, its middle is left out."""
    if _cells(text) <= room:
        return text
    ending = _ending(text, room // 2)
    return f"{_beginning(text, room - 1 - _cells(ending))}…{ending}"


def moment(text: str | None, today: datetime | None = None) -> str:
    """A record's time in this machine's zone: ``11-21 08:30:12``; ``today``: the time, or another day's date."""
    try:
        local = datetime.fromisoformat(text or "").astimezone()
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
    room, cells = abs(size), _cells(text)
    if cuts and cells > room:
        return _beginning(text, room - 1) + "…"
    blanks = " " * (room - cells)
    return blanks + text if size < 0 else text + blanks


def _cells(text: str) -> int:
    """How many cells of a terminal ``text`` takes. Nothing in it is a control character."""
    if text.translate(_ONE_CELL).isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _ending(text: str, room: int) -> str:
    """As much of the end of ``text`` as ``room`` cells hold."""
    start = len(text)
    while start and _cells(text[start - 1 :]) <= room:
        start -= 1
    return text[start:]


def _beginning(text: str, room: int) -> str:
    """As much of ``text`` as ``room`` cells hold, filled up where half a character would be left."""
    if text.translate(_ONE_CELL).isascii():
        return text[:room]
    from rich.cells import set_cell_size

    return set_cell_size(text, room)
