"""Batches of replays over HTTP: what there is, what came out, begun, stopped and judged."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from service.exports.csv_table import write_rows
from service.inspector.batch_replay import MOST_PROMPTS, BatchReplays
from service.inspector.batch_table import COLUMNS, VERDICTS, flat, ids_of, rows_of, sentence_of
from service.inspector.client import Client
from service.inspector.listing import filter_of
from service.inspector.private_headers import PRIVATE_HEADERS
from service.inspector.replaying import Replaying, read_changes
from service.inspector.responses import refuse, say
from service.inspector.threads import aside, aside_at_length
from service.journal.replay_batches import ReplayBatch, read_batch, read_batches
from service.json_writing import write_json
from service.record.json_body import JsonForm, read_fields
from service.record.operations import ANSWERED_IN_WORDS
from service.record.record import Record
from service.search.filters import Filter, read_limit
from service.search.search import Search

PATH: Final = re.compile(r"/replays(?:\.json|/([0-9a-f]{16})(\.json|\.csv|\.jsonl|/stop|/go-on|/verdict|))")
_USUAL_LIMIT: Final = 100
_VERDICT_FORM: Final = JsonForm(
    {"place": (int, "a number"), "verdict": (str, "one of old, new, same, bad, or empty")},
    unknown="{name} is not known here: place and verdict are.",
    mistyped="{name} has to be {expected}.",
)
_BUSY: Final = "A batch is running already: wait for its end, or stop it."
_GONE: Final = "There is no such batch of replays (any more)."

Delete = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class BatchPages:
    """Whoever may send one prompt again may send many. ``delete`` forgets a batch."""

    replaying: Replaying
    batches: BatchReplays
    search: Search
    delete: Delete

    async def answer(
        self, http: web.BaseRequest, batch: str | None, part: str | None, query: Mapping[str, str], client: Client
    ) -> web.StreamResponse:
        """Whatever PATH matches."""
        method = http.method
        expected = _methods_of(batch, part)
        if method not in expected:
            return refuse(405, f"This is asked with {' or '.join(expected)}.", {"Allow": ", ".join(expected)})
        if method in ("POST", "DELETE") and (why := self.replaying.why_not(client)) is not None:
            return refuse(403, why, setting="INSPECTOR_REPLAY")
        if batch is None:
            return await (self._begin(http, query) if method == "POST" else self._list())
        # Asked first: what has ended by then is whole in what is read.
        running = self.batches.running
        found = await aside(read_batch, self.batches.reader, batch)
        if found is None:
            return refuse(404, _GONE)
        if method == "DELETE":
            await self.batches.stop(batch)
            await self.delete(batch)
            return say({"deleted": batch})
        if part == "/verdict":
            return await self._judge(http, found)
        if part == "/stop":
            return say({"stopped": await self.batches.stop(batch)})
        if part == "/go-on":
            return self._go_on(found, running)
        return await self._show(found, part or ".json", running)

    async def _begin(self, http: web.BaseRequest, query: Mapping[str, str]) -> web.Response:
        wanted, limit = filter_of(query, ("limit",)), read_limit(query, _USUAL_LIMIT, MOST_PROMPTS)
        changes = read_changes(await http.read())
        if isinstance(changes, str):
            return refuse(400, changes)
        changes.pop("stream", None)
        exchanges = await aside_at_length(find_prompts, self.search, wanted, limit)
        if not exchanges:
            return refuse(409, "No prompt that can be sent again is in this view: choose other filters.")
        batch = await self.batches.begin(exchanges, changes)
        if batch is None:
            return refuse(409, _BUSY)
        return say({"batch": batch, "prompts": len(exchanges)}, 202)

    def _go_on(self, batch: ReplayBatch, running: str | None) -> web.Response:
        if running is not None or not self.batches.go_on(batch):
            return refuse(409, _BUSY)
        return say({"batch": batch.id}, 202)

    async def _judge(self, http: web.BaseRequest, batch: ReplayBatch) -> web.Response:
        asked = read_fields(await http.read(), _VERDICT_FORM)
        if isinstance(asked, str):
            return refuse(400, asked)
        place, verdict = asked.get("place", -1), asked.get("verdict", "")
        if verdict and verdict not in VERDICTS:
            return refuse(400, f"verdict has to be one of {', '.join(VERDICTS)}, or empty.")
        if "new" not in batch.rows.get(place, {}):
            return refuse(409, "There is no new answer to this prompt yet.")
        await self.batches.judge(batch, place, verdict)
        return say({"place": place, "verdict": verdict})

    async def _list(self) -> web.Response:
        running = self.batches.running
        found = await aside(read_batches, self.batches.reader)
        return say({"batches": [self._head(batch, running) for batch in found], "most": MOST_PROMPTS})

    async def _show(self, batch: ReplayBatch, part: str, running: str | None) -> web.Response:
        rows = await aside_at_length(rows_of, self.batches.reader, batch)
        if part == ".json":
            done = sum("new" in row or "error" in row for row in batch.rows.values())
            return say(self._head(batch, running) | {"done": done, "rows": rows, "sentence": sentence_of(rows)})
        if part == ".csv":
            body, kind = b"".join(write_rows(COLUMNS, map(flat, rows))), "text/csv; charset=utf-8"
        else:
            body, kind = b"".join(write_json(row) + b"\n" for row in rows), "application/x-ndjson"
        name = f'attachment; filename="replays-{batch.id}{part}"'
        return web.Response(body=body, headers=PRIVATE_HEADERS | {"Content-Type": kind, "Content-Disposition": name})

    def _head(self, batch: ReplayBatch, running: str | None) -> dict[str, Any]:
        head: dict[str, Any] = {"batch": batch.id, "created": batch.facts.get("created"), "prompts": len(ids_of(batch))}
        head |= {"changes": batch.facts.get("changes", {}), "running": running == batch.id}
        why = self.batches.why_ended.get(batch.id)
        return head | ({"why_ended": why} if why else {})


def find_prompts(search: Search, wanted: Filter, limit: int) -> list[str]:
    """The ids of the newest ``limit`` calls that ``wanted`` lets through and that can be compared, oldest first.

    Those are answered in words, and no replays themselves.
    """
    found: list[str] = []
    for numbers in search.numbers(wanted):
        for record in search.records_of(numbers):
            if _may_be_repeated(record):
                found.append(record.exchange or "")
                if len(found) == limit:
                    return found[::-1]
    return found[::-1]


def _may_be_repeated(record: Record) -> bool:
    return record.operation in ANSWERED_IN_WORDS and not record.replay_of and not record.request_truncated


def _methods_of(batch: str | None, part: str | None) -> tuple[str, ...]:
    if batch is None:
        return ("GET", "HEAD", "POST")
    if part == "":
        return ("DELETE",)
    return ("GET", "HEAD") if (part or "").startswith(".") else ("POST",)
