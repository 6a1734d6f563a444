"""The language of a search: words, "phrases", beginnings*, -without, OR. Full text is asked for quoted words only.

``a b`` finds what has both. ``a OR b`` finds what has one of them and binds closer: ``a b OR c`` is a and (b or c).
Letters of either case and with or without accents are the same. Where words are written without spaces between them
(Chinese, Japanese, Thai …) each character is a word, and several that stand together are a phrase.
"""

import functools
import re
import unicodedata
from dataclasses import dataclass

LONGEST_SEARCH = 1000
_MOST_TERMS = 64
_PIECE = re.compile(r'(?P<minus>-?)"(?P<phrase>[^"]*)"(?P<star>\*?)|(?P<open>-?"[^"]*)|(?P<word>[^\s"]+)')
# What keyboards and word processors make of a plain one.
_QUOTATION_MARKS = str.maketrans(dict.fromkeys("“”„‟«»＂", '"'))


# Thai and Lao, Burmese, Khmer, kana, Han.
_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d"
    "\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, slots=True)
class FullTextQuery:
    """Expressions of FTS5: what must be there, and what must not. At least one of them is not None.

    ``groups`` is ``wanted`` as it was written: of each group one of its words or phrases must be there.
    """

    wanted: str | None
    unwanted: str | None
    groups: tuple[tuple[str, ...], ...] = ()


def read_words(text: str) -> FullTextQuery | None:
    """What ``text`` asks for; None when it asks for nothing. Raises ValueError that says what is wrong with it."""
    if len(text) > LONGEST_SEARCH:
        raise ValueError(f"The search has {len(text)} characters; at most {LONGEST_SEARCH} are looked for.")
    wanted: list[list[str]] = []
    written: list[list[str]] = []
    unwanted: list[str] = []
    is_alternative = False
    for piece in _PIECE.finditer(text.translate(_QUOTATION_MARKS)):
        if piece["open"]:
            beginning = piece["open"].removeprefix("-")
            raise ValueError(f"The phrase that begins with {beginning[:40]} has no closing quotation mark.")
        if piece["word"] in ("OR", "AND"):
            if not wanted or is_alternative:
                raise ValueError(f"{piece['word']} stands between two words; to look for the word itself, quote it.")
            is_alternative = piece["word"] == "OR"
            continue
        term, is_without = _term(piece)
        if term is None:
            continue
        if is_without and is_alternative:
            raise ValueError("OR and - cannot be joined: a search finds one of several words, or excludes one.")
        if is_without:
            unwanted.append(term)
        elif is_alternative:
            wanted[-1].append(term)
            written[-1].append(_text_of(piece))
        else:
            wanted.append([term])
            written.append([_text_of(piece)])
        is_alternative = False
    if is_alternative:
        raise ValueError("OR stands between two words, and nothing follows it.")
    if sum(map(len, wanted)) + len(unwanted) > _MOST_TERMS:
        raise ValueError(f"A search may have at most {_MOST_TERMS} words and phrases.")
    if not wanted and not unwanted:
        if text.strip():
            raise ValueError(f"There is no letter or digit to look for in {text.strip()[:40]!r}.")
        return None
    groups = [" OR ".join(group) if len(group) == 1 else f"({' OR '.join(group)})" for group in wanted]
    return FullTextQuery(" AND ".join(groups) or None, " OR ".join(unwanted) or None, tuple(map(tuple, written)))


def _text_of(piece: re.Match[str]) -> str:
    return piece["word"] if piece["phrase"] is None else piece["phrase"]


def spaced(text: str) -> str:
    """``text`` as the index splits it into words: SQLite's tokenizer takes a sentence without spaces for one word."""
    return text if text.isascii() else _unspaced().sub(r" \g<0> ", text)


@functools.cache
def _unspaced() -> re.Pattern[str]:
    # Compiled for the first text that is no ASCII: that takes as long as loading ten modules.
    return re.compile(_UNSPACED)


def _term(piece: re.Match[str]) -> tuple[str | None, bool]:
    """One term as FTS5 takes it (None when it has no letter and no digit), and whether it is to be absent."""
    if piece["phrase"] is not None:
        text, is_beginning, is_without = piece["phrase"], bool(piece["star"]), bool(piece["minus"])
    else:
        text = piece["word"]
        is_without = len(text) > 1 and text.startswith("-")
        text, is_beginning = text[is_without:], text.endswith("*")
    if not any(_is_searched(character) for character in text):
        return None, False
    # FTS5 ends its expression at a NUL; everything else inside quotation marks is only split into words.
    text = spaced(text.replace("\0", " ")).encode("utf-8", "replace").decode()
    return f'"{text}"' + ("*" if is_beginning else ""), is_without


def _is_searched(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LN" or category == "Co"
