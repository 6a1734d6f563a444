"""What differs between two texts, in words."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "gone", "new"]
# Words with the blanks between them; in scripts that are written without blanks, characters.
_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)*|\s+|[^\w\s]|_", re.UNICODE)
# Comparing takes up to the product of both lengths: longer texts are compared line by line.
_MOST_COMPARISONS = 4_000_000


def difference(before: str, after: str) -> list[tuple[Kind, str]]:
    """The pieces of both texts in reading order; neighbours are of different kinds."""
    one, other = _WORD.findall(before), _WORD.findall(after)
    start = _common(one, other)
    end = _common(one[start:][::-1], other[start:][::-1])
    middle, changed = one[start : len(one) - end], other[start : len(other) - end]
    if len(middle) * len(changed) > _MOST_COMPARISONS:
        middle, changed = "".join(middle).splitlines(keepends=True), "".join(changed).splitlines(keepends=True)
    pieces: list[tuple[Kind, str]] = [("same", "".join(one[:start]))]
    if len(middle) * len(changed) > _MOST_COMPARISONS:
        pieces += [("gone", "".join(middle)), ("new", "".join(changed))]
    else:
        pieces += _compared(middle, changed)
    pieces.append(("same", "".join(one[len(one) - end :])))
    return _tidied(pieces)


def likeness(pieces: Sequence[tuple[Kind, str]]) -> float:
    """How much is the same: words in common over all words of both, 0 to 1; 1 for two empty texts."""
    counts = {"same": 0, "gone": 0, "new": 0}
    for kind, text in pieces:
        counts[kind] += sum(1 for word in _WORD.findall(text) if not word.isspace())
    total = 2 * counts["same"] + counts["gone"] + counts["new"]
    return 2 * counts["same"] / total if total else 1.0


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _compared(one: Sequence[str], other: Sequence[str]) -> list[tuple[Kind, str]]:
    pieces: list[tuple[Kind, str]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(("same", "".join(one[i1:i2])))
        else:
            pieces += [("gone", "".join(one[i1:i2])), ("new", "".join(other[j1:j2]))]
    return pieces


def _tidied(pieces: list[tuple[Kind, str]]) -> list[tuple[Kind, str]]:
    """Without empty pieces; what is the same by blanks alone between changes belongs to them."""
    tidied: list[tuple[Kind, str]] = []
    gone = new = ""
    for position, (kind, text) in enumerate(pieces):
        is_between = 0 < position < len(pieces) - 1 and (gone or new)
        if kind == "gone":
            gone += text
        elif kind == "new":
            new += text
        elif text and is_between and text.isspace():
            gone, new = gone + text, new + text
        elif text:
            tidied += _changes(gone, new)
            gone = new = ""
            tidied.append(("same", text))
    return tidied + _changes(gone, new)


def _changes(gone: str, new: str) -> list[tuple[Kind, str]]:
    changes: list[tuple[Kind, str]] = [("gone", gone), ("new", new)]
    return [change for change in changes if change[1]]
