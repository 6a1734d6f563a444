"""Masks that a person wrote or switched on: what they look for, where, and within which bounds.

A pattern runs in RE2, whose time grows with the length of a text and never explodes. It lets other threads run
meanwhile. A text is looked at in stretches, and all of an exchange within ``MOST_SECONDS`` of work. What is left by
then is masked as a whole: what nobody looked at is never kept.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_letters
from typing import Final

from service.events import emit
from service.privacy_events import MaskingOverdue
from service.record.json_texts import Replace, in_quoted_json, texts_of
from service.record.mask_packs import Find, Span

MASK: Final = "***"
MOST_SECONDS: Final = 2.0
# One search is not interrupted: a stretch is short enough to be through soon with the worst pattern that is taken.
_STRETCH, _OVERLAP = 16_384, 1_024
_LOOKED_AT_CLOCK_EVERY: Final = 64
_LONGEST_REMEMBERED: Final = 2_000
# The alphabets of base64: pictures and sounds hold nothing to be read. A column of numbers has shorter lines, and a row
# of them fewer letters.
_PAYLOAD: Final = re.compile(
    r"(?:data:[\w/+.;=-]{1,100},)?(?=[A-Za-z0-9+/_=\r\n-]{1024,}+\Z)"
    r"(?:[A-Za-z0-9+/_-]{60,}+={0,2}(?:\r?\n|\Z))*+(?:[A-Za-z0-9+/_-]{1,59}={0,2}\s*+)?\Z"
)
_LETTERS_IN_PAYLOADS: Final = 0.5
_HALF: Final = re.compile(r"[\ud800-\udfff]")


class MaskedPart(StrEnum):
    """The parts of an exchange that a mask may be for."""

    PROMPTS = "prompts"
    ANSWERS = "answers"
    NAMES = "names"


@dataclass(frozen=True, slots=True)
class OwnMask:
    """``find`` yields where it matches. ``name`` is for people."""

    name: str
    find: Find
    where: frozenset[MaskedPart] = frozenset({MaskedPart.PROMPTS, MaskedPart.ANSWERS})


OwnMasks = tuple[OwnMask, ...]


class MaskRun:
    """The masks at work on one exchange, on one thread. ``now`` tells the seconds that this thread has worked.

    A busy machine, where it had to wait, is no reason to mask more.
    """

    def __init__(self, masks: OwnMasks, now: Callable[[], float] = time.thread_time) -> None:
        self._masks = {part: [mask for mask in masks if part in mask.where] for part in MaskedPart} if masks else {}
        self._now = now
        self._ends = now() + MOST_SECONDS if masks else 0.0
        self._is_overdue = False
        self._seen: dict[tuple[MaskedPart, str], list[Span]] = {}

    def looks_at(self, part: MaskedPart) -> bool:
        """Whether there is a mask for this part."""
        return bool(self._masks and self._masks[part])

    def text(self, text: str, part: MaskedPart) -> tuple[str, int]:
        """``text`` masked, and how often. Without a match, the same object."""
        if not self.looks_at(part) or not text:
            return text, 0
        return _with(text, [(start, stop, MASK) for start, stop in self._spans(text, part)])

    def json(self, text: str, part: MaskedPart) -> tuple[str, int]:
        """The same for a text that is, or holds, JSON: its strings are read as they are meant, and it stays JSON."""
        if not self.looks_at(part) or not text:
            return text, 0
        found = list(texts_of(text, lambda inner: self._spans(inner, part), MASK))
        if self._is_overdue:
            return MASK, 1
        return _with(text, found)

    def address(self, target: str, part: MaskedPart) -> tuple[str, int]:
        """The same for the target of a request, whose parts may be percent-encoded."""
        if not self.looks_at(part):
            return target, 0
        from urllib.parse import unquote, unquote_plus

        pieces = re.split(r"([/?&=;]|~)", target)
        count = 0
        for place, piece in enumerate(pieces):
            # In a query a plus may be a space, or itself, as before the number of a country.
            meant = {unquote(piece), piece[:1] + unquote_plus(piece[1:])} if len(piece) > 1 else ()
            if any(self._spans(one, part) for one in meant):
                pieces[place], count = MASK, count + 1
        return ("".join(pieces), count) if count else (target, 0)

    def _spans(self, text: str, part: MaskedPart) -> list[Span]:
        """Where something matches, in order and apart. All of it, when time is up."""
        key = (part, text)
        known = self._seen.get(key) if len(text) <= _LONGEST_REMEMBERED else None
        if known is not None:
            return known
        readable = _HALF.sub("\ufffd", text) if _HALF.search(text) else text
        spans: list[Span] = []
        if not _is_payload(readable):
            spans += self._found_by_all(readable, part)
            spans += in_quoted_json(readable, lambda meant: self._found_by_all(meant, part))
            if self._is_overdue:
                return [(0, len(text))]
        spans = _joined(spans)
        if len(text) <= _LONGEST_REMEMBERED:
            self._seen[key] = spans
        return spans

    def _found_by_all(self, text: str, part: MaskedPart) -> list[Span]:
        spans: list[Span] = []
        for mask in self._masks[part]:
            for span in self._found(mask, text):
                if self._is_late(mask.name):
                    return spans
                spans.append(span)
        return spans

    def _found(self, mask: OwnMask, text: str) -> Iterator[Span]:
        for start in range(0, max(1, len(text) - _OVERLAP), _STRETCH - _OVERLAP):
            if self._is_late(mask.name):
                yield 0, len(text)
                return
            stretch = text[start : start + _STRETCH] if len(text) > _STRETCH else text
            for count, (found, stop) in enumerate(mask.find(stretch), 1):
                yield start + found, start + stop
                if count % _LOOKED_AT_CLOCK_EVERY == 0 and self._is_late(mask.name):
                    return

    def _is_late(self, name: str) -> bool:
        if not self._is_overdue and self._now() > self._ends:
            self._is_overdue = True
            emit(MaskingOverdue(name))
        return self._is_overdue


def _is_payload(text: str) -> bool:
    if len(text) <= _LONGEST_REMEMBERED // 2 or not _PAYLOAD.match(text):
        return False
    return sum(map(text.count, ascii_letters)) >= _LETTERS_IN_PAYLOADS * len(text)


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        elif stop > start:
            joined.append((start, stop))
    return joined


def _with(text: str, found: list[Replace]) -> tuple[str, int]:
    if not found:
        return text, 0
    pieces: list[str] = []
    end = 0
    for start, stop, instead in found:
        pieces += (text[end:start], instead)
        end = stop
    pieces.append(text[end:])
    return "".join(pieces), len(found)
