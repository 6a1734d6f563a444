"""The process is killed in the middle of its work."""

import asyncio
import random
import signal
import subprocess
import sys
from pathlib import Path

from service.journal.reader import Reader
from service.record.exchange import EncodedRecord
from tests.journal.given import ask, kept_ids, make_recorder

# Answers every exchange on its standard output once its record is committed; every tenth is never answered.
CHILD = """
import asyncio, sys
from pathlib import Path
from service.record.exchange import EncodedRecord
from tests.journal.given import ended, make_recorder, opened

async def main(folder, first):
    recorder = make_recorder(folder)
    recorder.start(asyncio.get_running_loop())
    async def ask(number):
        recorder.open(opened(number, b"question %d" % number))
        if number % 10 == 0:
            return
        await asyncio.sleep(0.0001 * (number % 7))
        is_committed = asyncio.Event()
        recorder.close(ended(number, b"question %d" % number), is_committed.set)
        await is_committed.wait()
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
    for start in range(first, first + 1_000_000, 8):
        await asyncio.gather(*(ask(number) for number in range(start, start + 8)))

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


def acknowledged_before_kill(folder: Path, first: int, answers: int) -> list[int]:
    """Start the child, kill it after so many ``answers``, and return the numbers that it acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder), str(first)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert child.stdout is not None
    try:
        lines = [child.stdout.readline() for _ in range(answers)]
    finally:
        child.send_signal(signal.SIGKILL)
        lines += child.stdout.readlines()
        child.wait()
        child.stdout.close()
    return [int(line) for line in lines if line.endswith("\n")]


def test_what_was_acknowledged_survives_kill_9_and_nothing_is_there_twice(tmp_path: Path) -> None:
    chance = random.Random(20)
    acknowledged: list[int] = []
    for life in range(4):
        acknowledged += acknowledged_before_kill(tmp_path, 1 + life * 1_000_000, chance.randrange(100, 600))

    recorder = make_recorder(tmp_path)
    loop = asyncio.new_event_loop()
    recorder.start(loop)
    recorder.stop()
    loop.close()

    kept = kept_ids(tmp_path)
    assert len(kept) == len(set(kept))
    assert set(acknowledged) <= set(kept)
    assert ask(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    assert ask(tmp_path, "SELECT count(*) FROM open_exchange") == [(0,)]


def test_what_was_being_answered_comes_back_with_its_request_as_gateway_died(tmp_path: Path) -> None:
    # The tenth was open for much longer than 25 ms by the time of the last answer of so many.
    acknowledged = acknowledged_before_kill(tmp_path, 1, 1500)
    recorded: list[EncodedRecord] = []
    recorder = make_recorder(tmp_path, on_recorded=recorded.extend)
    loop = asyncio.new_event_loop()
    recorder.start(loop)
    recorder.stop()
    loop.close()

    reader = Reader(tmp_path)
    died = reader.record(f"{10:032x}")
    rows = reader.read_after(0, 10_000, 1 << 30)
    reader.close()
    assert died is not None
    assert died.row.outcome == "gateway_died"
    assert died.request == b"question 10"
    assert died.row.id in {record.id for record in recorded}
    outcomes = {int(row.id, 16): row.outcome for row in rows}
    assert {outcomes[number] for number in acknowledged} == {"completed"}
    # The last sign of life is what was recorded last. Here others of its commit can have ended later.
    assert died.row.ended_ns == [row.ended_ns for row in rows if row.outcome == "completed"][-1]
