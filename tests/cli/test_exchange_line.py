"""One exchange is one line, however narrow the terminal and whatever the exchange holds."""

from datetime import datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text

from service.cli import exchange_line
from service.cli.exchange_line import brief, marks, moment, who
from service.record.operations import OPERATIONS
from service.record.record import record_of
from tests.cli.kept import HOSTILE

SUMMARY: dict[str, Any] = {
    "number": 7,
    "time": "2026-11-21T02:16:04.577701Z",
    "status": 200,
    "request_time": 41.2,
    "outcome": "completed",
    "failed": False,
    "operation": "chat",
    "model": "mistral-small:24b",
    "tokens_per_second": 38.4,
    "wait_time": 33.0,
    "prompt_truncated": True,
    "workflow": "Invoices",
    "node": "Summarise",
    "exchange": "01a1fbe3a3e07efe99cf6845e4c4fd44",
    "prompt": "Explain Docker to somebody who knows virtual machines",
    "answer": "Docker is a way to run programs",
}

TODAY = datetime.fromisoformat(SUMMARY["time"]).astimezone()


def row(facts: dict[str, Any], width: int | None, today: datetime | None = None) -> Text:
    """The line of a record with these ``facts``, of which ``prompt`` and ``answer`` are the opening words."""
    words = facts.get("prompt", ""), facts.get("answer", "")
    return Text.assemble(*exchange_line.row(record_of(facts), words, width, today))


@pytest.mark.parametrize("width", [40, 80, 100, 130, 160, 300])
def test_a_line_fits_its_terminal_and_shows_both_sides(width: int) -> None:
    line = row(SUMMARY, width, TODAY)
    assert line.cell_len <= width
    if width >= 80:
        shown = line.plain
        assert all(word in shown for word in ("01a1fbe3a3e0", "Invo", "mist", "24b", "Expl", "→", "Doc", "41s", "cut"))


@pytest.mark.parametrize("width", [46, 60, 70])
def test_a_narrow_line_still_says_what_was_asked_how_long_it_took_and_its_marks(width: int) -> None:
    shown = row(SUMMARY | {"wait_time": 0.1}, width, TODAY).plain
    assert all(word in shown for word in ("01a1fbe3a3e0", "Expl", "41s", "cut"))
    assert cell_len(shown) <= width


@pytest.mark.parametrize("width", [60, 80, 129, 130, 200])
@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"outcome": "client_left", "failed": False}, "cancelled"),
        ({"outcome": "client_left", "failed": True, "wait_time": 9.0}, "left"),
        ({"outcome": "upstream_unreachable", "failed": True}, "no Ollama"),
        ({"outcome": "upstream_broke_off", "failed": True, "request_time": 40.0}, "broke off"),
        ({"outcome": "upstream_timed_out", "failed": True, "request_time": 300.0}, "silent"),
        ({"outcome": "completed", "failed": True, "status": 500, "wait_time": 30.0}, "500"),
        ({"prompt_truncated": True, "request_time": 12.0}, "cut slow"),
    ],
)
def test_a_mark_stands_whole_or_not_at_all(facts: dict[str, Any], shown: str, width: int) -> None:
    line = row({**facts, "prompt": "a long prompt " * 20, "answer": "a long answer " * 20}, width, TODAY).plain
    assert line.endswith(shown)
    assert cell_len(line) <= width


@pytest.mark.parametrize("operation", [operation.name for operation in OPERATIONS])
def test_what_has_no_prompt_is_named_by_its_operation(operation: str) -> None:
    for width in (60, 80, 130, None):
        assert row({"operation": operation, "caller": "x"}, width, TODAY).plain.count(operation[:6]) == 1
    assert operation not in row({"operation": operation, "caller": "x", "prompt": "Ask"}, 80).plain


@pytest.mark.parametrize("rate", [0.4, 38.4, 999.6, 2902.3, 12_345.0])
def test_a_speed_is_never_cut(rate: float) -> None:
    for width in (130, 200, None):
        assert f" {rate:,.0f} tok/s " in row(SUMMARY | {"tokens_per_second": rate}, width).plain


def test_columns_stand_below_each_other() -> None:
    lines = [row(SUMMARY | {"request_time": seconds, "model": "界" * 20}, 140).plain for seconds in (0.1, 41, 4020)]
    ends = {
        cell_len(line[: line.index(took)]) + len(took)
        for line, took in zip(lines, ("100ms", "41s", "1h07m"), strict=True)
    }
    assert len(ends) == 1


