"""Why a model had to be loaded, and whose call was the reason."""

import json
import math
from typing import Any

import pytest

from service.record.load_causes import kept_loaded, last_of_model, load_cause
from service.record.record import Record, record_of
from tests.record.given import line


def call(keep_alive: Any = None, num_ctx: int | None = None, **facts: Any) -> Record:
    asked: dict[str, Any] = {"model": facts.get("model", "llama3.1:8b")}
    if keep_alive is not None:
        asked["keep_alive"] = keep_alive
    if num_ctx is not None:
        asked["options"] = {"num_ctx": num_ctx}
    return record_of(line(request_body=json.dumps(asked), **facts))


def cause(now: Record, *earlier: Record, idle: float | None = 12.0) -> str:
    found = load_cause(now, earlier, idle)
    return found.text if found else ""


def test_another_num_ctx_is_told_with_both_numbers_and_whose_call_it_was() -> None:
    before = call(num_ctx=8953, workflow="Invoices", node="Summarise")
    assert cause(call(num_ctx=8933), before) == (
        "the call of Invoices › Summarise 12 s before had num_ctx 8,953, and this one has 8,933. Ollama loads a"
        " model anew for another num_ctx, and what it had read is gone from its cache."
    )


def test_a_model_that_has_room_for_fewer_than_both_asked_was_not_loaded_for_that() -> None:
    assert not cause(call(num_ctx=9000, context_length=2048), call(num_ctx=8000, context_length=2048))
    assert "num_ctx 2,048" in cause(call(context_length=4096), call(context_length=2048))
    assert not cause(call(num_ctx=4096), call()), "how much room a call had that asks for none is unknown"


def test_an_api_without_num_ctx_did_not_ask_for_one() -> None:
    assert not cause(call(num_ctx=4096), call(num_ctx=2048, api="openai"))


def test_a_short_keep_alive_is_told_with_whose_it_was() -> None:
    text = cause(call(num_ctx=1), call(keep_alive="10s", num_ctx=2, caller="batch.py"))
    assert text == "the call of batch.py 12 s before kept it loaded for only 10 s (keep_alive)."
    assert "kept it loaded" in cause(call(), call(keep_alive=0), idle=0.0)
    assert not cause(call(), call(keep_alive="10m")), "it was still loaded"


def test_a_model_that_nobody_used_for_long_was_unloaded_by_ollama_itself() -> None:
    assert not cause(call(num_ctx=1), call(num_ctx=2), idle=400.0)
    assert "num_ctx" in cause(call(num_ctx=1), call(num_ctx=2, keep_alive=-1), idle=400.0)


def test_an_unloading_is_told_with_whose_it_was() -> None:
    text = cause(call(), call(operation="unload", user="ada", keep_alive=0))
    assert text == "a call of ada had unloaded it 12 s before."


def test_another_model_that_came_in_between_most_likely_took_the_memory() -> None:
    other = call(model="qwen3:4b", workflow="Mails")
    assert cause(call(), other, call()) == (
        "a call of qwen3:4b by Mails came in between, and most likely that model took its memory."
    )
    assert not cause(call(), call(), other), "it came before the last call of this model"
    assert not cause(call(), call(model="big:cloud", remote_host="https://ollama.com"), call())
    assert not cause(call(), call(model="qwen3:4b", operation="unload"), call())
    assert not cause(call(), other), "nothing is known of a call of this model"


def test_names_of_one_model_are_the_same_model() -> None:
    before = call(model="llama3:latest")
    assert last_of_model(call(model="Llama3"), (call(model="qwen"), before)) is before
    assert not cause(call(model="llama3"), before)


def test_of_two_calls_that_overlap_the_time_is_not_told() -> None:
    assert cause(call(num_ctx=1), call(num_ctx=2), idle=None).startswith("the call shortly before had num_ctx 2,")


@pytest.mark.parametrize(
    ("keep_alive", "seconds"),
    [
        ("10s", 10.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("300ms", 0.3),
        (0, 0.0),
        ("0s", 0.0),
        (30, 30.0),
        (-1, math.inf),
        ("-1m", math.inf),
        ("-1", None),
        ("10x", None),
        ("", None),
        (True, None),
        ([], None),
        ({}, None),
        (None, None),
    ],
)
def test_keep_alive_is_read_as_ollama_reads_it(keep_alive: Any, seconds: float | None) -> None:
    assert kept_loaded(call(keep_alive=keep_alive)) == seconds


@pytest.mark.parametrize("body", ["[1", "[]", '"x"', '{"options": 3}', '{"options": {"num_ctx": "a"}}', "\udc80"])
def test_requests_that_are_nonsense_tell_nothing(body: str) -> None:
    odd = record_of(line(request_body=body))
    assert load_cause(odd, (odd,), 3.0) is None
    assert load_cause(record_of({}), (record_of({}),), None) is None
