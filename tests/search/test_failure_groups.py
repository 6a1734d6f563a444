"""Failures of one cause stand together, with what there is to tell of them."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from service.search.failure_groups import FailureReport, Hit, who_asked
from service.search.filters import Filter
from service.search.search import Search
from tests.search.indexed import BEGUN_NS, erase_from_journal, index, said, write


def report_of(folder: Path) -> FailureReport:
    with contextlib.closing(Search(folder)) as search:
        return search.failures(Filter())


def test_a_cause_tells_how_often_from_when_to_when_and_who_was_hit(tmp_path: Path) -> None:
    missing: dict[str, Any] = {"status": 404, "failed": True, "operation": "chat"}
    records = [
        said(1, model="a", user="ada", error="model 'a' not found", **missing),
        said(5, model="b", user="ada", error='model "b" not found, try pulling it first', **missing),
        said(9, model="b", workflow="Mails", error="model 'b' not found", **missing),
        said(10, operation="list", status=502, outcome="upstream_unreachable", error="connection refused", caller="ui"),
        said(11, operation="list", status=502, outcome="upstream_unreachable", error="connection refused", caller="ui"),
        said(12, operation="list", status=502, outcome="upstream_unreachable", error="connection refused", caller="ui"),
        said(13, operation="list", status=502, outcome="upstream_unreachable", error="connection refused", caller="ui"),
    ]
    write(tmp_path, records)
    index(tmp_path)

    # Calls of models come first, however often a program asks for a list.
    models, lists = report_of(tmp_path).groups
    assert (models.reason, models.cause, models.count) == ("status 404", "the model is not there", 3)
    begun_ms = BEGUN_NS // 1_000_000
    assert (models.first_ms - begun_ms, models.last_ms - begun_ms) == (2_000, 10_000)
    assert models.who == (Hit("user", "ada", 2), Hit("workflow", "Mails", 1))
    assert models.models == (("b", 2), ("a", 1))
    assert "404" in models.sentence
    assert "ollama pull" in models.advice
    assert (lists.reason, lists.is_model_call, lists.operations) == ("Ollama not reached", False, (("list", 4),))


def test_what_the_journal_no_longer_has_stays_empty(tmp_path: Path) -> None:
    write(tmp_path, [said(1, status=500, failed=True, error="it broke")])
    index(tmp_path)
    erase_from_journal(tmp_path, [1])

    (group,) = report_of(tmp_path).groups
    assert (group.sentence, group.requests[0].exchange, group.cause) == ("", "", "it broke")


@pytest.mark.parametrize(
    ("names", "who"),
    [
        ({"user": "ada", "workflow": "Mails", "caller": "n8n"}, ("ada",)),
        ({"workflow": "Mails", "node": "Summarise", "caller": "n8n"}, ("Mails", "Summarise")),
        ({"workflow": "Mails"}, ("Mails",)),
        ({"key": "shop", "caller": "shop", "address": "192.0.2.7"}, ("shop",)),
        ({"address": "192.0.2.7", "node": "Summarise"}, ("192.0.2.7",)),
        ({}, ()),
    ],
)
def test_who_was_hit_is_whom_one_would_tell(names: dict[str, str], who: tuple[str, ...]) -> None:
    assert who_asked(names) == who
