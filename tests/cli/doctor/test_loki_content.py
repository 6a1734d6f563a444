"""What Loki's answer to our question means."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor.check_result import CheckResult, Severity
from service.cli.doctor.loki_content import look_for_newest
from service.journal.reader import Reader
from service.shipping.loki.settings import read_loki_settings
from tests.cli.answering import Answering, Said
from tests.cli.doctor.given_traffic import call
from tests.cli.kept import keep
from tests.journal.given import open_journal

QUERY = "/loki/api/v1/query_range"
Make = Callable[..., Any]


def look(settings: Make, folder: Path, url: str, **environment: str) -> list[CheckResult]:
    reader = Reader(folder)
    try:
        loki = read_loki_settings(settings(LOKI_URL=url, **environment))
        assert loki is not None
        return look_for_newest(loki, reader)
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"data": {"result": [{"stream": {}, "values": []}]}}, Severity.GOOD),
        ({"data": {"result": []}}, Severity.PROBLEM),
        ({"data": {"result": {}}}, Severity.PROBLEM),
        (b"[" * 100_000, Severity.PROBLEM),
        (b"\xff", Severity.PROBLEM),
        (Said(b"too many outstanding requests", 500), Severity.ADVICE),
        (Said(b"forbidden", 403), Severity.NOTE),
        (Said(b"failed", 500), Severity.PROBLEM),
    ],
)
def test_each_answer_is_understood(answer: Any, state: Severity, settings: Make, answers: Make, folder: Path) -> None:
    keep(folder, call(1, ago=60), call(2, ago=50))
    with open_journal(folder, receivers=["loki"]) as journal:
        journal.move_cursor("loki", 1)
    server: Answering = answers({QUERY: answer})
    assert [finding.state for finding in look(settings, folder, server.url, LOKI_TENANT="us")] == [state]
    (asked,) = server.asked
    assert "01a1fcd10001" in asked.target
    assert {name.lower(): value for name, value in asked.headers.items()}["x-scope-orgid"] == "us"


@pytest.mark.parametrize("ago", [1.0, 2 * 86_400.0])
def test_nothing_is_asked_for_what_is_too_new_or_too_old_to_tell(
    ago: float, settings: Make, answers: Make, folder: Path
) -> None:
    keep(folder, call(1, ago=ago))
    with open_journal(folder, receivers=["loki"]) as journal:
        journal.move_cursor("loki", 1)
    server = answers({})
    assert (look(settings, folder, server.url), server.asked) == ([], [])


def test_nothing_is_asked_before_loki_took_anything(settings: Make, answers: Make, folder: Path) -> None:
    keep(folder, call(1, ago=60))
    assert look(settings, folder, answers({}).url) == []


def test_one_that_does_not_answer_is_told(settings: Make, folder: Path) -> None:
    keep(folder, call(1, ago=60))
    with open_journal(folder, receivers=["loki"]) as journal:
        journal.move_cursor("loki", 1)
    (found,) = look(settings, folder, "http://127.0.0.1:1")
    assert (found.state, "Connection refused" in found.text) == (Severity.ADVICE, True)
