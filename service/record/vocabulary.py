"""A model's vocabulary, as ``/api/show`` gives it with ``verbose``, and how many tokens a text has in it.

Counting is exact for the two kinds that nearly all language models have: byte-level BPE (``gpt2``) with a known rule
for words, and SentencePiece's BPE (``llama``). Both begin with single characters and join the pair that comes first in
the vocabulary's order until no pair can be joined. Of a vocabulary only its pairs are kept, in arrays: some MB.
"""

import re
import time
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import Any, Final

import orjson

from service.json_writing import write_json
from service.record.pretokenizers import Split, pretokenizer
from service.record.token_pairs import PairRow, TokenPairs

_FORM: Final = 2
_UNKNOWN, _CONTROL, _USER_DEFINED = 2, 3, 4
_MOST_WORDS: Final = 50_000
_WORDS_BETWEEN_LOOKS: Final = 100
# What is joined in some 30 ms: nobody looks at the clock meanwhile.
_LONGEST_JOINED: Final = 4000
_LONGEST_WORD: Final = 64
_SPACE: Final = "▁"
_MOST_TOKENS: Final = 1_000_000


class Vocabulary:
    """Counts tokens. Belongs to one thread at a time.

    ``kind`` is ``gpt2`` or ``llama``. ``rule`` names how ``gpt2`` splits words; for ``llama`` it holds the characters
    that some token has before a space. ``symbols`` are the ids of single characters, ``special`` the texts that are a
    token wherever they stand. ``pairs`` are those of tokens; ``neighbours`` those of characters that stand side by
    side in some token of ``llama``. Raises ValueError where the rule is not known.
    """

    def __init__(
        self,
        kind: str,
        rule: str,
        symbols: dict[str, int],
        special: tuple[str, ...],
        pairs: TokenPairs,
        neighbours: TokenPairs,
    ) -> None:
        self.kind, self.rule, self.symbols, self.special = kind, rule, symbols, special
        self.pairs, self.neighbours = pairs, neighbours
        split = pretokenizer(rule) if kind == "gpt2" else self._split_at_borders
        self._at_spaces = _at_spaces("" if kind == "gpt2" else rule)
        if split is None:
            raise ValueError(f"the rule {rule!r} is not known")
        self._split: Split = split
        self._bytes = [symbols.get(character, -1) for character in _BYTES] if kind == "gpt2" else []
        self._words: dict[str, int] = {}
        self._texts: dict[int, int] = {}
        self._special: dict[str, list[str]] = {}
        for text in special:
            self._special.setdefault(text[:2], []).append(text)

    def count(self, text: str, until: float = inf) -> int | None:
        """The tokens of ``text`` by itself; None when they are not counted at ``until`` (of ``time.monotonic``)."""
        # The messages of a conversation come again with each of its turns.
        known = self._texts.get(key := hash(text))
        if known is None:
            try:
                known = self._count_around_special(text, until)
            except TimeoutError:
                return None
            if len(self._texts) >= _MOST_WORDS:
                self._texts.clear()
            self._texts[key] = known
        return known

    def _count_around_special(self, text: str, until: float) -> int:
        found = [one for mark, those in self._special.items() if mark in text for one in those if one in text]
        if not found:
            return self._count(text, until)
        longest_first = sorted(found, key=len, reverse=True)
        pieces = re.split("(" + "|".join(map(re.escape, longest_first)) + ")", text)
        return sum(self._count(piece, until) for piece in pieces[::2] if piece) + len(pieces) // 2

    def _count(self, text: str, until: float) -> int:
        words, count, new = self._words, 0, 0
        for word in self._split(text if self.kind == "gpt2" else text.replace(" ", _SPACE)):
            tokens = words.get(word)
            if tokens is None:
                new += 1
                is_long = len(word) > _LONGEST_JOINED and until < inf
                if is_long or (new % _WORDS_BETWEEN_LOOKS == 0 and time.monotonic() > until):
                    raise TimeoutError
                tokens = self._count_word(word)
                if len(word) <= _LONGEST_WORD:
                    if len(words) >= _MOST_WORDS:
                        words.clear()
                    words[word] = tokens
            count += tokens
        return count

    def _count_word(self, word: str) -> int:
        if self.kind == "gpt2":
            of_byte = self._bytes
            return len(self.pairs.join([of_byte[byte] for byte in word.encode("utf-8", "replace")]))
        ids = [self.symbols.get(character, -1) for character in word]
        # What has no token is written as its bytes.
        in_bytes = sum(_size(character) - 1 for character, identifier in zip(word, ids, strict=True) if identifier < 0)
        return len(self.pairs.join(ids)) + in_bytes

    def _split_at_borders(self, text: str) -> Iterator[str]:
        """Words of ``llama``: no token goes over the borders of one."""
        for word in self._at_spaces(text):
            if len(word) <= _LONGEST_WORD // 2:
                yield word
                continue
            # Writing without spaces, a long line of dashes.
            ids = [self.symbols.get(character, -1) for character in word]
            begin = 0
            for at, (left, right) in enumerate(pairwise(ids), 1):
                if not self.neighbours.has(left, right):
                    yield word[begin:at]
                    begin = at
            yield word[begin:]

    def to_bytes(self) -> bytes:
        """A short form of it, for a file."""
        head = {"form": _FORM, "kind": self.kind, "rule": self.rule, "symbols": self.symbols, "special": self.special}
        pairs, neighbours = self.pairs.to_bytes(), self.neighbours.to_bytes()
        return b"".join((write_json(head), b"\n", len(pairs).to_bytes(8, "little"), pairs, neighbours))


