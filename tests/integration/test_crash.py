"""``kill -9`` under load, again and again: what was answered is kept, the rest is ``gateway_died``, nothing twice."""

import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ollama import (
    CHUNKED,
    HOLD,
    Conversation,
    FakeOllama,
    Script,
    answer,
    chunk,
    head,
    json_answer,
    ndjson_stream,
    token_line,
)
from tests.integration.load import INCOMPLETE, Client, chat, header
from tests.integration.recorder_process import Kept, RecorderProcess, StartRecorder, eventually, start
from tests.integration.watching import asked as asked_of
from tests.servers.process import free_port
from tests.servers.recorder import PROJECT

pytestmark = [
    pytest.mark.long,
    pytest.mark.blocks("what is tested is a process of its own; this loop is only the load around it"),
]

CONNECTIONS = 32
# What goes on for 25 ms is written down before it is answered; the rest is what a busy machine may add to that.
KEPT_AFTER_SECONDS = 0.25
QUICK, STREAMED, ENDLESS = "quick", "streamed", "endless"
SCRIPTS: dict[str, Script] = {
    QUICK: json_answer({"model": "tiny", "message": {"role": "assistant", "content": "yes"}, "done": True}),
    STREAMED: ndjson_stream(20, 0.01),
    ENDLESS: answer(head(200, CHUNKED, "application/x-ndjson"), chunk(token_line(" begun")), HOLD),
}


@dataclass
class Asked:
    """One request of the load, which names itself in its prompt. ``broke_off_at`` is monotonic."""

    prompt: str
    exchange: str = ""
    was_answered: bool = False
    broke_off_at: float | None = None


