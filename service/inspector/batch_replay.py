"""Many recorded prompts sent again, one after the other, in a lane of its own: others go before it.

One batch runs at a time. It can be stopped, and go on later with what is left. A restart of the recorder stops it too.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from service.events import DefectFound, emit
from service.inspector.one_exchange import target_of, why_not_whole
from service.inspector.replaying import Ask, ReplayedResponse, changed
from service.inspector.threads import aside
from service.journal import JournalError
from service.journal.reader import KeptRecord, Reader
from service.journal.replay_batches import ReplayBatch, read_batch
from service.record.answer_words import answer_of
from service.record.exchange import BATCH_REPLAY
from service.record.record import Record
from service.record.word_difference import difference, likeness

MOST_PROMPTS: Final = 500
# Others go first; but where somebody always asks, a batch would never end.
_LONGEST_WAIT_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.1
# An answer may end before its record is committed.
_COMMIT_SECONDS: Final = 5.0
# Where Ollama is gone, the rest would only fail as well.
_MOST_FAILURES_IN_A_ROW: Final = 5
_MOST_TRIES: Final = 3
_BUSY: Final = (429, 503)
_MOST_RETRY_SECONDS: Final = 60.0
_USUAL_RETRY_SECONDS: Final = 1.0
_COMPARED_CHARACTERS: Final = 20_000

Save = Callable[[str, int | None, dict[str, Any]], Awaitable[None]]
"""Keeps what a batch was begun with (place None), or what became of one of its prompts."""


class _Request(NamedTuple):
    """What is sent again: a kept prompt with the changes of its batch."""

    kept: KeptRecord
    path: str
    body: bytes


@dataclass(slots=True)
class BatchReplays:
    """``in_flight`` counts the exchanges that are going on in the recorder."""

    reader: Reader
    ask: Ask
    save: Save
    in_flight: Callable[[], int]
    running: str | None = None
    why_ended: dict[str, str] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None

    async def begin(self, exchanges: Sequence[str], changes: dict[str, Any]) -> str | None:
        """Begin to send the prompts of ``exchanges`` again, with ``changes``; the id of the new batch.

        None: another one is running.
        """
        if self.running is not None:
            return None
        batch = secrets.token_hex(8)
        self.running = batch
        created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        facts = {"created": created, "changes": changes, "exchanges": list(exchanges)}
        try:
            await self.save(batch, None, facts)
        except BaseException:
            self.running = None
            raise
        self._start(ReplayBatch(batch, facts))
        return batch

    def go_on(self, batch: ReplayBatch) -> bool:
        """Send what was not sent yet. False: one is running."""
        if self.running is not None:
            return False
        self.running = batch.id
        self._start(batch)
        return True

    async def stop(self, batch: str) -> bool:
        """End it; Ollama is told at once. Whether it was running."""
        if self.running != batch or self._task is None:
            return False
        task = self._task
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if self.running == batch and self._task is task:
            # One that is cancelled before its first step does not even get to its end.
            self.running = None
        return True

    async def close(self) -> None:
        """The recorder stops."""
        if self.running is not None:
            await self.stop(self.running)

    async def judge(self, batch: ReplayBatch, place: int, verdict: str) -> None:
        """Keep what somebody thinks of both answers."""
        row = {**batch.rows[place], "verdict": verdict}
        await self.save(batch.id, place, row if verdict else {k: v for k, v in row.items() if k != "verdict"})

    def _start(self, batch: ReplayBatch) -> None:
        self.why_ended.pop(batch.id, None)
        self._task = asyncio.create_task(self._run(batch), name="batch replay")

    async def _run(self, batch: ReplayBatch) -> None:
        failures = 0
        try:
            for place, identifier in enumerate(batch.facts["exchanges"]):
                if batch.rows.get(place, {}).get("new"):
                    continue
                await self._wait_for_others()
                request = await self._request_of(identifier, batch.facts["changes"])
                if isinstance(request, str):
                    # That one cannot be sent says nothing of the next.
                    await self._keep(batch.id, place, {"error": request})
                    continue
                row = await self._repeat(request)
                await self._keep(batch.id, place, row)
                failures = 0 if row.get("new") else failures + 1
                if failures >= _MOST_FAILURES_IN_A_ROW:
                    self.why_ended[batch.id] = f"{failures} prompts in a row could not be sent: {row['error']}"
                    return
        except JournalError as trouble:
            self.why_ended[batch.id] = f"The journal does not take what came out: {trouble}."
        except Exception as fault:  # noqa: BLE001 - nobody waits for this task: what ends it has to be told here
            self.why_ended[batch.id] = "A fault in the recorder ended it. Its log says more."
            emit(DefectFound("batch replay", repr(fault)[:200]))
        finally:
            self.running = None

    async def _keep(self, batch: str, place: int, row: dict[str, Any]) -> None:
        current = await asyncio.to_thread(read_batch, self.reader, batch)
        verdict = current.rows.get(place, {}).get("verdict") if current else None
        await self.save(batch, place, row | ({"verdict": verdict} if verdict else {}))

    async def _wait_for_others(self) -> None:
        until = asyncio.get_running_loop().time() + _LONGEST_WAIT_SECONDS
        # Nobody tells when the last one ends; a tenth of a second is nothing to a batch.
        while self.in_flight() and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110 - as told above
            await asyncio.sleep(_LOOK_SECONDS)

    async def _request_of(self, identifier: str, changes: dict[str, Any]) -> _Request | str:
        """The prompt as it is to be sent, or why it cannot be."""
        kept = await asyncio.to_thread(self.reader.record, identifier)
        if kept is None:
            return "It is not here any more."
        record = Record(kept.row.line)
        if (reason := why_not_whole(kept, record)) is not None:
            return reason
        body = changed(kept, record.api or "ollama", changes)
        return body if isinstance(body, str) else _Request(kept, target_of(record.request_uri or ""), body)

    async def _repeat(self, request: _Request) -> dict[str, Any]:
        """What became of one prompt: the id of the new exchange and how alike both answers are, or an error."""
        kept, headers = request.kept, [("Content-Type", "application/json"), ("X-Caller", BATCH_REPLAY)]
        headers.append(("X-Replay-Of", kept.row.id))
        tries = 1
        while True:
            answer = await self.ask(request.path, headers, request.body)
            if isinstance(answer, str):
                return {"error": f"The recorder cannot reach its own gateway: {answer}."}
            new = await _read_to_its_end(answer)
            if answer.status not in _BUSY or tries == _MOST_TRIES:
                break
            tries += 1
            await asyncio.sleep(_retry_after(answer))
        if answer.status in (*_BUSY, 502):
            return {"error": f"Ollama took no call: {answer.status}."}
        return await self._compared(kept, new) if new else {"error": f"The gateway answers {answer.status}."}

    async def _compared(self, kept: KeptRecord, new: str) -> dict[str, Any]:
        until = asyncio.get_running_loop().time() + _COMMIT_SECONDS
        while (again := await asyncio.to_thread(self.reader.record, new)) is None:
            if asyncio.get_running_loop().time() > until:
                return {"new": new}
            await asyncio.sleep(_LOOK_SECONDS)
        return {"new": new, "likeness": await aside(_likeness, kept, again)}


def _likeness(old: KeptRecord, new: KeptRecord) -> float:
    one, other = (answer_of(Record(kept.row.line))[:_COMPARED_CHARACTERS] for kept in (old, new))
    return round(likeness(difference(one, other)), 3)


async def _read_to_its_end(answer: ReplayedResponse) -> str:
    """Let an answer come, and throw it away: its record has it. The id of its exchange."""
    try:
        while await answer.forward(lambda piece: True):
            pass
    finally:
        answer.abort()
    return _header(answer, b"x-exchange-id")


def _retry_after(answer: ReplayedResponse) -> float:
    told = _header(answer, b"retry-after")
    return min(float(told), _MOST_RETRY_SECONDS) if told.isdecimal() else _USUAL_RETRY_SECONDS


def _header(answer: ReplayedResponse, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in answer.headers if key.lower() == name), "")
