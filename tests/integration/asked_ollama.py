"""Calls of a real Ollama through the recorder, and their records."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.integration.watching import Answer, call, records
from tests.servers.ollama import MODEL
from tests.servers.process import RunningServer

SECONDS = 20.0
Record = dict[str, Any]


def ask_for_both(recorder: RunningServer, path: str, body: Record) -> tuple[Answer, Record]:
    """The answer to a call, and its record."""
    answer = call(recorder, "/api/ollama" + path, {"model": MODEL, "stream": False, **body})
    kept = {record.row.id: record.row.line for record in records(recorder.log.parent, 1)}
    record: Record = json.loads(kept[answer.exchange])
    return answer, record


def ask(recorder: RunningServer, path: str, body: Record) -> Record:
    """The record of a call."""
    return ask_for_both(recorder, path, body)[1]


def until(ask_again: Callable[[], Record], *fields: str) -> Record:
    """What is loaded is asked beside the calls, so the first ones may end before it is known."""
    end = time.monotonic() + SECONDS
    while not set(fields) <= set(record := ask_again()):
        assert time.monotonic() < end, record
        time.sleep(0.1)
    return record
