"""Answers that were of no use to their callers, and those that only look like it."""

from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor.unusable_answers import empty_answers, unfinished_answers
from service.cli.doctor.window import Window, read_window
from service.record.exchange import EncodedRecord
from tests.cli.doctor.given_traffic import call, happened


def among(folder: Path, *records: EncodedRecord) -> Window:
    happened(folder, records)
    return read_window(folder, 86_400.0)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, ["1 answer"]),
        ({"format": "json"}, ["1 JSON answer"]),
        ({"format": "json", "options": {"num_predict": 5}}, ["1 JSON answer"]),
        ({"response_format": {"type": "json_schema"}, "max_tokens": 5}, ["1 JSON answer"]),
        ({"response_format": {"type": "text"}, "max_tokens": 5}, []),
        ({"options": {"num_predict": 5}}, []),
        ({"options": "none", "max_completion_tokens": 5}, []),
    ],
)
def test_json_that_is_cut_always_counts_and_other_answers_when_nobody_set_a_limit(
    asked: dict[str, Any], told: list[str], folder: Path
) -> None:
    found = unfinished_answers(among(folder, call(1, asked=asked, done_reason="length")))
    assert [finding.text.partition(" of the last")[0] for finding in found] == told


def test_thinking_that_ends_without_an_answer_is_told_once(folder: Path) -> None:
    found = among(folder, call(1, thinking="Well", response_text=" \n", done_reason="length"))
    assert len(list(empty_answers(found))) == 1
    assert list(unfinished_answers(found)) == []
