"""What is no reason to say anything: one of a kind, what is old, what is as it should be. And journals of any state."""

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor import window
from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.traffic import look_at_traffic
from service.journal.folder import JOURNAL
from service.record.exchange import Outcome
from tests.cli.doctor.given_traffic import call, failed, happened
from tests.cli.kept import HOSTILE, keep
from tests.journal.given import kept_ids

Make = Callable[..., Any]
DAY = 86_400.0

HEALTHY = {
    "an idle night before the first call": call(1, request_time=14.0, wait_time=12.0, load_time=12.0),
    "a long prompt": call(2, ago=20, prompt_time=40.0, request_time=41.5, prompt_tokens=30_000, context_length=32768),
    "an answer cut where the caller wanted it": call(
        3, ago=30, asked={"options": {"num_predict": 40}}, done_reason="length"
    ),
    "one cut by OpenAI's limit": call(
        4, ago=40, asked={"max_tokens": 40}, done_reason="length", api="openai", stream=True
    ),
    "somebody who changed their mind": failed(5, Outcome.CLIENT_LEFT, ago=50, status=499, request_time=41.0),
    "somebody who left after a minute": failed(6, Outcome.CLIENT_LEFT, ago=60, status=499, request_time=60.02),
    "a tool call without words": call(7, ago=70, response_text="", thinking="Well", tool_calls='[{"name":"get"}]'),
    "thinking with an answer": call(8, ago=80, thinking="Well …"),
    "an embedding": call(
        9, ago=90, operation="embed", response_text=None, completion_tokens=None, tokens_per_second=None
    ),
    "a list of models": call(10, ago=100, operation="list", model=None, response_text=None, completion_tokens=None),
    "one slow answer": call(11, ago=110, tokens_per_second=2.0),
    "n8n with its workflow": call(12, ago=120, caller="n8n", workflow="Invoices"),
    "an error of the caller": failed(13, Outcome.COMPLETED, "invalid format: expected json", ago=130, status=400),
}


def troubles(found: list[CheckResult]) -> list[CheckResult]:
    return [finding for finding in found if finding.state in (Severity.ADVICE, Severity.PROBLEM)]


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_usual_is_no_finding(name: str, settings: Make, folder: Path) -> None:
    happened(folder, [HEALTHY[name]])
    assert [finding.text for finding in look_at_traffic(settings(), DAY)] == [
        "Nothing wrong with 1 exchange of the last 24 h."
    ]


def test_a_usual_day_is_no_finding(settings: Make, folder: Path) -> None:
    happened(folder, HEALTHY.values())
    assert troubles(look_at_traffic(settings(), DAY)) == []


def test_only_what_is_asked_about_counts(settings: Make, folder: Path) -> None:
    happened(folder, [call(1, ago=2 * DAY, prompt_truncated=True), call(2, ago=60)])
    assert troubles(look_at_traffic(settings(), DAY)) == []
    (cut,) = troubles(look_at_traffic(settings(), 7 * DAY))
    assert "1 prompt of the last 7 days" in cut.text


def test_an_empty_journal_and_none_are_no_finding(settings: Make, folder: Path) -> None:
    assert look_at_traffic(settings(), DAY) == []
    keep(folder)
    assert look_at_traffic(settings(), DAY) == []


def test_a_large_journal_is_read_as_far_as_there_is_time(
    settings: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "_AT_ONCE", 2)
    monkeypatch.setattr(window, "_MOST_RECORDS", 4)
    happened(folder, [call(number, ago=number, prompt_truncated=number > 4) for number in range(1, 10)])
    (found,) = look_at_traffic(settings(), DAY)
    assert found.text == "Nothing wrong with those among the newest 4 exchanges."


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"[" * 5000,
        b'{"request_time": 1e308, "load_time": -1e308, "wait_time": "soon", "model": 5, "error": {}, "status": []}',
        json.dumps(dict.fromkeys(("outcome", "model", "error", "time", "caller"), HOSTILE)).encode(),
        json.dumps({"outcome": "refused", "failed": True, "error": ["ALLOW_MANAGEMENT"], "request_body": 1}).encode(),
        json.dumps({"operation": "chat", "prompt_truncated": True, "context_length": "x", "exchange": None}).encode(),
    ],
)
def test_nonsense_in_a_record_breaks_nothing(line: bytes, settings: Make, folder: Path) -> None:
    happened(folder, [call(1)._replace(line=line), call(2, ago=1, prompt_truncated=True)])
    assert any("Ollama cut" in finding.text for finding in look_at_traffic(settings(), DAY))


def test_a_journal_that_cannot_be_read_is_left_to_others(settings: Make, folder: Path) -> None:
    happened(folder, [call(1)])
    (folder / JOURNAL).write_bytes(b"no database" * 1000)
    assert look_at_traffic(settings(), DAY) == []


def test_looking_writes_nothing(settings: Make, folder: Path) -> None:
    happened(folder, HEALTHY.values())
    before = (folder / JOURNAL).read_bytes(), kept_ids(folder)
    look_at_traffic(settings(), DAY)
    assert ((folder / JOURNAL).read_bytes(), kept_ids(folder)) == before


def test_a_journal_that_others_write_to_is_no_obstacle(settings: Make, folder: Path) -> None:
    happened(folder, [call(1, prompt_truncated=True)])
    with closing(sqlite3.connect(folder / JOURNAL, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert troubles(look_at_traffic(settings(), DAY))


def test_ten_thousand_exchanges_take_seconds(settings: Make, folder: Path) -> None:
    happened(folder, [call(number, ago=number, response_text="x" * 1500) for number in range(1, 10_001)])
    began = time.process_time()
    (found,) = look_at_traffic(settings(), DAY)
    assert found.state is Severity.GOOD
    assert time.process_time() - began < 10
