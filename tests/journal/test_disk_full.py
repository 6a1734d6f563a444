"""A disk that is full: on a real file system of 4 MB."""

import asyncio
import os
from collections.abc import AsyncIterator
from itertools import takewhile
from pathlib import Path

import pytest
import pytest_asyncio

from service.journal.reader import Reader
from service.journal.recorder import Recorder
from service.journal.space import Retention
from tests.journal.given import (
    ask,
    ended,
    kept_ids,
    make_recorder,
    open_journal,
    opened,
    record,
    small_disk,
    wait_until,
)

pytestmark = pytest.mark.blocks("these tests look into the journal's file from the loop's own thread")
BODY = os.urandom(2000).hex().encode()


@pytest_asyncio.fixture
async def disk(tmp_path: Path) -> AsyncIterator[Path]:
    mounted = small_disk(tmp_path / "disk")
    try:
        folder = await asyncio.to_thread(mounted.__enter__)
    except PermissionError as error:
        pytest.skip(str(error))
    try:
        yield folder
    finally:
        await asyncio.to_thread(mounted.__exit__, None, None, None)


async def pass_exchanges(recorder: Recorder, numbers: range, body: bytes = BODY) -> float:
    """Close one exchange after the other, each after its predecessor's record. Returns the longest wait in seconds."""
    loop = asyncio.get_running_loop()
    longest = 0.0
    for number in numbers:
        is_committed = asyncio.Event()
        begun = loop.time()
        recorder.open(opened(number, body))
        recorder.close(ended(number, body, body), is_committed.set)
        await asyncio.wait_for(is_committed.wait(), 20)
        longest = max(longest, loop.time() - begun)
    return longest


async def test_the_oldest_records_make_room_for_new_ones_on_a_full_disk(disk: Path) -> None:
    recorder = make_recorder(disk)
    await asyncio.to_thread(recorder.start, asyncio.get_running_loop())

    await pass_exchanges(recorder, range(1, 1001))

    state = recorder.state()
    assert (state.records_lost, state.bodies_lost, state.waiting) == (0, 0, 0)
    assert "full" in (recorder.degraded or "")
    await asyncio.to_thread(recorder.stop)
    kept = kept_ids(disk)
    assert kept == list(range(kept[0], 1001))
    assert 100 < len(kept) < 1000
    assert await asyncio.to_thread(ask, disk, "PRAGMA integrity_check") == [("ok",)]
    assert ask(disk, "SELECT count(*) FROM open_exchange") == [(0,)]


async def test_on_a_full_disk_even_records_that_a_receiver_lacks_make_room(disk: Path) -> None:
    recorder = make_recorder(disk)
    recorder._journal.receivers = ("loki",)
    await asyncio.to_thread(recorder.start, asyncio.get_running_loop())

    await pass_exchanges(recorder, range(1, 501))

    assert recorder.state().records_lost == 0
    await asyncio.to_thread(recorder.stop)
    assert kept_ids(disk)[-1] == 500


async def test_exchanges_go_on_while_others_fill_the_disk_and_the_journal_comes_back_by_itself(disk: Path) -> None:
    recorder = make_recorder(disk)
    await asyncio.to_thread(recorder.start, asyncio.get_running_loop())
    await pass_exchanges(recorder, range(1, 51))
    ballast = disk / "ballast"

    longest = 0.0
    for number in range(51, 251):
        await asyncio.to_thread(fill, ballast)
        longest = max(longest, await pass_exchanges(recorder, range(number, number + 1)))

    assert longest < 0.25
    assert (recorder.state().records_lost, recorder.state().bodies_lost) == (0, 0)
    assert recorder.degraded
    ballast.unlink()
    await asyncio.to_thread(wait_until, lambda: recorder.degraded is None, 15)
    await pass_exchanges(recorder, range(251, 301))
    await asyncio.to_thread(recorder.stop)
    kept = kept_ids(disk)
    assert kept == list(range(kept[0], 301))
    assert len(kept) > 80


