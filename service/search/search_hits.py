"""Where in an exchange the words of a search stand: which part of it, and a piece of text around them."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

from service.record.exchange_parts import as_it_came, parts_of
from service.record.record import Record
from service.record.summary import summarise
from service.search.query_language import FullTextQuery, read_words

_BEFORE, _AFTER = 40, 100
# A person reads no further; a page of the list has hundreds of exchanges.
_MOST_CHARACTERS: Final = 200_000
_WORD: Final = re.compile(r"[^\W_]+")
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class SearchHit:
    """``part`` says where: ``question``, ``system prompt``, ``answer`` and so on. The rest is text on one line."""

    part: str
    before: str
    found: str
    after: str


def summarise_found(number: int, record: Record, text: str | None) -> dict[str, Any]:
    """The entry of a list, with the ``hit`` of a search for ``text`` (None, or empty: there was none)."""
    summary = summarise(number, record)
    if text and (hit := find_hit(record, text)) is not None:
        summary["hit"] = asdict(hit)
    return summary


def find_hit(record: Record, text: str) -> SearchHit | None:
    """Where the words of ``text`` stand: the part that has the most of them, the question before all others.

    None: nothing is looked for, or it is nowhere in what the line holds, as where that is not whole. Never raises.
    """
    patterns = _patterns(text)
    if not patterns:
        return None
    # All of the request holds each of its messages too: it is looked at where they have nothing.
    return _best(patterns, parts_of(record)) or _best(patterns, as_it_came(record))


def _best(patterns: Sequence["re.Pattern[str]"], parts: Iterable[tuple[str, str]]) -> SearchHit | None:
    best: tuple[int, SearchHit] | None = None
    for part, words in parts:
        folded = _folded(words := words[:_MOST_CHARACTERS])
        places = [found for pattern in patterns if (found := pattern.search(folded)) is not None]
        if places and (best is None or len(places) > best[0]):
            best = len(places), _hit(part, words, min(places, key=lambda found: found.start()))
        if best is not None and best[0] == len(patterns):
            break
    return best[1] if best else None


def _hit(part: str, text: str, found: "re.Match[str]") -> SearchHit:
    start, end = found.start(), min(found.end(), found.start() + _AFTER)
    before, after = text[max(0, start - _BEFORE) : start], text[end : end + _AFTER]
    if start > _BEFORE:
        # From the beginning of a word on, where there is one.
        before = "…" + (before.partition(" ")[2] or before)
    ending = "…" if end + _AFTER < len(text) else ""
    return SearchHit(part, _on_one_line(before), _on_one_line(text[start:end]), _on_one_line(after) + ending)


def _on_one_line(text: str) -> str:
    words = " ".join(text.encode("utf-8", "backslashreplace").decode().split())
    return f"{' ' if text[:1].isspace() and words else ''}{words}{' ' if text[-1:].isspace() and words else ''}"


@lru_cache(maxsize=64)
def _patterns(text: str) -> tuple["re.Pattern[str]", ...]:
    """One for each group of words of which one must be there, for texts that are folded."""
    try:
        query: FullTextQuery | None = read_words(text)
    except ValueError:
        return ()
    groups = query.groups if query else ()
    return tuple(re.compile(pattern) for group in groups if (pattern := "|".join(filter(None, map(_pattern, group)))))


def _pattern(written: str) -> str:
    words = _WORD.findall(_folded(written))
    if not words:
        return ""
    # Where words are written without spaces between them, one is found wherever it stands.
    before = "" if _UNSPACED.match(words[0]) else r"(?<![^\W_])"
    # A phrase may end within a word; of that the groups do not tell.
    is_whole = len(words) == 1 and not written.endswith("*") and not _UNSPACED.match(words[-1][-1])
    return before + r"[\W_]{1,20}".join(map(re.escape, words)) + (r"(?![^\W_])" if is_whole else "")


def _folded(text: str) -> str:
    """Without accents and capitals, and exactly as long, so that places in one are places in the other."""
    if text.isascii():
        return text.lower()
    return _NOT_ASCII.sub(lambda found: _plain(found[0]), text.translate(_CAPITALS))


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    return unicodedata.normalize("NFD", character)[0].lower()[0]


_CAPITALS: Final = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
