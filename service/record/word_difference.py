"""What differs between two texts, in words."""

import re
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Literal

Kind = Literal["same", "gone", "new"]
# Words with the blanks between them; in scripts that are written without blanks, characters.
_WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W_]+(?:['’][^\W_]+)*|\s+|[^\w\s]|_", re.UNICODE)
# Comparing takes up to the product of both lengths, in bits: longer texts are compared line by line.
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
    """Along a longest common subsequence: whatever the texts hold, it takes no more than the product of their lengths.

    The standard library's SequenceMatcher takes the square of that where few words come back often, as in JSON.
    """
    if len(one) > len(other):
        swapped: dict[Kind, Kind] = {"same": "same", "gone": "new", "new": "gone"}
        return [(swapped[kind], text) for kind, text in _compared(other, one)]
    pieces: list[tuple[Kind, str]] = []
    i, j = len(one), len(other)
    rows = _rows(one, other)
    while i or j:
        if i and j and one[i - 1] == other[j - 1]:
            i, j = i - 1, j - 1
            pieces.append(("same", one[i]))
        elif j and (not i or not rows[j] >> (i - 1) & 1):
            j -= 1
            pieces.append(("new", other[j]))
        else:
            i -= 1
            pieces.append(("gone", one[i]))
    return [(kind, "".join(text for _, text in run)) for kind, run in groupby(reversed(pieces), key=itemgetter(0))]


def _rows(one: Sequence[str], other: Sequence[str]) -> list[int]:
    """For each beginning of ``other`` the word positions of ``one`` at which their common subsequence grows no longer.

    Such a position is a bit that is set. After Hyyrö, "Bit-Parallel LCS-length Computation Revisited" (2004).
    """
    at: dict[str, int] = {}
    for position, word in enumerate(one):
        at[word] = at.get(word, 0) | 1 << position
    every = (1 << len(one)) - 1
    row, rows = every, [every]
    for word in other:
        longer = row & at.get(word, 0)
        row = (row + longer | row - longer) & every
        rows.append(row)
    return rows


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
