"""Journals of the last minutes in which callers met this or that, said in a few words."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from service.record.exchange import EncodedRecord, Outcome
from tests.cli.kept import keep
from tests.journal.given import identifier, record

# 01 as ids of exchanges have it: twelve digits name one.
_FIRST = 0x01A1FCD1 << 96


def call(number: int, *, ago: float = 0.0, asked: Any = None, **said: Any) -> EncodedRecord:
    """One chat with llama3.2 that ended ``ago`` seconds ago; ``said`` are keys of its line, None takes one away."""
    ended_ns = time.time_ns() - int(ago * 1e9)
    exchange = f"{_FIRST + (number << 80):032x}"
    line: dict[str, Any] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ended_ns / 1e9)) + ".000000Z",
        "method": "POST",
        "request_uri": "/api/ollama/api/chat",
        "status": 200,
        "request_time": 2.0,
        "request_body": json.dumps({"model": "llama3.2", "messages": []} | (asked or {})),
        "response_text": "Because.",
        "outcome": "completed",
        "failed": False,
        "operation": "chat",
        "api": "ollama",
        "model": "llama3.2",
        "stream": False,
        "done_reason": "stop",
        "prompt_tokens": 27,
        "completion_tokens": 40,
        "tokens_per_second": 28.5,
        "prompt_truncated": False,
        "context_length": 4096,
        "wait_time": 0.1,
        "load_time": 0.1,
        "prompt_time": 0.4,
        "generation_time": 1.4,
        "caller": "ollama-python",
        "exchange": exchange,
    }
    line = {key: value for key, value in (line | said).items() if value is not None}
    made = record(number)
    started_ns = ended_ns - int(float(line.get("request_time", 0)) * 1e9)
    assert made.id == identifier(number)
    return made._replace(
        id=exchange,
        started_ns=started_ns,
        ended_ns=ended_ns,
        operation=str(line.get("operation", "")),
        outcome=str(line["outcome"]),
        line=json.dumps(line).encode(),
    )


def failed(number: int, outcome: Outcome, error: str = "", **said: Any) -> EncodedRecord:
    """A call that was not answered as it should."""
    no = dict.fromkeys(
        ("response_text", "done_reason", "prompt_tokens", "completion_tokens", "tokens_per_second", "prompt_truncated"),
        None,
    )
    times = dict.fromkeys(("wait_time", "load_time", "prompt_time", "generation_time"), None)
    return call(number, **{**no, **times, "outcome": str(outcome), "failed": True, "error": error or None, **said})


def refused(number: int, status: int, error: str, **said: Any) -> EncodedRecord:
    return failed(number, Outcome.REFUSED, error, status=status, **said)


def went_wrong(number: int, error: str, **said: Any) -> EncodedRecord:
    """An answer with status 200 that is none."""
    return failed(number, Outcome.COMPLETED, error, **said)


def happened(folder: Path, records: Iterable[EncodedRecord]) -> None:
    """Keep them, oldest first."""
    keep(folder, *sorted(records, key=lambda one: one.ended_ns))
