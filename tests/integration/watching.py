"""What a test looks at after an exchange: the journal's rows, standard output, the requests that Ollama saw."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple

from service.journal import JournalError
from service.journal.reader import KeptRecord, Reader
from service.record.fields import FIELD_NAMES
from tests.fakes.ollama import FakeOllama, Request
from tests.servers.process import RunningServer

SECONDS = 15.0
# What the recorder asks by itself: readiness, how much room loaded models have, and what they are.
_OWN_QUESTIONS = frozenset({"/api/version", "/api/ps", "/api/show"})
# C0 and C1 controls, marks and overrides of writing direction, line and paragraph separators, the byte order mark.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class Answer(NamedTuple):
    """One whole answer to ``call``."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def exchange(self) -> str:
        return self.headers["X-Exchange-Id"]

    def json(self) -> Any:
        return json.loads(self.body)


def call(
    server: RunningServer,
    path: str,
    body: bytes | dict[str, Any] | None = None,
    *,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """GET, or POST ``body`` (JSON of a dict), with nothing added but what HTTP demands."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    said = dict(headers or {})
    if isinstance(body, dict):
        said.setdefault("Content-Type", "application/json")
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method or ("GET" if content is None else "POST"), path, content, said)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


async def started(start: Callable[..., RunningServer], *arguments: Any, **options: Any) -> RunningServer:
    """Start a real server from an asynchronous test, whose own servers answer meanwhile."""
    return await asyncio.to_thread(start, *arguments, **options)


async def doors(
    ollama: FakeOllama,
    start_recorder: Callable[..., RunningServer],
    start_nginx: Callable[..., RunningServer],
    **settings: str,
) -> tuple[RunningServer, RunningServer]:
    """The recorder in front of ``ollama``, and NGINX in front of it: a client may come in by either."""
    recorder = await started(start_recorder, ready="/healthz", OLLAMA_URL=ollama.url, **settings)
    return recorder, await started(start_nginx, f"127.0.0.1:{recorder.port}")


def asked(ollama: FakeOllama) -> list[Request]:
    """The requests that clients sent, without the recorder's own questions."""
    return [request for request in ollama.requests if request.path not in _OWN_QUESTIONS]


def records(folder: Path, count: int) -> list[KeptRecord]:
    """Wait until the journal below ``folder`` has ``count`` records or more; all of them, oldest first."""
    reader = Reader(folder / "data")
    until = time.monotonic() + SECONDS
    try:
        while True:
            rows = []
            try:
                rows = reader.read_after(0, 100_000, 1 << 40)
            except JournalError:
                if time.monotonic() > until:
                    raise
            if len(rows) >= count:
                return [kept for row in rows if (kept := reader.record(row.id)) is not None]
            assert time.monotonic() < until, f"{len(rows)} records instead of {count}"
            time.sleep(0.02)
    finally:
        reader.close()


def summaries(server: RunningServer, count: int) -> list[dict[str, Any]]:
    """Wait until the recorder's standard output has ``count`` lines of exchanges; all of them."""
    until = time.monotonic() + SECONDS
    while True:
        said = [line for line in spoken(server) if "exchange" in line and "event" not in line]
        if len(said) >= count:
            return said
        assert time.monotonic() < until, f"{len(said)} lines instead of {count}"
        time.sleep(0.02)


def spoken(server: RunningServer) -> list[dict[str, Any]]:
    """Every whole line of the recorder's standard output; an error if one is no JSON or could fool a terminal."""
    whole_lines, _, _ = server.log.read_bytes().rpartition(b"\n")
    return [read_strictly(line) for line in whole_lines.split(b"\n") if line]


def events(server: RunningServer, name: str) -> list[dict[str, Any]]:
    return [line for line in spoken(server) if line.get("event") == name]


def read_strictly(line: bytes) -> dict[str, Any]:
    """One JSON object in UTF-8 without anything that a terminal, a log viewer or a strict parser stumbles over."""
    text = line.decode("utf-8")
    unsafe = _UNSAFE.search(text)
    assert unsafe is None, f"{unsafe[0]!r} in {text[:500]!r}"
    found = json.loads(text, parse_constant=_no_such_number)
    assert isinstance(found, dict), text[:500]
    return found


def read_record(line: bytes) -> dict[str, Any]:
    """A record's line, after a look at its form: one line, known keys in their order, nothing null, not too long."""
    said = read_strictly(line)
    assert [*said] == [key for key in FIELD_NAMES if key in said]
    assert None not in said.values()
    assert len(line) <= 240_000
    return said


def _no_such_number(word: str) -> None:
    raise AssertionError(f"{word} is no JSON number")
