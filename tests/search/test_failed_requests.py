"""Whether whoever asked got an answer: who tried again, and what is no try of the same request."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.record.exchange import EncodedRecord
from service.search import failed_requests
from service.search.failure_groups import FailureReport
from service.search.filters import Filter
from service.search.search import Search
from tests.journal.given import identifier
from tests.search.indexed import index, said, write

Ask = Callable[..., FailureReport]
EVERYTHING = Filter()


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """The report over some records."""

    def asking(*records: EncodedRecord, wanted: Filter = EVERYTHING) -> FailureReport:
        write(tmp_path, records)
        index(tmp_path)
        with contextlib.closing(Search(tmp_path)) as search:
            return search.failures(wanted)

    return asking


def failed(number: int, prompt: str = "Why?", **facts: Any) -> EncodedRecord:
    given: dict[str, Any] = {"status": 500, "failed": True, "error": "it broke", "caller": "shop"} | facts
    return said(number, prompt, **given)


def went_well(number: int, prompt: str = "Why?", **facts: Any) -> EncodedRecord:
    given: dict[str, Any] = {"caller": "shop"} | facts
    return said(number, prompt, "Because.", **given)


def sentences(report: FailureReport) -> list[str]:
    return [request.sentence for group in report.groups for request in group.requests]


def test_the_same_prompt_of_the_same_caller_that_went_well_later_is_its_answer(ask: Ask) -> None:
    report = ask(failed(1), went_well(42))
    assert sentences(report) == ["answered after 2 tries, 41 s later"]
    assert (report.failures, report.answered, report.unanswered) == (1, 1, 0)
    (request,) = report.groups[0].requests
    assert (request.exchange, request.answer) == (identifier(1), identifier(42))


def test_several_failures_before_an_answer_are_one_request(ask: Ask) -> None:
    report = ask(failed(1), failed(11), failed(21, status=503), went_well(31), failed(41))
    assert sorted(sentences(report)) == [
        "answered after 4 tries, 30 s later",
        "answered after 4 tries, 30 s later",
        "never answered",
    ]
    assert (report.failures, report.answered, report.unanswered) == (4, 1, 1)


@pytest.mark.parametrize(
    "other",
    [
        went_well(9, "Why not?"),
        went_well(9, caller="another"),
        went_well(9, user="ada"),
        failed(9, outcome="client_left"),
        # It had begun before the first was over.
        said(1, "Why?", "Because.", seconds=20.0, caller="shop", exchange="f" * 32),
    ],
    ids=["another prompt", "another caller", "another user", "failed too", "at the same time"],
)
def test_nothing_else_is_an_answer(ask: Ask, other: EncodedRecord) -> None:
    first = failed(2) if other.id == identifier(1) else failed(1)
    assert "never answered" in sentences(ask(first, other))[0]


def test_an_answer_that_was_there_before_answers_nothing(ask: Ask) -> None:
    assert sentences(ask(went_well(1), failed(9))) == ["never answered"]


N8N: dict[str, Any] = {"workflow": "Mails", "execution_id": "231", "node": "Summarise"}


def test_the_node_that_went_well_in_the_same_execution_answers_with_another_prompt_too(ask: Ask) -> None:
    report = ask(failed(1, "It is 10:00. Why?", **N8N), went_well(4, "It is 10:01. Why?", **N8N))
    assert sentences(report) == ["answered after 2 tries, 3 s later"]


@pytest.mark.parametrize(
    "others",
    [
        # A list of items: each of them is asked for itself.
        [went_well(4, "Item 2", **N8N), went_well(6, "Item 3", **N8N)],
        [went_well(4, "Another step", **(N8N | {"node": "Translate"}))],
        [went_well(4, "Another run", **(N8N | {"execution_id": "232"}))],
    ],
    ids=["other items", "another node", "another execution"],
)
def test_what_else_an_execution_asks_is_no_answer(ask: Ask, others: list[EncodedRecord]) -> None:
    assert sentences(ask(failed(1, "Item 1", **N8N), *others)) == ["never answered"]


def test_a_second_item_is_no_try_of_the_first_and_a_second_try_is(ask: Ask) -> None:
    alike = [failed(1, **N8N, item=0, attempt=1), went_well(3, **N8N, item=1, attempt=1)]
    assert sentences(ask(*alike)) == ["never answered"]


def test_a_try_again_of_one_item_answers_it_though_other_items_were_asked_meanwhile(ask: Ask) -> None:
    first = failed(1, "It is 10:00. Item 1", **N8N, item=0, attempt=1)
    second = [
        went_well(4, "It is 10:01. Item 1", **N8N, item=0, attempt=2),
        went_well(6, "It is 10:01. Item 2", **N8N, item=1, attempt=2),
    ]
    assert sentences(ask(first, *second)) == ["answered after 2 tries, 3 s later"]


def test_the_next_question_of_a_chat_does_not_answer_the_one_before(ask: Ask) -> None:
    chat: dict[str, Any] = {"caller": "Open WebUI", "user": "ada", "execution_id": "chat-1"}
    assert sentences(ask(failed(1, **chat), went_well(9, "Another question", **chat))) == ["never answered"]


def test_the_answer_may_lie_outside_of_what_is_looked_at(ask: Ask) -> None:
    report = ask(failed(1, model="a"), went_well(9, model="b"), wanted=Filter(model=("a",), before=2))
    assert sentences(report) == ["answered after 2 tries, 8 s later"]


def test_of_very_many_failures_the_newest_are_looked_at(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failed_requests, "MOST_FAILURES", 2)
    report = ask(failed(1, "a"), failed(2, "b"), failed(3, "c"))
    assert (report.failures, report.is_complete) == (2, False)
    assert report.groups[0].requests[0].exchange == identifier(3)
    assert [request.exchange for request in report.groups[0].requests] == [identifier(3), identifier(2)]


def test_without_failures_there_is_nothing_to_tell(ask: Ask) -> None:
    assert ask(went_well(1)) == FailureReport((), 0, 0, 0, True)
