"""Whether letters and digits are a key that a machine drew, or words that a person wrote.

Words make long pieces (``lifecycle``, ``Script``), also where they are joined by ``_``, ``-`` or capitals, and digits
stand among them seldom. In a key of 62 characters a piece has two characters in the mean. Of 20,000 keys drawn of each
alphabet that vendors use (16 to 64 characters) at most 1.5 % were taken for words; of 68,000 identifiers of Python
packages 1.5 % for keys, most of them hexadecimal numbers.
"""

import re

# A capital belongs to the word that it begins.
_PIECE = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_SEGMENT = re.compile(rb"[A-Za-z0-9]{8,}")
_UUID = re.compile(rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DIGIT, _LOWER, _UPPER = re.compile(rb"[0-9]"), re.compile(rb"[a-z]"), re.compile(rb"[A-Z]")
# Nothing is longer than a few hundred characters that a person wrote as one word.
_LOOKED_AT = 400


def looks_random(text: bytes) -> bool:
    """Whether ``text``, which has neither blanks nor quotes, looks like a key."""
    text = text[:_LOOKED_AT]
    if _UUID.search(text):
        return True
    has_all = _DIGIT.search(text) and _LOWER.search(text) and _UPPER.search(text)
    if has_all and _mean_piece(text) <= 2.8:
        return True
    return any(_is_random(segment) for segment in _SEGMENT.findall(text))


def has_digit_or_capital(text: bytes) -> bool:
    """The weaker question, for what hardly any word begins with."""
    return bool(_DIGIT.search(text) or _UPPER.search(text, 1)) or max(map(len, _SEGMENT.findall(text)), default=0) >= 24


def _is_random(segment: bytes) -> bool:
    """Whether letters and digits without anything between them do."""
    size, digits, mean = len(segment), len(_DIGIT.findall(segment)), _mean_piece(segment)
    if 0 < digits < size and mean <= (2.5 if size < 10 else 3):
        return True
    if size >= 16 and (digits >= 2 or mean < 3.4):
        return True
    return size >= 30 and (mean < 5.5 or segment.islower() or segment.isupper())


def _mean_piece(text: bytes) -> float:
    pieces = _PIECE.findall(text)
    return sum(map(len, pieces)) / len(pieces) if pieces else float(_LOOKED_AT)
