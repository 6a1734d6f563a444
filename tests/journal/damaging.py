"""Journals are damaged in many ways, and what must be there afterwards is known without asking what salvages.

Each record's bodies are full of a mark of its own. So the pages that hold it can be found by looking for the mark.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from service.journal.schema import PAGE_SIZE
from tests.journal.given import open_journal, record

Damage = Callable[[bytearray, random.Random], None]
_MARK: Final = re.compile(rb"<(\d{6})>")


def mark(number: int) -> bytes:
    return b"<%06d>" % number


def body(number: int, size: int) -> bytes:
    return (mark(number) * (size // 8 + 1))[:size]


def make_journal(folder: Path, chance: random.Random, records: int = 120) -> Path:
    """A journal of ``records`` in the file itself, small and large ones mixed, as a recorder that ended leaves it."""
    with open_journal(folder) as journal:
        for start in range(1, records + 1, 10):
            journal.write(
                [
                    record(number, body(number, chance.choice((16, 600, 6000, 30_000))), body(number, 400))
                    for number in range(start, min(start + 10, records + 1))
                ]
            )
        journal.move_cursor("loki", records // 3)
    return folder / "journal.sqlite3"


def pages_by_number(content: bytes) -> dict[int, set[int]]:
    """Of each number the pages (from 0) that hold a whole mark of it."""
    found: dict[int, set[int]] = defaultdict(set)
    for one in _MARK.finditer(content):
        page = one.start() // PAGE_SIZE
        if (one.end() - 1) // PAGE_SIZE == page:
            found[int(one[1])].add(page)
    return found


def must_be_saved(before: bytes, after: bytes, records: int, first: int = 1) -> set[int]:
    """Of so many records, numbered from ``first`` on, those of which no page was changed or cut off."""
    count = len(before) // PAGE_SIZE
    changed = {
        page
        for page in range(count)
        if before[page * PAGE_SIZE : (page + 1) * PAGE_SIZE] != after[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]
    }
    # Half a mark at an end of a page is not found: a change in the page beside one of the record's does not count.
    near = {page + step for page in changed for step in (-1, 0, 1)}
    pages = pages_by_number(before)
    return {
        number
        for number in range(first, first + records)
        if not pages[number] & changed and (not pages[number] & near or len(pages[number]) == 1)
    }


def noise(content: bytearray, chance: random.Random) -> None:
    """8 kB of noise somewhere, at no border of a page."""
    start = chance.randrange(len(content) - PAGE_SIZE)
    content[start : start + PAGE_SIZE] = chance.randbytes(PAGE_SIZE)


def zeroes(content: bytearray, chance: random.Random) -> None:
    page = chance.randrange(len(content) // PAGE_SIZE)
    content[page * PAGE_SIZE : (page + 1) * PAGE_SIZE] = bytes(PAGE_SIZE)


def shortened(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(PAGE_SIZE, len(content)) :]


def flipped_in_header(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(100)] ^= 1 << chance.randrange(8)


def flipped_anywhere(content: bytearray, chance: random.Random) -> None:
    for _ in range(chance.randrange(1, 20)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def first_page_gone(content: bytearray, chance: random.Random) -> None:
    content[:PAGE_SIZE] = chance.randbytes(PAGE_SIZE)


def map_gone(content: bytearray, chance: random.Random) -> None:
    content[PAGE_SIZE : 2 * PAGE_SIZE] = chance.randbytes(PAGE_SIZE)


def several(content: bytearray, chance: random.Random) -> None:
    for damage in chance.sample((noise, zeroes, flipped_in_header, flipped_anywhere, map_gone), 3):
        damage(content, chance)


ALL_DAMAGE: tuple[Damage, ...] = (
    noise,
    zeroes,
    shortened,
    flipped_in_header,
    flipped_anywhere,
    first_page_gone,
    map_gone,
    several,
)
