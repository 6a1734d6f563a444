"""Random sequences of writes, kills, damage and loss, against a model of what must be there; and named crash points.

Each sequence comes from a seed, which a failing test names. ``make test-long`` runs a thousand.
"""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from service.journal import JournalError
from service.journal.check import check
from service.journal.damage import note_damage
from service.journal.erasing import erase_records
from service.journal.journal import Journal
from service.journal.retrying_writer import RetryingWriter
from service.journal.schema import PAGE_SIZE
from service.journal.shedding import Losses
from service.journal.space import Retention
from service.search import compacting
from service.search.indexing import Indexer
from tests.journal.damaging import ALL_DAMAGE, body, must_be_saved
from tests.journal.dying import killed_at
from tests.journal.given import ask, kept_ids, open_journal, record, wait_until

KEEPING = Retention(days=36_500)


class Sequence:
    """A journal in a folder that changes with each kill, and the numbers that must be in it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.top, self.life, self.next = folder, 0, 1
        self.must: set[int] = set()
        self.written: set[int] = set()
        self.folder = folder / "0"
        self.journal = Journal(self.folder, sync="normal", retention=KEEPING)
        self.journal.open()
        self.writer = RetryingWriter(self.journal, Losses(), max_bytes=1 << 24, max_records=1000)

    def write(self) -> None:
        self.keep_some()
        wait_until(lambda: not self.writer.is_failing or self.writer.retry())

    def keep_some(self) -> None:
        """Hand over some records, whether they can be written or wait in memory."""
        numbers = list(range(self.next, self.next + self.chance.randrange(1, 12)))
        self.next = numbers[-1] + 1
        sizes = [self.chance.choice((16, 700, 9000)) for _ in numbers]
        self.writer.keep([record(number, body(number, size)) for number, size in zip(numbers, sizes, strict=True)])
        self.must |= set(numbers)
        self.written |= set(numbers)

    def kill(self) -> None:
        """What a killed process leaves is what is in its files; its successor begins with them."""
        self.life += 1
        after = self.top / str(self.life)
        after.mkdir()
        for name in ("journal.sqlite3", "journal.sqlite3-wal"):
            shutil.copy(self.folder / name, after)
        self.journal.close()
        self.folder = after
        self.start()

    def start(self) -> None:
        self.journal = Journal(self.folder, sync="normal", retention=KEEPING)
        self.journal.open()
        self.writer = RetryingWriter(self.journal, Losses(), max_bytes=1 << 24, max_records=1000)

    def stop_and_start(self) -> None:
        self.journal.close()
        self.start()

    def damage(self) -> None:
        self.journal.close()
        path = self.folder / "journal.sqlite3"
        before = path.read_bytes()
        content = bytearray(before)
        if len(content) > 10 * PAGE_SIZE:
            self.chance.choice(ALL_DAMAGE)(content, self.chance)
        path.write_bytes(content)
        self.must &= must_be_saved(before, bytes(content), self.next)
        with suppress(JournalError):
            check(self.folder)
        self.start()

    def delete(self) -> None:
        for path in self.folder.glob("journal.sqlite3*"):
            if self.chance.random() < 0.7 or path.name == "journal.sqlite3":
                path.unlink()
        self.write()

    def fill_disk(self) -> None:
        """The file may not grow any more: the oldest records make room, and none but those."""
        connection = self.journal.connection
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        self.write()
        self.journal.connection.execute("PRAGMA max_page_count = 1073741823").fetchall()
        kept = set(kept_ids(self.folder))
        oldest = min(kept, default=0)
        self.must = {number for number in self.must if number >= oldest}

    def false_alarm(self) -> None:
        note_damage(self.folder, (self.folder / "journal.sqlite3").stat().st_ino, "a false alarm")
        self.stop_and_start()

    def fail_to_read(self) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
        self.writer.note_trouble(error)
        self.write()

    def look(self) -> None:
        kept = kept_ids(self.folder)
        assert len(kept) == len(set(kept))
        assert self.must <= set(kept) <= self.written
        assert ask(self.folder, "PRAGMA integrity_check") == [("ok",)]


STEPS: tuple[tuple[Callable[[Sequence], None], int], ...] = (
    (Sequence.write, 10),
    (Sequence.kill, 3),
    (Sequence.stop_and_start, 2),
    (Sequence.damage, 2),
    (Sequence.delete, 1),
    (Sequence.fill_disk, 1),
    (Sequence.false_alarm, 1),
    (Sequence.fail_to_read, 1),
)


def run_sequence(folder: Path, seed: int, given: tuple[tuple[Callable[[Sequence], None], int], ...] = STEPS) -> None:
    sequence = Sequence(folder, seed)
    steps, weights = zip(*given, strict=True)
    try:
        for _ in range(12):
            sequence.chance.choices(steps, weights)[0](sequence)
        sequence.look()
    finally:
        sequence.journal.close()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_in_whatever_order_what_must_be_there_is_there_once(tmp_path: Path, seed: int) -> None:
    run_sequence(tmp_path, seed)


@pytest.mark.long
@pytest.mark.parametrize("hundred", range(10))
def test_a_thousand_sequences(tmp_path: Path, hundred: int) -> None:
    for seed in range(1000 + 100 * hundred, 1100 + 100 * hundred):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            run_sequence(folder, seed)
        except Exception as error:
            raise AssertionError(f"the sequence of seed {seed}") from error
        shutil.rmtree(folder)


# Named crash points: what is called there.
IN_SALVAGE = {
    "rebuild": "service.journal.salvage:rebuild",
    "copy": "service.journal.salvage:copy_what_is_readable",
    "note": "service.journal.setting_aside:_write_note",
    "rename": "pathlib:Path.rename",
    "take": "service.journal.journal:take_salvaged",
    "forget": "service.journal.journal:forget_damage",
}


def start_once(folder: Path) -> None:
    with open_journal(folder):
        pass


def append(folder: Path) -> None:
    with open_journal(folder) as journal:
        journal.write([record(31)])


def erase(folder: Path) -> None:
    with open_journal(folder) as journal:
        erase_records(journal.connection, [1, 2])
        journal.tidy()


def index(folder: Path) -> None:
    Indexer(folder).catch_up()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", IN_SALVAGE)
def test_a_salvage_that_is_killed_and_killed_again_in_its_recovery_saves_all(
    tmp_path: Path, name: str, when: str
) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(number, body(number, 3000)) for number in range(1, 61)])
    note_damage(tmp_path, (tmp_path / "journal.sqlite3").stat().st_ino, "met by a reader")

    assert killed_at(IN_SALVAGE[name], when, partial(start_once, tmp_path))
    killed_at(IN_SALVAGE[name], when, partial(start_once, tmp_path))
    killed_at(IN_SALVAGE["take"], "before", partial(start_once, tmp_path))
    start_once(tmp_path)

    assert kept_ids(tmp_path) == list(range(1, 61))
    assert not list(tmp_path.glob("journal.salvage*"))


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_append_compact_erase_and_an_index_step_leaves_a_sound_journal(tmp_path: Path, when: str) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(number, body(number, 3000)) for number in range(1, 31)])

    assert killed_at("service.journal.journal:transaction", when, partial(append, tmp_path))
    assert killed_at("service.journal.journal:Journal.write", when, partial(append, tmp_path))
    assert killed_at("service.search.compacting:_write_anew", when, partial(compacting.compact, tmp_path))
    assert killed_at("service.search.indexing:Indexer._step", when, partial(index, tmp_path))
    assert killed_at("service.search.compacting:_bytes_of", when, partial(compacting.compact, tmp_path))
    start_once(tmp_path)
    assert set(range(1, 31)) <= set(kept_ids(tmp_path)) <= set(range(1, 32))
    assert killed_at("service.journal.journal:bound_growth", when, partial(erase, tmp_path))
    erase(tmp_path)

    assert not {1, 2} & set(kept_ids(tmp_path))
    assert check(tmp_path).problems == []
    assert not list(tmp_path.glob("*.corrupt-*"))


ELSEWHERE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "append": ("service.journal.journal:transaction", append),
    "commit": ("service.journal.journal:Journal.write", append),
    "index step": ("service.search.indexing:Indexer._step", index),
    "compact": ("service.search.compacting:_write_anew", compacting.compact),
    "end of compact": ("service.search.compacting:_bytes_of", compacting.compact),
    "erase": ("service.journal.journal:Journal.tidy", erase),
    "open": ("service.journal.journal:Journal.open", append),
    "close": ("service.journal.journal:Journal.close", append),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_kill_there_and_again_in_its_recovery_leaves_a_sound_journal(tmp_path: Path, name: str, when: str) -> None:
    with open_journal(tmp_path) as journal:
        journal.write([record(number, body(number, 3000)) for number in range(1, 31)])
    point, work = ELSEWHERE[name]

    assert killed_at(point, when, partial(work, tmp_path))
    for _ in range(2):
        killed_at(point, when, partial(work, tmp_path))
    start_once(tmp_path)
    Indexer(tmp_path).catch_up()

    kept = kept_ids(tmp_path)
    assert set(range(3, 31)) <= set(kept) <= set(range(1, 32))
    assert {1, 2} <= set(kept) or name == "erase"
    assert len(kept) == len(set(kept)) or name in ("commit", "open", "close"), "each life may append its own"
    assert check(tmp_path).problems == []
    assert not list(tmp_path.glob("*.corrupt-*"))
