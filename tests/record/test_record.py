import copy
import json
import math
from typing import Any

import pytest

from service.record.record import Record, record_of


def test_a_line_is_parsed_at_the_first_question_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []

    def counting(line: bytes) -> Any:
        parsed.append(line)
        return json.loads(line)

    monkeypatch.setattr("orjson.loads", counting)
    found = Record(b'{"model":"tiny","request_time":2,"prompt_tokens":7,"failed":false}')
    assert not parsed
    assert (found.model, found.request_time, found.prompt_tokens, found.failed) == ("tiny", 2.0, 7, False)
    assert len(parsed) == 1


def test_a_copy_of_what_holds_one_holds_the_same() -> None:
    found = Record(b'{"model":"tiny"}')
    assert copy.deepcopy([found])[0] is found


def test_what_is_absent_is_none() -> None:
    found = Record(b"{}")
    assert (found.model, found.request_time, found.prompt_tokens, found.failed, found.values) == (*[None] * 4, {})


@pytest.mark.parametrize("line", [b"", b"{", b"[1, 2", b"[]", b"null", b"\xff", b'"text"'])
def test_a_line_that_is_no_object_holds_nothing(line: bytes) -> None:
    found = Record(line)
    assert (found.values, found.model, found.status, found.line) == ({}, None, None, line)


def test_what_is_nested_is_of_no_recorder() -> None:
    deep = b"[" * 900 + b"]" * 900
    found = Record(b'{"model":%b,"user":{"a":1},"node":"n","changed":["truncate"],"request_body":[["x"]]}' % deep)
    assert found.values == {"node": "n", "changed": ["truncate"]}
    assert (found.model, found.changed) == (None, ("truncate",))


@pytest.mark.parametrize("nonsense", [-1.0, math.nan, math.inf, True, "3", [], 1e300, pytest.param(10**400, id="huge")])
def test_a_number_that_is_nonsense_is_none(nonsense: Any) -> None:
    assert record_of({"request_time": nonsense}).request_time is None


@pytest.mark.parametrize("nonsense", [-1, 0.5, True, "3", [], None, pytest.param(10**400, id="huge")])
def test_a_count_that_is_nonsense_is_none(nonsense: Any) -> None:
    assert record_of({"prompt_tokens": nonsense}).prompt_tokens is None


@pytest.mark.parametrize("nonsense", [0, 1, "true", [], {}])
def test_a_truth_that_is_nonsense_is_none(nonsense: Any) -> None:
    assert record_of({"failed": nonsense}).failed is None


@pytest.mark.parametrize("nonsense", [0, True, [], {}, None])
def test_a_text_that_is_nonsense_is_none(nonsense: Any) -> None:
    assert record_of({"model": nonsense}).model is None


def test_several_texts_come_in_the_order_that_is_asked_for() -> None:
    found = record_of({"model": "tiny", "node": "", "user": 3, "workflow": "w"})
    assert found.texts(("workflow", "node", "user", "caller", "model")) == ["w", None, None, None, "tiny"]
