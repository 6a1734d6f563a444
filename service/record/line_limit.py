"""One JSON line within its limit: strict JSON, nothing in it that changes how a terminal shows it."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from service.json_writing import write_json
from service.record.bodies import document, left_out
from service.record.characters import IN_LINES, as_pattern_of_utf8
from service.record.json_cut import cut_json

LINE_BYTES = 240_000
_JSON_TEXTS = frozenset({"request_body", "tool_calls"})
_UNSAFE = re.compile(as_pattern_of_utf8(IN_LINES))


def encode(facts: Mapping[str, Any]) -> bytes:
    """``facts`` as one line of JSON, whatever characters its texts hold."""
    try:
        line = write_json(facts)
    except TypeError:
        line = write_json({key: _storable(value) for key, value in facts.items()})
    return _escaped(line)


def _storable(value: Any) -> Any:
    """Texts may hold lone surrogates: from JSON escapes, or from header bytes that are no UTF-8."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def _escaped(line: bytes) -> bytes:
    if line.isascii():
        return line.replace(b"\x7f", b"\\u007f") if 0x7F in line else line
    return _UNSAFE.sub(_escape, line)


@cache
def _escape_of(character: bytes) -> bytes:
    return b"\\u%04x" % ord(character.decode())


def _escape(match: "re.Match[bytes]") -> bytes:
    return _escape_of(match[0])


def fit(facts: dict[str, Any], long_texts: tuple[str, ...], limit: int = LINE_BYTES) -> tuple[dict[str, Any], set[str]]:
    """Cut the ``long_texts`` of ``facts`` in their middle until the line fits; and which ones were cut.

    Short texts stay whole; the room that they leave goes to the longer ones.
    """
    texts = {key: facts[key] for key in long_texts if key in facts}
    fixed = len(encode({key: value for key, value in facts.items() if key not in texts}))
    # Each text also takes its key, quotes, a comma and a colon; and two flags may be added.
    room = limit - fixed - sum(len(key) + 6 for key in texts) - 100
    sizes = {key: _size(text, limit) for key, text in texts.items()}
    cut: dict[str, str] = {}
    for number, key in enumerate(sorted(sizes, key=lambda key: sizes[key])):
        share = room // (len(sizes) - number)
        if sizes[key] > share:
            cut[key] = _shortened_json(texts[key], share) if key in _JSON_TEXTS else shortened(texts[key], share)
            room -= share
        else:
            room -= sizes[key]
    return {key: cut.get(key, value) for key, value in facts.items()}, set(cut)


def _shortened_json(text: str, room: int) -> str:
    """``text`` in at most ``room`` bytes, as JSON where it is that, so that its readers still understand it."""
    head, tail = _both_ends(text, room)
    between = text[len(head) : len(text) - len(tail)]
    # Where no text ends in what is left out, it lies in a single one, and the rest is JSON as it was.
    if '"' not in between or between.count('"') == between.count('\\"'):
        cut = _joined(text, head, tail)
        if document(cut.encode("utf-8", "surrogatepass")) is not None:
            return cut
    found = cut_json(text, room)
    return found if found is not None and _size(found, room) <= room else _joined(text, head, tail)


def _size(text: str, enough: int) -> int:
    """The bytes that ``text`` takes in a line; no more is counted than ``enough``."""
    return len(encode({"": text[: enough + 1]})) - 7


def shortened(text: str, room: int) -> str:
    """The beginning and the end of ``text``, with a mark between them, in at most ``room`` bytes of JSON."""
    return _joined(text, *_both_ends(text, room))


def _both_ends(text: str, room: int) -> tuple[str, str]:
    half = max(0, room - 60) // 2
    return _part(text, half, from_end=False), _part(text, half, from_end=True)


def _joined(text: str, head: str, tail: str) -> str:
    return head + left_out(_bytes(text) - _bytes(head) - _bytes(tail)) + tail


def _part(text: str, room: int, *, from_end: bool) -> str:
    count = min(len(text), room)
    while count > 0:
        part = text[-count:] if from_end else text[:count]
        size = _size(part, count)
        if size <= room:
            return part
        count = count * room // size
    return ""


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "backslashreplace"))
