"""Many prompts sent again, one after the other."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from service.inspector import batch_replay
from service.inspector.batch_replay import BatchReplays
from service.journal import JournalError
from service.journal.reader import Reader
from service.journal.replay_batches import ReplayBatch
from tests.cli.kept import chat, keep
from tests.journal.given import identifier, record


class Scripted:
    """An answer of the gateway."""

    failure = None

    def __init__(self, status: int, *headers: tuple[bytes, bytes]) -> None:
        self.status, self.headers, self.is_aborted = status, headers, False

    async def forward(self, take: Callable[[bytes], bool]) -> bool:
        take(b"text")
        return False

    def abort(self) -> None:
        self.is_aborted = True


class Bench:
    """A batch over a journal of two chats, with a gateway that answers as it is told."""

    def __init__(self, folder: Path, *answers: Scripted | str) -> None:
        keep(folder, chat(1, "Why?"), chat(2, "How?"))
        self.answers, self.asked, self.saved = list(answers), list[Sequence[tuple[str, str]]](), list[Any]()
        self.replays = BatchReplays(Reader(folder), self.ask, self.save, lambda: 0)

    async def ask(self, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> Scripted | str:
        self.asked.append(headers)
        return self.answers.pop(0)

    async def save(self, batch: str, place: int | None, values: dict[str, Any]) -> None:
        self.saved.append((place, values))

    async def run(self, exchanges: Sequence[str] = (identifier(1), "f" * 32)) -> list[Any]:
        assert await self.replays.begin(exchanges, {"model": "big"})
        async with asyncio.timeout(20):
            while self.replays.running:
                await asyncio.sleep(0.01)
        self.replays.reader.close()
        return [values for place, values in self.saved if place is not None]


async def test_a_prompt_that_is_gone_does_not_end_the_batch(tmp_path: Path) -> None:
    answer = Scripted(200, (b"X-Exchange-Id", identifier(2).encode()))
    bench = Bench(tmp_path, answer)
    assert await bench.run() == [
        {"new": identifier(2), "likeness": 1.0},
        {"error": "It is not here any more."},
    ]
    assert answer.is_aborted
    assert ("X-Caller", "batch replay") in bench.asked[0]


async def test_many_prompts_in_a_row_that_cannot_be_sent_do_not_keep_others_from_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Scripted(200, (b"X-Exchange-Id", identifier(2).encode())))
    gone = [f"{number:f>32}" for number in range(9)]
    await bench.run([*gone, identifier(1)])
    assert bench.saved[-1] == (9, {"new": identifier(2), "likeness": 1.0})
    assert bench.replays.why_ended == {}


async def test_an_ollama_that_is_gone_ends_the_batch(tmp_path: Path) -> None:
    bench = Bench(tmp_path, *(Scripted(502) for _ in range(5)))
    assert len(await bench.run([identifier(1)] * 9)) == 5
    (why,) = bench.replays.why_ended.values()
    assert why == "5 prompts in a row could not be sent: Ollama took no call: 502."


async def test_a_prompt_that_is_too_deep_to_be_changed_is_told(tmp_path: Path) -> None:
    deep = b'{"model": "tiny", "messages": %s%s}' % (b"[" * 1015, b"]" * 1015)
    bench = Bench(tmp_path)
    keep(tmp_path, record(7, deep))
    assert await bench.run([identifier(7)]) == [
        {"error": "The request is nested too deeply to be changed: it can only be sent again as it was."}
    ]


async def test_a_full_queue_is_waited_for_and_then_told(tmp_path: Path) -> None:
    busy = [Scripted(429, (b"Retry-After", b"0")) for _ in range(3)]
    bench = Bench(tmp_path, *busy)
    assert (await bench.run())[0] == {"error": "Ollama took no call: 429."}
    bench = Bench(tmp_path / "other", busy[0], Scripted(200, (b"x-exchange-id", identifier(2).encode())))
    assert (await bench.run())[0]["new"] == identifier(2)


@pytest.mark.parametrize("told", [b"\xb2", b"", b"-1", b"1e9", b"Sun, 06 Nov 1994 08:49:37 GMT", b"\xbd"])
async def test_a_pause_that_nobody_can_read_is_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: bytes
) -> None:
    monkeypatch.setattr(batch_replay, "_USUAL_RETRY_SECONDS", 0)
    busy = Scripted(429, (b"Retry-After", told))
    bench = Bench(tmp_path, busy, Scripted(200, (b"x-exchange-id", identifier(2).encode())))
    assert (await bench.run())[0]["new"] == identifier(2)


async def test_a_fault_of_ours_ends_the_batch_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted: list[Any] = []
    monkeypatch.setattr(batch_replay, "emit", emitted.append)
    bench = Bench(tmp_path)  # which has no answer to give
    await bench.run()
    assert list(bench.replays.why_ended.values()) == ["A fault in the recorder ended it. Its log says more."]
    assert [event.where for event in emitted] == ["batch replay"]


async def test_stopping_one_leaves_the_next_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.replays.in_flight = lambda: 1

    def running() -> str | None:
        return bench.replays.running

    first = await bench.replays.begin([identifier(1)], {})
    assert first is not None
    # It is cancelled, and before whoever stops it goes on, somebody begins the next.
    await asyncio.sleep(0)
    stopping = asyncio.create_task(bench.replays.stop(first))
    while running() is not None:
        await asyncio.sleep(0)
    saved = asyncio.Event()

    async def slow(batch: str, place: int | None, values: dict[str, Any]) -> None:
        await saved.wait()

    bench.replays.save = slow
    beginning = asyncio.create_task(bench.replays.begin([identifier(1)], {}))
    await stopping
    assert running() not in (None, first)
    saved.set()
    second = await beginning
    assert running() == second
    await bench.replays.close()
    bench.replays.reader.close()


async def test_a_record_that_does_not_come_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_replay, "_COMMIT_SECONDS", 0.05)
    bench = Bench(tmp_path, Scripted(200, (b"X-Exchange-Id", b"e" * 32)))
    assert (await bench.run())[0] == {"new": "e" * 32}


async def test_a_journal_that_takes_nothing_ends_the_batch_with_the_reason(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "nobody listens")

    async def full(batch: str, place: int | None, values: dict[str, Any]) -> None:
        if place is not None:
            raise JournalError("the disk is full")

    bench.replays.save = full
    await bench.run()
    (why,) = bench.replays.why_ended.values()
    assert why == "The journal does not take what came out: the disk is full."


async def test_one_runs_at_a_time_and_closing_stops_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.replays.in_flight = lambda: 1
    first = await bench.replays.begin([identifier(1)], {})
    assert first is not None
    assert await bench.replays.begin([identifier(1)], {}) is None
    assert not bench.replays.go_on(ReplayBatch(first, {"exchanges": [], "changes": {}}))
    await bench.replays.close()
    assert bench.replays.running is None
    assert not await bench.replays.stop(first)
    bench.replays.reader.close()
