r"""How vocabularies split a text into words before these become tokens: the rules, by their names in GGUF files.

They are those of llama.cpp (``llama-vocab.cpp``), which Ollama counts with. A rule is one or more regular expressions,
each of which splits what the ones before it left. ``\p{L}`` and its like are written out, as ``re`` does not know them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

Split = Callable[[str], Iterator[str]]

_CONTRACTIONS: Final = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
_GPT2: Final = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
_ENDS: Final = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_LLAMA3: Final = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + _ENDS
_QWEN2: Final = _LLAMA3.replace("{1,3}", "")
# Words of which each part begins with a capital are split there.
_UPPER: Final = r"[^\r\n\p{L}\p{N}]?(?:(?![a-z])\p{L})*(?:(?![A-Z])\p{L})+"
_LOWER: Final = r"[^\r\n\p{L}\p{N}]?(?:(?![a-z])\p{L})+(?:(?![A-Z])\p{L})*"
_GPT4O: Final = (
    f"{_UPPER}{_CONTRACTIONS}?|{_LOWER}{_CONTRACTIONS}?" + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + _ENDS
)
_TEKKEN: Final = f"{_UPPER}|{_LOWER}" + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + _ENDS
_DEEPSEEK3: Final = (
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
    r"| ?[\p{P}\p{S}]+[\r\n]*|" + _ENDS,
)
_DIGITS_APART: Final = (r"\p{N}", _GPT2)

_RULES: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "lfm2"), (_LLAMA3,)),
    **dict.fromkeys(("dbrx", "smaug-bpe", "glm4", "chatglm-bpe"), (_LLAMA3,)),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez"), (_QWEN2,)),
    **dict.fromkeys(("gpt-2", "phi-2", "mpt", "olmo", "jais", "exaone4", "trillion", "granite-docling"), (_GPT2,)),
    **dict.fromkeys(("starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b"), _DIGITS_APART),
    **dict.fromkeys(("gpt-4o", "llama4"), (_GPT4O,)),
    "tekken": (_TEKKEN,),
    **dict.fromkeys(("deepseek-v3", "hunyuan-dense"), _DEEPSEEK3),
}


def pretokenizer(name: str) -> Split | None:
    """What splits a text as vocabularies of the rule ``name`` do; None: the rule is not known."""
    rules = _RULES.get(name)
    if rules is None:
        return None
    patterns = tuple(_compiled(rule) for rule in rules)
    return lambda text: _split(text, patterns)


def _split(text: str, patterns: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    pieces: Iterator[str] = iter((text,))
    for pattern in patterns:
        pieces = _split_further(pieces, pattern)
    return pieces


def _split_further(pieces: Iterator[str], pattern: re.Pattern[str]) -> Iterator[str]:
    for piece in pieces:
        at = 0
        for found in pattern.finditer(piece):
            start, end = found.span()
            if start > at:
                yield piece[at:start]
            if end > start:
                yield piece[start:end]
            at = end
        if at < len(piece):
            yield piece[at:]


@cache
def _compiled(rule: str) -> re.Pattern[str]:
    r"""``rule`` with its ``\p{…}`` written out as ranges, which may only stand where a set of characters may."""
    in_set, pieces, at = False, [], 0
    for found in re.finditer(r"\\p\{([LMNPS])\}|\\.|[\[\]]", rule):
        pieces.append(rule[at : found.start()])
        at = found.end()
        if found[1]:
            ranges = _ranges(found[1])
            pieces.append(ranges if in_set else f"[{ranges}]")
            continue
        if found[0] in "[]":
            in_set = found[0] == "["
        pieces.append(found[0])
    return re.compile("".join(pieces) + rule[at:])


@cache
def _ranges(category: str) -> str:
    """The characters whose Unicode category begins with ``category``, as ranges of a set.

    Beyond the first 65,536 of them letters are taken in whole blocks: ``re`` looks at such ranges one by one.
    """
    found: list[tuple[int, int]] = []
    for code in range(0x10000):
        if unicodedata.category(chr(code))[0] == category:
            if found and found[-1][1] == code - 1:
                found[-1] = found[-1][0], code
            else:
                found.append((code, code))
    if category == "L":
        found += [(0x10000, 0x100FF), (0x10280, 0x1BFFF), (0x1D400, 0x1D7CB), (0x1E000, 0x1EFFF), (0x20000, 0x3FFFF)]
    elif category == "S":
        found += [(0x1F000, 0x1FAFF)]
    return "".join(
        f"\\u{first:04x}-\\u{last:04x}" if last < 0x10000 else f"\\U{first:08x}-\\U{last:08x}" for first, last in found
    )