@dataclass
class Load:
    """Clients that ask without pause and connect again when the recorder is gone."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    is_over: bool = False
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _running: dict[Client, Asked] = field(default_factory=dict)

    def answered(self) -> list[Asked]:
        return [one for one in self.asked if one.was_answered]

    async def has_answered(self, more: int) -> None:
        """Wait until so many more requests were answered."""
        enough = len(self.answered()) + more
        await eventually(lambda: len(self.answered()) >= enough, within=30)

    async def run(self, connections: int) -> None:
        """Ask until ``is_over``, then until what was asked is answered or broken off."""
        async with asyncio.TaskGroup() as group:
            for number in range(connections):
                group.create_task(self._ask_on_and_on(random.Random(number)))

    async def _ask_on_and_on(self, chance: random.Random) -> None:
        while not self.is_over:
            try:
                client = await Client.connect(self.port)
            except ConnectionError:
                await asyncio.sleep(0.02)
                continue
            try:
                while not self.is_over:
                    kind = chance.choices((QUICK, STREAMED, ENDLESS), (70, 25, 5))[0]
                    await self._ask(client, kind)
            except INCOMPLETE:
                self._note_break(client)
            finally:
                await client.leave()

    async def _ask(self, client: Client, kind: str) -> None:
        one = Asked(f"{kind} number {next(self._numbers)};")
        self._running[client] = one
        self.asked.append(one)
        client.writer.write(chat(one.prompt))
        answered = await client.reader.readuntil(b"\r\n\r\n")
        one.exchange = header(answered, "X-Exchange-Id") or ""
        async for _ in client.pieces(answered):
            pass
        one.was_answered = True

    def _note_break(self, client: Client) -> None:
        one = self._running[client]
        if not one.was_answered:
            one.broke_off_at = time.monotonic()


@pytest.fixture
async def ollama() -> AsyncIterator[FakeOllama]:
    async def by_prompt(conversation: Conversation) -> None:
        await conversation.read_upload()
        prompt = prompt_in(conversation.request.json())
        await SCRIPTS[prompt.split()[0]](conversation)

    async with FakeOllama() as fake:
        fake.answers("/api/chat", by_prompt)
        yield fake


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.long)])
async def test_after_each_kill_what_was_answered_is_kept_and_what_was_not_is_gateway_died(
    start_recorder: StartRecorder,
    tmp_path: Path,
    ollama: FakeOllama,
    kills: int,
    measured: Callable[[str], None],
) -> None:
    port = free_port()
    load = Load(port)
    killed_at: list[float] = []
    recorder = await start(start_recorder, tmp_path, ollama.url, port=port)
    running = asyncio.create_task(load.run(CONNECTIONS))
    chance = random.Random(kills)
    try:
        for _ in range(kills):
            await load.has_answered(200)
            await asyncio.sleep(chance.uniform(0.3, 0.5))
            recorder.server.process.kill()
            killed_at.append(time.monotonic())
            await asyncio.to_thread(recorder.server.process.wait)
            recorder = await start(start_recorder, tmp_path, ollama.url, port=port)
    finally:
        load.is_over = True
        recorder.server.process.kill()
        killed_at.append(time.monotonic())
        await asyncio.wait_for(running, 30)
    # One more start: it makes records of what the last kill left open.
    recorder = await start(start_recorder, tmp_path, ollama.url, port=port)
    assert await recorder.stop() == 0
    assert_journal_is_sound(recorder)
    kept = await recorder.records()
    died = sum(record.outcome == "gateway_died" for record in kept)
    measured(f"{kills} kills, {len(load.answered())} answers, {died} exchanges died, {len(kept)} records")
    assert_nothing_twice(kept)
    assert_what_was_answered_is_kept(load, kept)
    arrived_at = {prompt_in(request.json()): request.arrived_at for request in asked_of(ollama) if request.body_length}
    untold = ages_of_those_without_record(load, kept, arrived_at, killed_at)
    measured(f"{len(untold)} left no record; the oldest was {max(untold, default=0) * 1000:.0f} ms old when killed")
    assert max(untold, default=0) < KEPT_AFTER_SECONDS
    assert_what_was_running_died(load, kept)
    assert died >= kills


def assert_nothing_twice(kept: list[Kept]) -> None:
    for values in ([record.id for record in kept], [record.number for record in kept], list(map(prompt_of, kept))):
        assert [value for value, times in Counter(values).items() if times > 1] == []
    assert [record.number for record in kept] == list(range(1, len(kept) + 1))


def assert_what_was_answered_is_kept(load: Load, kept: list[Kept]) -> None:
    by_id = {record.id: record for record in kept}
    missing = [one for one in load.answered() if one.exchange not in by_id]
    assert missing == [], f"{len(missing)} of {len(load.answered())} complete answers have no record"
    for one in load.answered():
        record = by_id[one.exchange]
        assert (record.outcome, prompt_of(record)) == ("completed", one.prompt)
        assert record.line["response_text"]


def ages_of_those_without_record(
    load: Load, kept: list[Kept], arrived_at: dict[str, float], killed_at: list[float]
) -> list[float]:
    """For how many seconds Ollama had had each of the requests that left no trace, when the recorder was killed."""
    known = set(map(prompt_of, kept))
    ages = []
    for one in load.asked:
        if one.broke_off_at is not None and one.prompt not in known and one.prompt in arrived_at:
            kill = max(at for at in killed_at if at <= one.broke_off_at)
            ages.append(kill - arrived_at[one.prompt])
    return ages


def assert_what_was_running_died(load: Load, kept: list[Kept]) -> None:
    by_prompt = {prompt_of(record): record for record in kept}
    for one in load.asked:
        record = by_prompt.get(one.prompt)
        if one.was_answered or record is None:
            continue
        # Killed between the record's commit and the answer's last byte, it was completed all the same.
        expected = {"gateway_died"} if one.prompt.startswith(ENDLESS) else {"gateway_died", "completed"}
        assert record.outcome in expected, one
        assert one.exchange in ("", record.id)
        if record.outcome == "gateway_died":
            assert record.line["failed"] is True
            assert "status" not in record.line
            assert "request_time" not in record.line


def prompt_of(record: Kept) -> str:
    """Every record has its request, also those that died."""
    return prompt_in(json.loads(record.line["request_body"]))


def prompt_in(asked: Any) -> str:
    """What a chat asks for."""
    prompt: str = asked["messages"][0]["content"]
    return prompt


def assert_journal_is_sound(recorder: RecorderProcess) -> None:
    command = [sys.executable, "-m", "service", "journal", "check"]
    environment = {"PYTHONPATH": str(PROJECT), "DATA_DIR": str(recorder.data)}
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
