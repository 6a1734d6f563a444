"""The rules of MASK_FILE: packs and patterns. Text in, masks out; all mistakes are told at once.

``[[mask]]`` has ``name``, ``regex`` and ``where``, ``[[pack]]`` has ``name`` and ``where``. A pattern is written as RE2
reads it. With a group in it, only what the group holds is masked.
"""

import tomllib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from service.record.mask_packs import PACKS, Find, Span
from service.record.own_masks import MaskedPart, OwnMask, OwnMasks

if TYPE_CHECKING:
    import re2

ALL: Final = "all"
"""Names every pack."""

MOST_MASKS: Final = 100
_LONGEST_NAME, _LONGEST_REGEX = 100, 1_000
# The states of a pattern, of which each costs time at each character in the worst case.
MOST_STATES: Final = 2_000
_BY_DEFAULT: Final = frozenset({MaskedPart.PROMPTS, MaskedPart.ANSWERS})
_NEEDED: Final = {"mask": ("name", "regex"), "pack": ("name",)}


def masks_of_packs(names: Iterable[str]) -> OwnMasks:
    """The packs of these names, over prompts and answers. Raises ValueError for a name that none has."""
    return tuple(mask for name in names for mask in _pack(name, _BY_DEFAULT))


def read_masks(text: str) -> OwnMasks:
    """The masks in a TOML text. Raises ValueError that names every mistake."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as mistake:
        raise ValueError(f"no TOML: {mistake}") from None
    mistakes: list[str] = []
    masks: list[OwnMask] = []
    for kind, tables in document.items():
        if kind not in _NEEDED or not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            mistakes.append(f"{kind}: expected tables [[mask]] and [[pack]]")
            continue
        for number, table in enumerate(tables, 1):
            try:
                masks += _read_table(kind, table)
            except ValueError as mistake:
                mistakes.append(f"[[{kind}]] {number}: {mistake}")
    if len(masks) > MOST_MASKS:
        mistakes.append(f"{len(masks)} masks: expected are {MOST_MASKS} at most")
    if mistakes:
        raise ValueError("; ".join(mistakes))
    return tuple(masks)


def _read_table(kind: str, table: dict[str, Any]) -> list[OwnMask]:
    needed = _NEEDED[kind]
    if unknown := table.keys() - {*needed, "where"}:
        raise ValueError(f"{sorted(unknown)[0]!r} is not known: expected are {', '.join((*needed, 'where'))}")
    for key in needed:
        if not isinstance(table.get(key), str) or not table[key].strip():
            raise ValueError(f"{key}: expected a text")
    where = _parts(table["where"]) if "where" in table else _BY_DEFAULT
    name = table["name"]
    if kind == "pack":
        return _pack(name, where)
    if len(name) > _LONGEST_NAME or len(table["regex"]) > _LONGEST_REGEX:
        raise ValueError(f"expected are {_LONGEST_NAME} characters of a name and {_LONGEST_REGEX} of a regex at most")
    return [OwnMask(name, _finder(_compile(table["regex"])), where)]


def _parts(value: Any) -> frozenset[MaskedPart]:
    words = [str(part) for part in MaskedPart]
    if not isinstance(value, list) or not value or any(one not in words for one in value):
        raise ValueError("where: expected a list of " + ", ".join(f'"{word}"' for word in words))
    return frozenset(map(MaskedPart, value))


def _pack(name: str, where: frozenset[MaskedPart]) -> list[OwnMask]:
    if name != ALL and name not in PACKS:
        raise ValueError(f"pack {name!r}: expected one of {', '.join((*PACKS, ALL))}")
    return [OwnMask(pack, find, where) for pack, find in PACKS.items() if name in (ALL, pack)]


def _compile(regex: str) -> "re2._Regexp[str]":
    try:
        import re2
    except ImportError:
        raise ValueError("patterns need RE2: install ollama-recorder[mask], or google-re2 beside it") from None
    options = re2.Options()
    # A mistake is told by us, and not on standard error besides.
    options.log_errors = False
    try:
        pattern = re2.compile(regex, options)
    except (re2.error, UnicodeEncodeError) as mistake:
        reason = mistake.args[0].decode("utf-8", "replace") if isinstance(mistake, re2.error) else "no text"
        raise ValueError(f"regex: RE2 does not take it: {reason}") from None
    if pattern.groups > 1:
        raise ValueError("regex: expected one group at most, whose text is masked; (?:…) groups what stays")
    if max(pattern.programsize, pattern.reverseprogramsize) > MOST_STATES:
        raise ValueError(f"regex: too large ({pattern.programsize} states of {MOST_STATES}); ask for fewer repetitions")
    if pattern.search("") is not None:
        raise ValueError("regex: it matches an empty text, and so everywhere")
    return pattern


def _finder(pattern: "re2._Regexp[str]") -> Find:
    group = pattern.groups

    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            start, stop = match.span(group)
            # A group that took no part masks the whole match: too much, never too little.
            yield (start, stop) if start >= 0 else match.span()

    return find