def from_bytes(data: bytes) -> Vocabulary | None:
    """What ``to_bytes`` wrote; None if these bytes are anything else."""
    head, _, rest = data.partition(b"\n")
    length = 8 + int.from_bytes(rest[:8], "little")
    try:
        told = orjson.loads(head)
        if told["form"] != _FORM:
            return None
        pairs, neighbours = (TokenPairs.from_bytes(part) for part in (rest[8:length], rest[length:]))
        return Vocabulary(told["kind"], told["rule"], told["symbols"], tuple(told["special"]), pairs, neighbours)
    except (ValueError, KeyError, TypeError):
        return None


def read_vocabulary(shown: Any) -> Vocabulary | None:
    """The vocabulary in an answer to ``/api/show`` with ``verbose``; None: it has none, or one that cannot be counted.

    Takes a second or two for a large one.
    """
    info = shown.get("model_info") if isinstance(shown, dict) else None
    if not isinstance(info, dict):
        return None
    kind, rule = info.get("tokenizer.ggml.model"), info.get("tokenizer.ggml.pre")
    tokens = _texts(info.get("tokenizer.ggml.tokens"))
    types = info.get("tokenizer.ggml.token_type")
    if not tokens or len(tokens) > _MOST_TOKENS:
        return None
    ids = {token: number for number, token in enumerate(tokens)}
    kinds = types if isinstance(types, list) and len(types) == len(tokens) else []
    special = tuple(
        token
        for token, its_kind in zip(tokens, kinds, strict=False)
        if token and its_kind in (_UNKNOWN, _CONTROL, _USER_DEFINED)
    )
    try:
        if kind == "gpt2":
            merges = _texts(info.get("tokenizer.ggml.merges"))
            symbols = {character: ids[character] for character in _BYTES if character in ids}
            pairs = TokenPairs.of(_pairs_of_merges(merges, ids))
            return Vocabulary(kind, str(rule), symbols, special, pairs, TokenPairs.of(())) if merges else None
        if kind == "llama":
            scores = info.get("tokenizer.ggml.scores")
            if not isinstance(scores, list) or len(scores) != len(tokens) or not all(map(_is_number, scores)):
                return None
            symbols = {token: number for token, number in ids.items() if len(token) == 1}
            pairs, neighbours = TokenPairs.of(_pairs_of_tokens(ids, scores, kinds)), _neighbours(tokens, symbols)
            return Vocabulary(kind, _before_spaces(tokens), symbols, special, pairs, neighbours)
    except (ValueError, TypeError, OverflowError):
        return None
    return None


def _pairs_of_merges(merges: list[str], ids: dict[str, int]) -> Iterator[PairRow]:
    for rank, merge in enumerate(merges):
        left, _, right = merge.partition(" ")
        first, second, both = ids.get(left), ids.get(right), ids.get(left + right)
        if first is not None and second is not None and both is not None:
            yield PairRow(first, second, rank, both)


def _pairs_of_tokens(ids: dict[str, int], scores: list[float], kinds: list[int]) -> Iterator[PairRow]:
    """Every way to put a token together from two others; the best score comes first, whichever way it is."""
    order = {score: rank for rank, score in enumerate(sorted(set(scores), reverse=True))}
    for token, number in ids.items():
        if len(token) > 1 and not (kinds and kinds[number] in (_UNKNOWN, _CONTROL)):
            rank = order[scores[number]]
            for at in range(1, len(token)):
                first, second = ids.get(token[:at]), ids.get(token[at:])
                if first is not None and second is not None:
                    yield PairRow(first, second, rank, number)


def _neighbours(tokens: list[str], symbols: dict[str, int]) -> TokenPairs:
    found = {characters for token in tokens for characters in pairwise(token)}
    known = ((symbols.get(left), symbols.get(right)) for left, right in found)
    return TokenPairs.of(PairRow(left, right, 0, 0) for left, right in known if left is not None and right is not None)


def _before_spaces(tokens: list[str]) -> str:
    found = {
        token[at - 1]
        for token in tokens
        if _SPACE in token[1:]
        for at in range(1, len(token))
        if token[at] == _SPACE and token[at - 1] != _SPACE
    }
    return "".join(sorted(found))


def _at_spaces(joined: str) -> Split:
    """Splits before a space, save where some token goes on over it."""
    border = re.compile(f"(?<![{re.escape(_SPACE + joined)}])(?={_SPACE})")
    return lambda text: iter(border.split(text))


def _texts(found: Any) -> list[str]:
    return found if isinstance(found, list) and all(type(one) is str for one in found) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _size(character: str) -> int:
    return len(character.encode("utf-8", "replace"))


def _characters_of_bytes() -> tuple[str, ...]:
    """The characters that byte-level BPE writes bytes with: those that can be seen stand for themselves."""
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in seen]
    return tuple(chr(byte) if byte in seen else chr(0x100 + hidden.index(byte)) for byte in range(256))


_BYTES: Final = _characters_of_bytes()
