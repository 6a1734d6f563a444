"""Exchanges, journals and recorders to test with."""

import contextlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from service.journal.journal import Journal
from service.journal.recorder import Recorder
from service.journal.space import Retention
from service.record.exchange import Body, EncodedRecord, Exchange, OpenExchange, Outcome


def bytes_kept(folder: Path, pattern: str = "*") -> bytes:
    """The bytes of all files below ``folder`` whose names match ``pattern``.

    All are read again when one goes meanwhile: SQLite deletes a log with the last connection that closes, and what it
    held is then in a file that may have been read before.
    """
    while True:
        with contextlib.suppress(FileNotFoundError):
            return b"".join(path.read_bytes() for path in sorted(folder.rglob(pattern)) if path.is_file())


def identifier(number: int) -> str:
    return f"{number:032x}"


def opened(number: int = 1, body: bytes = b"question", **facts: Any) -> OpenExchange:
    given: dict[str, Any] = {
        "id": identifier(number),
        "started_ns": 1_700_000_000_000_000_000 + number,
        "method": "POST",
        "request_uri": "/api/ollama/api/chat",
        "path": "/api/chat",
        "operation": "chat",
        "api": "ollama",
        "remote_addr": "127.0.0.1",
        "trace_id": identifier(number),
        "span_id": identifier(number)[16:],
        "request": Body(len(body), body),
    }
    return OpenExchange(**(given | facts))


def ended(number: int = 1, request: bytes = b"question", response: bytes = b"answer", **facts: Any) -> Exchange:
    given: dict[str, Any] = {
        "opened": opened(number, request),
        "outcome": Outcome.COMPLETED,
        "ended_ns": 1_700_000_001_000_000_000 + number,
        "status": 200,
        "duration": 1.0,
        "response": Body(len(response), response),
    }
    return Exchange(**(given | facts))


def make_record(exchange: Exchange) -> EncodedRecord:
    known = exchange.opened
    facts = {
        "method": known.method,
        "outcome": exchange.outcome,
        "request_bytes": known.request.length,
        "response_bytes": exchange.response.length,
        "exchange": known.id,
    }
    bodies = {"request_body": known.request.head.decode(), "response_text": exchange.response.head.decode()}
    return EncodedRecord(
        id=known.id,
        started_ns=known.started_ns,
        ended_ns=exchange.ended_ns,
        method=known.method,
        operation=known.operation,
        outcome=str(exchange.outcome),
        parent_span_id=known.parent_span_id,
        line=orjson.dumps(facts | bodies),
        summary=orjson.dumps(facts),
        request=known.request.head,
        response=exchange.response.head,
    )


def record(number: int = 1, request: bytes = b"question", response: bytes = b"answer", **facts: Any) -> EncodedRecord:
    return make_record(ended(number, request, response, **facts))


def as_it_is(request: OpenExchange) -> OpenExchange:
    return request


@contextlib.contextmanager
def open_journal(folder: Path, **settings: Any) -> Iterator[Journal]:
    journal = Journal(folder, **({"retention": Retention(days=36_500)} | settings))
    journal.open()
    try:
        yield journal
    finally:
        journal.close()


def make_recorder(folder: Path, **settings: Any) -> Recorder:
    journal = Journal(folder, retention=settings.pop("retention", Retention(days=36_500)))
    return Recorder(journal, **({"make_record": make_record, "make_open": as_it_is} | settings))


def kept_ids(folder: Path) -> list[int]:
    """The numbers of the exchanges in the journal, in the order in which they lie there."""
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite3")) as connection:
        return [int(name, 16) for (name,) in connection.execute("SELECT id FROM exchange ORDER BY number")]


def ask(folder: Path, question: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(folder / "journal.sqlite3")) as connection:
        return connection.execute(question).fetchall()


def wait_until(is_so: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.002)


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "4m") -> Iterator[Path]:
    """A file system of ``size`` mounted on ``folder``; raises PermissionError where that is not allowed."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        raise PermissionError("mounting is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
