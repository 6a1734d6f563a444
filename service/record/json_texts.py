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
# JSON that a text quotes has its escapes in that text: of PHP's and .NET's those of letters and slashes.
_QUOTED_ESCAPE: Final = re.compile(r"()()\\+(?:u([0-9a-fA-F]{4})|(/))")
_MAY_QUOTE_ESCAPES: Final = re.compile(r"\\(?:u00|/)")
_SOMETHING: Final = re.compile(r"[^\s\[\]{}:,]")
_NUMBER: Final = re.compile(r"(?<![\w.+-])-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.+-])")
# All that stands between the strings of JSON.
_STRUCTURE: Final = re.compile(
    r"(?:[\s\[\]{}:,]++"
    r"|(?:-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|true|false|null)(?![\w.+-]))*+\Z"
)
# Sounds and pictures in a form; what can be read beside their bytes is as long as this at least.
_READABLE: Final = re.compile(r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ud800-\udfff]{8,}")
_LONGEST_SPACE: Final = 64
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
        first, last = _written(starts, places, start, stop)
        yield at + first, at + last, new.replace("\\", "\\\\").replace('"', '\\"')


def in_quoted_json(text: str, find: FindSpans) -> list[tuple[int, int]]:
    """What ``find`` finds in a text once the escapes of JSON that it quotes are read, as places of the text itself."""
    if not _MAY_QUOTE_ESCAPES.search(text):
        return []
    meant, starts, places = _read(text, _QUOTED_ESCAPE)
    return [_written(starts, places, start, stop) for start, stop in find(meant)]


def _read(raw: str, escape: "re.Pattern[str]" = _ESCAPE) -> tuple[str, list[int], list[tuple[int, int]]]:
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

    for match in escape.finditer(raw):
        if match.start() > end:
            add(raw[end : match.start()], end, 0)
        high, low, one, short = match.groups()
        if high:
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


def _written(starts: list[int], places: list[tuple[int, int]], start: int, stop: int) -> tuple[int, int]:
    """Where that stands in the raw text which means what lies from ``start`` to ``stop``."""
    return _place(starts, places, start), _place(starts, places, stop - 1) + _width(starts, places, stop - 1)


def _width(starts: list[int], places: list[tuple[int, int]], at: int) -> int:
    return places[bisect_right(starts, at) - 1][1] or 1


def _between(text: str, start: int, stop: int, find: FindSpans, instead: str) -> Iterator[Replace]:
    if stop - start < 2 or not _SOMETHING.search(text, start, stop):
        return
    between = text[start:stop]
    if "\0" in between:
        for run in _READABLE.finditer(between):
            yield from (
                (start + run.start() + first, start + run.start() + last, instead) for first, last in find(run[0])
            )
        return
    found = find(between)
    if not found:
        return
    is_json = _STRUCTURE.match(between) is not None
    numbers = _NUMBER.finditer(between)
    number = next(numbers, None)
    for first, last in found:
        while number and number.end() <= first:
            number = next(numbers, None)
        if is_json:
            # Only numbers have anything to be masked: brackets and words such as null stay.
            while number and number.end() <= last:
                if _is_whole(number, first, last):
                    yield start + number.start(), start + number.end(), f'"{instead}"'
                number = next(numbers, None)
        elif not (number and number.start() <= first and last <= number.end() and _is_value(between, number)):
            yield start + first, start + last, instead
        elif _is_whole(number, first, last):
            yield start + number.start(), start + number.end(), f'"{instead}"'


def _is_whole(number: "re.Match[str]", first: int, last: int) -> bool:
    """Whether all of a number lies in there. Its sign says nothing by itself."""
    return number.start() + number[0].startswith("-") >= first and number.end() <= last


def _is_value(text: str, number: "re.Match[str]") -> bool:
    before = text[max(0, number.start() - _LONGEST_SPACE) : number.start()].rstrip()
    after = text[number.end() : number.end() + _LONGEST_SPACE].lstrip()
    return before[-1:] in (":", ",", "[") and after[:1] in (",", "}", "]", "")