async def test_what_neither_disk_nor_memory_can_hold_is_counted_and_the_rest_is_written_later(disk: Path) -> None:
    ballast = disk / "ballast"
    await asyncio.to_thread(fill, ballast)
    recorder = make_recorder(disk, max_queued_bytes=100_000, max_queued=60)
    await asyncio.to_thread(recorder.start, asyncio.get_running_loop())

    longest = await pass_exchanges(recorder, range(1, 101))

    assert longest < 0.25
    await asyncio.to_thread(wait_until, lambda: recorder.state().queued == 0 and recorder.state().records_lost == 40)
    assert recorder.state().waiting == 60
    assert recorder.state().bodies_lost > 40
    ballast.unlink()
    await asyncio.to_thread(wait_until, lambda: recorder.degraded is None, 15)
    await pass_exchanges(recorder, range(101, 102))
    await asyncio.to_thread(recorder.stop)
    kept = kept_ids(disk)
    assert kept == sorted(set(kept))
    assert (len(kept), kept[-1]) == (61, 101)


def fill(ballast: Path) -> None:
    """Take whatever is left of the disk."""
    with ballast.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


async def test_a_record_that_is_too_large_for_the_disk_loses_its_bodies_first(disk: Path) -> None:
    recorder = make_recorder(disk)
    await asyncio.to_thread(recorder.start, asyncio.get_running_loop())
    await pass_exchanges(recorder, range(1, 11))

    await pass_exchanges(recorder, range(11, 12), b"y" * 2_000_000)
    await pass_exchanges(recorder, range(12, 22))

    assert recorder.state().bodies_lost == 1
    assert recorder.state().records_lost == 0
    await asyncio.to_thread(recorder.stop)
    assert kept_ids(disk) == list(range(1, 22))
    reader = Reader(disk)
    found = reader.record(f"{11:032x}")
    reader.close()
    assert found is not None
    assert (found.request, found.response) == (b"", b"")
    assert b'"request_truncated":true,"response_truncated":true' in found.row.line
    assert b"request_body" not in found.row.line


async def test_a_recorder_starts_on_a_full_disk_and_records_once_there_is_room(disk: Path) -> None:
    ballast = disk / "ballast"
    await asyncio.to_thread(fill, ballast)
    recorder = make_recorder(disk)

    await asyncio.to_thread(recorder.start, asyncio.get_running_loop())
    longest = await pass_exchanges(recorder, range(1, 4))

    assert longest < 0.25
    assert recorder.degraded
    ballast.unlink()
    await asyncio.to_thread(wait_until, lambda: recorder.state().waiting == 0, 15)
    await asyncio.to_thread(recorder.stop)
    assert kept_ids(disk) == [1, 2, 3]


async def test_retention_keeps_a_journal_within_its_limit_on_a_small_disk(disk: Path) -> None:
    recorder = make_recorder(disk, retention=Retention(days=36_500, bytes=1_500_000))
    await asyncio.to_thread(recorder.start, asyncio.get_running_loop())

    for start in range(1, 501, 100):
        await pass_exchanges(recorder, range(start, start + 100))
        recorder.tidy_soon()
        await asyncio.to_thread(wait_until, lambda: (disk / "journal.sqlite3").stat().st_size < 2_500_000)

    assert recorder.degraded is None
    await asyncio.to_thread(recorder.stop)
    assert kept_ids(disk)[-1] == 500


def test_pages_are_given_back_though_the_disk_has_no_room_for_a_longer_log(disk: Path) -> None:
    with open_journal(disk) as journal:
        for start in range(1, 201, 20):
            journal.write([record(number, BODY, BODY) for number in range(start, start + 20)])
    with open_journal(disk, retention=Retention(days=36_500, bytes=1_500_000)) as journal:
        size = journal.path.stat().st_size
        assert size > 2_000_000
        fill(disk / "ballast")
        steps = list(takewhile(bool, (journal.tidy() for _ in range(1000))))
        assert len(steps) > 1
        assert journal.path.stat().st_size < size - 500_000
