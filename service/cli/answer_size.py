"""An answer that fits: long texts and lists are cut in the middle, until all of it together is short enough."""

import json
from typing import Any, Final

# Characters of a text and entries of a list, one step after the other: what is cut first is what is longest.
_STEPS: Final = ((20_000, 200), (5_000, 100), (1_500, 60), (400, 30), (120, 12), (40, 6))
_DEEPEST: Final = 40


def fit(values: dict[str, Any], most: int) -> dict[str, Any]:
    """``values``, which JSON can hold, in at most ``most`` characters of it; what is left out is told where it was."""
    for text, entries in _STEPS:
        cut = {name: _cut(value, text, entries, _DEEPEST) for name, value in values.items()}
        if len(json.dumps(cut, default=str)) <= most:
            return cut
    return {"problem": "This is too much for one answer. Ask for less, or open it on the recorder's page."}


def _cut(value: Any, text: int, entries: int, depth: int) -> Any:
    if isinstance(value, str):
        return _shorten(value, text)
    if depth == 0:
        return "…" if isinstance(value, dict | list | tuple) else value
    if isinstance(value, dict):
        kept = [(_shorten(str(name), text), _cut(inner, text, entries, depth - 1)) for name, inner in value.items()]
        return dict(kept[:entries]) | ({"…": f"{len(kept) - entries} more"} if len(kept) > entries else {})
    if isinstance(value, list | tuple):
        begin, end = _ends(len(value), entries)
        kept_entries = [_cut(inner, text, entries, depth - 1) for inner in (*value[:begin], *value[end:])]
        if end > begin:
            kept_entries.insert(begin, f"… {end - begin} more …")
        return kept_entries
    return value


def _shorten(text: str, most: int) -> str:
    begin, end = _ends(len(text), most)
    return text if begin == end else f"{text[:begin]} … {end - begin:,} characters left out … {text[end:]}"


def _ends(length: int, most: int) -> tuple[int, int]:
    """Where what is left out begins and ends: both ends stay, as the last words matter like the first."""
    return (length, length) if length <= most else ((most + 1) // 2, length - most // 2)
