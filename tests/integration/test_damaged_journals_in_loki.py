"""Journals are damaged at random, checked, and a recorder starts with each: a real Loki has what was readable, once."""

import asyncio
import random
import shutil
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import orjson
import pytest

from service.journal import JournalError
from service.journal.check import check
from service.journal.reader import Reader
from tests.journal.damaging import ALL_DAMAGE, body, must_be_saved
from tests.journal.given import open_journal, record
from tests.running_app import running, until
from tests.servers.loki import Loki
from tests.servers.process import free_port

pytestmark = pytest.mark.long

RECORDS = 60
FEW, MANY, AT_ONCE = 16, 200, 8
# A minute where nothing else goes on.
MOST_SECONDS = 300
# Records lie so far apart in time, so each journal has a part of Loki's time of its own.
STEP_NS = 1_000_000


class DamagedJournal:
    """Journal ``number`` in ``folder``, whose damage comes from its number as the seed."""

    def __init__(self, folder: Path, number: int, began_ns: int) -> None:
        self.folder = folder
        self.seed = number
        self.first = number * 1000 + 1
        self.began_ns = began_ns + number * RECORDS * STEP_NS
        self.damage = ALL_DAMAGE[number % len(ALL_DAMAGE)]
        self.untouched: set[int] = set()

    def make(self) -> None:
        chance = random.Random(self.seed)
        with open_journal(self.folder) as journal:
            for number in range(self.first, self.first + RECORDS):
                size = chance.choice((16, 600, 6000))
                ended_ns = self.began_ns + (number - self.first) * STEP_NS
                journal.write([record(number, body(number, size), body(number, 300), ended_ns=ended_ns)])
        path = self.folder / "journal.sqlite3"
        before = path.read_bytes()
        content = bytearray(before)
        self.damage(content, chance)
        path.write_bytes(content)
        self.untouched = must_be_saved(before, bytes(content), RECORDS, self.first)
        with suppress(JournalError):
            check(self.folder)

    def is_delivered(self) -> bool:
        with closing(Reader(self.folder)) as reader:
            newest = reader.ask("SELECT max(number) FROM exchange")[0][0] or 0
            return reader.cursors().get("loki", 0) >= newest

    def in_loki(self, loki: Loki) -> Counter[str]:
        """The lines, by what each says of its exchange."""
        start, end = self.began_ns / 1e9, (self.began_ns + RECORDS * STEP_NS) / 1e9
        found = loki.query_range('{job="nginx"}', start=start - 0.0004, end=end - 0.0004)
        return Counter(str(_json(line).get("exchange")) for stream in found for _, line in stream["values"])


def _json(line: str) -> dict[str, object]:
    try:
        value = orjson.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def ship(journals: list[DamagedJournal], loki: Loki) -> None:
    """Let a recorder start with each of ``journals`` and bring it to ``loki``."""
    nobody = f"http://127.0.0.1:{free_port()}"

    async def start_with(journal: DamagedJournal) -> None:
        async def is_delivered() -> bool:
            return journal.is_delivered()

        async with running(journal.folder, OLLAMA_URL=nobody, LOKI_URL=loki.url, LOKI_SPANS="false"):
            await until(is_delivered, 60)

    await asyncio.gather(*map(start_with, journals))


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.long)])
@pytest.mark.blocks("hundreds of journals are made and read by the test's own loop")
async def test_every_readable_record_of_damaged_journals_is_in_loki_once(
    tmp_path: Path, loki: Loki, count: int
) -> None:
    began_ns = time.time_ns() - 600 * 10**9
    journals = [DamagedJournal(tmp_path / str(number), number, began_ns) for number in range(count)]
    async with asyncio.timeout(MOST_SECONDS):
        for first in range(0, count, AT_ONCE):
            some = journals[first : first + AT_ONCE]
            for journal in some:
                journal.make()
            await ship(some, loki)
            for journal in some:
                shutil.rmtree(journal.folder)  # all of them would be four gigabytes
    wrong, untouched, touched, spoiled = [], 0, 0, 0
    for journal in journals:
        found = journal.in_loki(loki)
        written = {f"{number:032x}" for number in range(journal.first, journal.first + RECORDS)}
        must = {f"{number:032x}" for number in journal.untouched}
        # No checksum tells a bit that flipped within a line: it is shipped as it is, in its own record's place.
        strangers = found.keys() - written
        if not must <= found.keys() or set(found.values()) - {1} or len(found) > RECORDS:
            wrong.append(f"seed {journal.seed}, {journal.damage.__name__}: {must - found.keys()} missing, {found}")
        untouched += len(must)
        touched += len((found.keys() & written) - must)
        spoiled += len(strangers)
    print(
        f"{count} journals: {untouched} untouched records in Loki once, {touched} of those that were touched, and"
        f" {spoiled} lines with a flipped bit in their number"
    )
    assert wrong == []
    assert untouched > count * RECORDS / 3
    assert spoiled <= count / 4
