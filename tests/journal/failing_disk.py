"""Random sequences on a disk that really fails: ``python -m tests.journal.failing_disk FOLDER FIRST COUNT``.

A process of its own, in which ``failing_disk.c`` stands before the C library: reads, writes, syncs and truncations of
the journal's files give EIO or ENOSPC when a step says so. It prints how many calls failed; a failing seed is named.
"""

import ctypes
import errno
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from service.journal import JournalError
from service.journal.salvage import copy_what_is_readable
from service.journal.schema import prepare
from tests.journal.given import kept_ids, wait_until
from tests.journal.test_fault_sequences import STEPS, Sequence, run_sequence

_SOURCE: Final = Path(__file__).with_suffix(".c")
_READS, _WRITES, _SYNCS, _CUTS = 1, 2, 4, 8
_KINDS: Final = (_READS, _WRITES, _SYNCS, _CUTS, _READS | _WRITES, _READS | _WRITES | _SYNCS | _CUTS)


def build(compiler: str, folder: Path) -> Path:
    """The library, made of its source."""
    library = folder / "failing_disk.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"], check=True, timeout=60)
    return library


class _Disk:
    """The library that this process was started with. ``failed``: how many calls have failed."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self.failed = 0

    def arm(self, sequence: Sequence) -> int:
        """Let some of the next calls fail; with which error."""
        kinds = sequence.chance.choice(_KINDS)
        # A disk is full only for who writes.
        number = errno.ENOSPC if kinds == _WRITES and sequence.chance.random() < 0.5 else errno.EIO
        self._library.arm_faults(kinds, sequence.chance.randrange(15), sequence.chance.choice((1, 2, 10, 200)), number)
        return number

    def disarm(self) -> None:
        self.failed += self._library.faults_met()
        self._library.arm_faults(0, 0, 0, 0)


def _write(sequence: Sequence, disk: _Disk) -> None:
    """Records come while the disk fails, and again when it does not: all of them are there then."""
    number = disk.arm(sequence)
    try:
        for _ in range(sequence.chance.randrange(1, 4)):
            sequence.keep_some()
            if sequence.writer.is_failing:
                sequence.writer.retry()
    finally:
        disk.disarm()
    wait_until(lambda: not sequence.writer.is_failing or sequence.writer.retry())
    if number == errno.ENOSPC:
        # The oldest make room, and none but those.
        oldest = min(kept_ids(sequence.folder), default=0)
        sequence.must = {one for one in sequence.must if one >= oldest}
    if _look_aside(sequence):
        assert "set aside" in (sequence.journal.notice or "")


def _start(sequence: Sequence, disk: _Disk) -> None:
    """It ends and starts on a failing disk, and tries again when that is mended."""
    disk.arm(sequence)
    try:
        sequence.stop_and_start()
    except (JournalError, sqlite3.Error, OSError):
        disk.disarm()
        sequence.stop_and_start()
    finally:
        disk.disarm()
    wait_until(lambda: not sequence.writer.is_failing or sequence.writer.retry())
    if _look_aside(sequence):
        # A start that failed, or a later one, takes no notice with it.
        assert "set aside" in (sequence.journal.notice or "")


def _look_aside(sequence: Sequence) -> bool:
    """What the disk did not give when the file was read anew is in the file that was set aside. Whether some is."""
    missing = sequence.must - set(kept_ids(sequence.folder))
    aside: set[int] = set()
    for damaged in sequence.folder.glob("journal.sqlite3.corrupt-*"):
        if not damaged.name.endswith("-wal"):
            aside |= _readable(damaged)
    assert missing <= aside, f"{sorted(missing - aside)} are nowhere"
    sequence.must -= missing
    return bool(missing)


def _readable(damaged: Path) -> set[int]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        prepare(fresh)
        copy_what_is_readable(damaged, fresh)
        return {int(name, 16) for (name,) in fresh.execute("SELECT id FROM exchange")}


def main(folder: Path, first: int, count: int) -> None:
    """Run ``count`` sequences, from the seed ``first`` on."""
    disk = _Disk()
    steps = (*STEPS, (lambda sequence: _write(sequence, disk), 6), (lambda sequence: _start(sequence, disk), 3))
    for seed in range(first, first + count):
        place = folder / str(seed)
        place.mkdir()
        try:
            run_sequence(place, seed, steps)
        except Exception as error:
            raise AssertionError(f"the sequence of seed {seed}") from error
        finally:
            disk.disarm()
        shutil.rmtree(place)
    print(f"{count} sequences, {disk.failed} calls of the disk failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
