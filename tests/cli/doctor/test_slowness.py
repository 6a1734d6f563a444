"""From when on waiting is worth a word."""

from pathlib import Path
from typing import Any

import pytest

from service.cli.doctor.slowness import cut_prompts, loads_after_idle, loads_again, slow_answers, waits
from service.cli.doctor.window import Window, read_window
from service.record.exchange import EncodedRecord
from tests.cli.doctor.given_traffic import call, happened


def among(folder: Path, *records: EncodedRecord) -> Window:
    happened(folder, records)
    return read_window(folder, 86_400.0)


def test_two_loads_are_no_habit_and_three_are(folder: Path) -> None:
    cold = {"request_time": 14.0, "wait_time": 12.0, "load_time": 12.0}
    found = among(folder, *(call(number, ago=3600 * number, **cold) for number in (1, 2)))
    assert list(loads_after_idle(found)) == []
    (finding,) = loads_after_idle(among(folder, call(3, ago=9 * 3600, **cold)))
    assert "3 calls of the last 24 h waited 12 s" in finding.text


@pytest.mark.parametrize("others", [25, 35])
def test_a_tenth_of_the_calls_is_worth_a_word(others: int, folder: Path) -> None:
    again = {"request_time": 12.0, "wait_time": 9.5, "load_time": 9.5}
    found = among(
        folder,
        *(call(number, ago=10_000 - 60 * number) for number in range(others + 1)),
        *(call(100 + number, ago=5000 - 60 * number, **again) for number in range(1, 4)),
        call(99, ago=5100),
    )
    assert bool(list(loads_again(found))) == (others < 30)


def test_a_wait_for_the_load_of_a_model_is_no_wait_behind_others(folder: Path) -> None:
    loading = {"request_time": 22.0, "wait_time": 20.0, "load_time": 19.0}
    found = among(folder, call(1, ago=25, request_time=40.0), *(call(number, ago=2, **loading) for number in (2, 3, 4)))
    assert list(waits(found)) == []


def test_slow_answers_count_when_they_are_long_enough_to_tell(folder: Path) -> None:
    short = (call(number, ago=number, tokens_per_second=1.0, completion_tokens=3) for number in range(1, 9))
    assert list(slow_answers(among(folder, *short))) == []


def test_cut_prompts_tell_to_how_much(folder: Path) -> None:
    cut = (call(number, ago=number, prompt_truncated=True, context_length=2048 * number) for number in (1, 2))
    (finding,) = cut_prompts(among(folder, *cut, call(3, prompt_truncated=True, context_length=None)))
    assert "3 prompts of the last 24 h to 2,048 to 4,096 tokens" in finding.text


AGAIN: dict[str, Any] = {"request_time": 12.0, "wait_time": 9.5, "load_time": 9.5, "context_length": None}


def test_who_made_models_load_again_is_told_with_what_took_them_away(folder: Path) -> None:
    def pair(number: int, *before: dict[str, Any], **now: Any) -> list[EncodedRecord]:
        ago = 3000 - 100 * number
        earlier = [
            call(10 * number + place, ago=ago - 20 * place, context_length=None, **facts)
            for place, facts in enumerate(before)
        ]
        return [*earlier, call(10 * number + 9, ago=ago - 60, **{**AGAIN, **now})]

    def sized(tokens: int) -> dict[str, Any]:
        return {"options": {"num_ctx": tokens}}

    invoices = {"workflow": "Invoices", "node": "Summarise"}
    found = among(
        folder,
        *pair(1, {"asked": sized(8953), **invoices}, asked=sized(8933)),
        *pair(2, {"asked": sized(8913), **invoices}, asked=sized(8873)),
        *pair(3, {"asked": {"keep_alive": "5s"}, "caller": "batch.py"}),
        *pair(4, {}, {"model": "qwen3:32b", "caller": "coder"}),
        *pair(5, {"model": "llama3.2:latest", "operation": "unload", "caller": "cron"}),
        *pair(6, {}),
    )
    (finding,) = loads_again(found)
    assert (
        " 2 × the call before had another num_ctx (Invoices › Summarise 2); 1 × the call before kept it loaded"
        " for a short time (keep_alive) (batch.py 1); 1 × a call of another model came in between (coder 1);"
        " 1 × a call had unloaded it (cron 1); 1 × nothing on record tells why."
    ) in finding.text
    assert "use one for all" in (finding.advice or "")


def test_the_advice_is_against_what_took_the_model_away_most_often(folder: Path) -> None:
    calls = [
        record
        for number in range(1, 5)
        for record in (
            call(10 * number, ago=3000 - 100 * number, asked={"keep_alive": 0}, context_length=None),
            call(10 * number + 1, ago=2970 - 100 * number, **AGAIN),
        )
    ]
    (finding,) = loads_again(among(folder, *calls))
    assert "4 × the call before kept it loaded for a short time (keep_alive) (ollama-python 4)." in finding.text
    assert (finding.advice or "").startswith("Leave keep_alive out of that call")


def test_what_happens_at_another_ollama_takes_no_model_away_here(folder: Path) -> None:
    calls = [
        record
        for number in range(1, 5)
        for record in (
            call(10 * number, ago=3000 - 100 * number, upstream="one"),
            call(10 * number + 1, ago=2980 - 100 * number, upstream="two", model="qwen3:32b"),
            call(10 * number + 2, ago=2970 - 100 * number, upstream="one", **AGAIN),
        )
    ]
    (finding,) = loads_again(among(folder, *calls))
    assert "another model" not in finding.text
