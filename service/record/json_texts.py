"""The texts that JSON holds, each as it is meant, and where it stands: ``\\u0040`` is found as ``@``.

Works on anything: a stream of JSON lines or events, JSON that was cut, what is no JSON. What is read as a string
there need not be one, so what lies between strings is looked at as well.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final

Replace = tuple[int, int, str]
"""From where to where, and what comes instead."""

_STRING: Final = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)', re.DOTALL)
_ESCAPE: Final = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\(.)", re.DOTALL
)
_SHORT: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_SOMETHING: Final = re.compile(r"[^\s\[\]{}:,]")
_IN_NUMBERS: Final = "0123456789+-.eE"
# JSON in a string of JSON: the arguments of tools; once more: what a tool passes on.
_DEEPEST: Final = 3

FindSpans = Callable[[str], list[tuple[int, int]]]


def texts_of(text: str, find: FindSpans, instead: str, depth: int = 0) -> Iterator[Replace]:
    """What ``find`` finds in the strings of ``text`` and between them, to be replaced by ``instead``, in order.

    A whole number is replaced by ``instead`` in quotes, and a part of one stays: JSON stays JSON.
    """
    end = 0
    for match in _STRING.finditer(text):
        yield from _between(text, end, match.start(), find, instead)
        yield from _in_string(match.start(1), match[1], find, instead, depth)
        end = match.end()
    yield from _between(text, end, len(text), find, instead)


def _in_string(at: int, raw: str, find: FindSpans, instead: str, depth: int) -> Iterator[Replace]:
    if not raw:
        return
    if "\\" not in raw:
        for start, stop in find(raw):
            yield at + start, at + stop, instead
        return
    meant, starts, places = _read(raw)
    if depth < _DEEPEST and meant.lstrip()[:1] in ("{", "[") and '"' in meant:
        found = list(texts_of(meant, find, instead, depth + 1))
    else:
        found = [(start, stop, instead) for start, stop in find(meant)]
    for start, stop, new in found:
        first = _place(starts, places, start)
        last = _place(starts, places, stop - 1) + _width(starts, places, stop - 1)
        yield at + first, at + last, new.replace("\\", "\\\\").replace('"', '\\"')


def _read(raw: str) -> tuple[str, list[int], list[tuple[int, int]]]:
    """What ``raw`` means; where its pieces start in that; and of each where it stands in ``raw``, and how wide.

    The width of a piece without escapes is 0: its characters stand for themselves.
    """
    pieces: list[str] = []
    starts: list[int] = []
    places: list[tuple[int, int]] = []
    end = length = 0

    def add(piece: str, place: int, width: int) -> None:
        nonlocal length
        pieces.append(piece)
        starts.append(length)
        places.append((place, width))
        length += len(piece)

    for match in _ESCAPE.finditer(raw):
        if match.start() > end:
            add(raw[end : match.start()], end, 0)
        high, low, one, short = match.groups()
        if high is not None:
            meant = chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)
        else:
            meant = chr(int(one, 16)) if one is not None else _SHORT.get(short, short)
        add(meant, match.start(), match.end() - match.start())
        end = match.end()
    if end < len(raw):
        add(raw[end:], end, 0)
    return "".join(pieces), starts, places


def _place(starts: list[int], places: list[tuple[int, int]], at: int) -> int:
    piece = bisect_right(starts, at) - 1
    place, width = places[piece]
    return place if width else place + at - starts[piece]


def _width(starts: list[int], places: list[tuple[int, int]], at: int) -> int:
    return places[bisect_right(starts, at) - 1][1] or 1


def _between(text: str, start: int, stop: int, find: FindSpans, instead: str) -> Iterator[Replace]:
    if stop - start < 2 or not _SOMETHING.search(text, start, stop):
        return
    between = text[start:stop]
    if "\0" in between:
        # The bytes of a sound or picture in a form.
        return
    for first, last in find(between):
        left, right = first, last
        while left > 0 and between[left - 1] in _IN_NUMBERS:
            left -= 1
        while right < len(between) and between[right] in _IN_NUMBERS:
            right += 1
        if not (_NUMBER.fullmatch(between[left:right]) and _is_value(between, left, right)):
            yield start + first, start + last, instead
        elif (left, right) == (first, last):
            yield start + first, start + last, f'"{instead}"'


def _is_value(text: str, left: int, right: int) -> bool:
    return text[:left].rstrip()[-1:] in (":", ",", "[") and text[right:].lstrip()[:1] in (",", "}", "]", "")
