"""Characters that change how a text is shown, or that a program obeys instead of showing: the one list of them.

Kinds come first, then the subset that is dangerous in each place. Ranges are pairs of code points, both included.
"""

from collections.abc import Iterator
from typing import Final

Ranges = tuple[tuple[int, int], ...]

# Kinds

_CONTROLS: Final = ((0x00, 0x1F),)
_DEL_AND_C1: Final = ((0x7F, 0x9F),)
_CONTROLS_BUT_TAB_AND_LINE_ENDS: Final = ((0x00, 0x08), (0x0B, 0x0C), (0x0E, 0x1F))
_SOFT_HYPHEN: Final = ((0xAD, 0xAD),)
_ARABIC_LETTER_MARK: Final = ((0x061C, 0x061C),)
_MONGOLIAN_VOWEL_SEPARATOR: Final = ((0x180E, 0x180E),)
_ZERO_WIDTH_SPACE: Final = ((0x200B, 0x200B),)
_JOINERS: Final = ((0x200C, 0x200D),)
_MARKS_OF_DIRECTION: Final = ((0x200E, 0x200F),)
# The two separators end a line for some readers; embeddings, overrides and isolates turn the direction of writing.
_SEPARATORS_AND_OVERRIDES: Final = ((0x2028, 0x202E),)
_ISOLATES: Final = ((0x2066, 0x2069),)
_INVISIBLE_OPERATORS_AND_ISOLATES: Final = ((0x2060, 0x206F),)
_BYTE_ORDER_MARK: Final = ((0xFEFF, 0xFEFF),)
_ANNOTATIONS: Final = ((0xFFF9, 0xFFFB),)
_SURROGATES: Final = ((0xD800, 0xDFFF),)
_TAGS: Final = ((0xE0000, 0xE007F),)

# Subsets

IN_LINES: Final[Ranges] = (
    *(*_DEL_AND_C1, *_ARABIC_LETTER_MARK, *_MARKS_OF_DIRECTION, *_SEPARATORS_AND_OVERRIDES, *_ISOLATES),
    *(*_BYTE_ORDER_MARK, *_ANNOTATIONS),
)
"""Escaped in a line of JSON. JSON's own rules escape the C0 controls already."""

IN_LISTS: Final[Ranges] = (
    *(*_CONTROLS, *_DEL_AND_C1, *_ARABIC_LETTER_MARK, *_MARKS_OF_DIRECTION, *_SEPARATORS_AND_OVERRIDES, *_ISOLATES),
    *_BYTE_ORDER_MARK,
)
"""Blanks in the first words of a list's entry, where they would disturb what stands beside them."""

IN_TABLES: Final[Ranges] = (
    *(*_CONTROLS_BUT_TAB_AND_LINE_ENDS, *_DEL_AND_C1, *_SEPARATORS_AND_OVERRIDES, *_ISOLATES, *_ANNOTATIONS),
    *_SURROGATES,
)
"""Written by their numbers in a cell. Marks of direction stay, as Arabic and Hebrew need them."""

UNSEEN_IN_TABLES: Final[Ranges] = (
    *(*_SOFT_HYPHEN, *_ZERO_WIDTH_SPACE, *_JOINERS, *_MARKS_OF_DIRECTION, *_SEPARATORS_AND_OVERRIDES),
    *(*_INVISIBLE_OPERATORS_AND_ISOLATES, *_BYTE_ORDER_MARK),
)
"""Passed over by spreadsheets, beside white space, when they look for a formula."""

ON_TERMINALS: Final[Ranges] = (
    *(*_CONTROLS, *_DEL_AND_C1, *_SOFT_HYPHEN, *_ARABIC_LETTER_MARK, *_MONGOLIAN_VOWEL_SEPARATOR, *_ZERO_WIDTH_SPACE),
    *(*_MARKS_OF_DIRECTION, *_SEPARATORS_AND_OVERRIDES, *_INVISIBLE_OPERATORS_AND_ISOLATES, *_BYTE_ORDER_MARK),
    *(*_ANNOTATIONS, *_SURROGATES, *_TAGS),
)
"""Made visible on a terminal, which obeys or hides them."""


def code_points(ranges: Ranges) -> Iterator[int]:
    """Each code point in ``ranges``."""
    for first, last in ranges:
        yield from range(first, last + 1)


def as_class(ranges: Ranges) -> str:
    """``ranges`` as they stand between the brackets of a regular expression's class."""
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)


def as_pattern_of_utf8(ranges: Ranges) -> bytes:
    """A regular expression that finds one character of ``ranges`` in UTF-8. Surrogates have no form in it."""
    last_bytes: dict[bytes, bytes] = {}
    for point in code_points(ranges):
        *before, last = chr(point).encode()
        last_bytes[bytes(before)] = last_bytes.get(bytes(before), b"") + b"\\x%02x" % last
    alternatives = (
        b"".join(b"\\x%02x" % byte for byte in before) + b"[%b]" % lasts for before, lasts in last_bytes.items()
    )
    return b"|".join(alternatives)