def test_a_pipe_gets_the_whole_line() -> None:
    shown = row(SUMMARY, None).plain
    assert SUMMARY["prompt"] in shown
    assert SUMMARY["answer"] in shown
    assert "Invoices › Summarise" in shown
    assert shown.endswith("38 tok/s cut waited")


@pytest.mark.parametrize(
    "key", ["prompt", "answer", "model", "workflow", "node", "operation", "exchange", "error", "outcome"]
)
@pytest.mark.parametrize("width", [80, None])
def test_nothing_hostile_leaves_its_line_or_is_obeyed(key: str, width: int | None) -> None:
    summary = SUMMARY | {key: HOSTILE}
    if key == "error":
        del summary["answer"]
    assert row(summary, width).plain.isprintable()


def test_a_record_of_which_nothing_is_known_is_a_line_too() -> None:
    assert row({}, 80).plain.startswith("–")
    odd = {"time": 5, "request_time": "soon", "tokens_per_second": None, "status": [], "model": {}}
    assert row(odd, 80).cell_len <= 80


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({}, ""),
        ({"outcome": "client_left", "failed": True, "status": 499}, "left"),
        ({"outcome": "client_left", "failed": False, "status": 200}, "cancelled"),
        ({"outcome": "completed", "failed": True, "status": 500}, "error 500"),
        ({"outcome": "completed", "failed": True, "status": 200}, "error"),
        ({"outcome": "upstream_timed_out", "failed": True}, "silent"),
        ({"outcome": "of a later version", "failed": True}, "of a later version"),
        ({"prompt_truncated": True, "request_time": 12.0}, "cut slow"),
        ({"request_time": 12.0, "wait_time": 8.0}, "waited"),
    ],
)
def test_what_is_worth_noticing_is_marked(facts: dict[str, Any], said: str) -> None:
    assert marks(record_of(facts))[0] == said


def test_whoever_asked_is_named_by_what_is_known() -> None:
    assert who(record_of({"caller": "Open WebUI", "task": "title"})) == "Open WebUI › title"
    assert who(record_of({"caller": "Open WebUI", "user": "ada"})) == "Open WebUI"
    assert who(record_of({"workflow_id": "wf1", "node": "AI"})) == "wf1 › AI"
    assert who(record_of({"node": "AI"})) == "AI"
    assert who(record_of({})) == "–"


def test_times_are_of_this_machines_zone_and_dates_of_other_days() -> None:
    today = datetime.fromisoformat("2026-11-21T02:16:04Z").astimezone()
    assert moment("2026-11-21T02:16:04.5Z", today) == f"{today:%H:%M:%S}"
    assert moment("2026-11-21T02:16:04.5Z") == f"{today:%m-%d %H:%M:%S}"
    assert moment("2026-11-11T12:00:00Z", today) == "11-11"
    assert moment(None) == moment("soon") == "–"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0ms"),
        (0.7462, "746ms"),
        (0.9996, "1.0s"),
        (9.96, "10s"),
        (99.6, "1m40s"),
        (3599.7, "1h00m"),
        (1e9, "11574d"),
    ],
)
def test_durations_are_brief(seconds: float, said: str) -> None:
    assert brief(seconds) == said
    assert len(said) <= 6


ALIKE = [
    {"workflow": "Sort customer mails", "node": "Ollama Chat Model", "model": "mistral-small:24b-instruct-q4_K_M"},
    {"workflow": "Sort customer mails", "node": "Summarization Chain", "model": "mistral-small:24b-instruct-q8_0"},
    {"workflow": "Sort customer invoices", "node": "Ollama Chat Model", "model": "mistral-small:22b"},
]


@pytest.mark.parametrize("width", [80, 120])
def test_callers_and_models_that_begin_alike_are_told_apart(width: int) -> None:
    lines = [exchange_line.row(record_of(SUMMARY | facts), ("Ask", "Answer"), width, TODAY) for facts in ALIKE]
    for column in (4, 6):
        assert len({line[column][0] for line in lines}) == len(ALIKE)
    assert all(Text.assemble(*line).cell_len <= width for line in lines)


@pytest.mark.parametrize("width", [80, 120])
def test_what_was_found_is_in_sight_with_its_part(width: int) -> None:
    asked = '{"messages": [{"role": "system", "content": "%s Brandt %s"}, {"role": "user", "content": "Hi"}]}'
    record = record_of(SUMMARY | {"request_body": asked % ("word " * 90, "more " * 90)})
    words = exchange_line.found_words(record, "brandt", width)
    assert words is not None
    line = Text.assemble(*exchange_line.row(record, words, width, TODAY))
    assert line.cell_len <= width
    assert ("system: " if width == 80 else "system prompt: ") in line.plain
    assert "Brandt" in line.plain
