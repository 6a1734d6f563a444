"""The sentence, and that nothing breaks it."""

import json
import math
import random
from dataclasses import replace
from typing import Any

import orjson
import pytest

from service.record import explanation
from service.record.explanation import Explanation, Surroundings
from service.record.record import record_of
from tests.record.given import QUIET, line, unmeasured
from tests.record.wire import NAMES, line_of, recorded

UNKNOWN = Surroundings(None, 0, None, 0)
LOADED = {"request_time": 45.0, "wait_time": 41.0, "time_to_first_byte": 44.9}


def explain(values: dict[str, Any], around: Surroundings) -> Explanation:
    return explanation.explain(record_of(values), around)


def kinds(found: Explanation) -> list[str]:
    return [finding.kind for finding in found.findings]


def test_a_load_is_explained_in_a_sentence() -> None:
    found = explain(line(**LOADED), replace(QUIET, model_last_used=720.0))
    assert found.sentence == (
        "It waited 41 s, most likely for llama3.1:8b to load: no call had used it for 12 min, and Ollama unloads a"
        " model after 5 min without use. Then it ran at 40 tokens/s, its usual speed."
    )
    assert kinds(found) == ["load"]
    assert [phase.name for phase in found.phases] == ["wait", "prompt", "generation", "sending"]


def test_what_went_wrong_comes_before_what_was_slow() -> None:
    found = explain(line(**LOADED, prompt_truncated=True, done_reason="length", failed=True, error="broken"), QUIET)
    assert kinds(found) == ["failed", "cut_prompt", "cut_answer", "load"]
    assert found.sentence == found.findings[0].text


def test_a_speed_that_is_a_finding_is_not_told_as_usual() -> None:
    slow = line(request_time=60.0, wait_time=41.0, generation_time=15.0, tokens_per_second=5.0, time_to_first_byte=60.0)
    assert "Then it ran" not in explain(slow, QUIET).sentence


def test_where_nothing_held_it_up_that_is_said() -> None:
    found = explain(line(), QUIET)
    assert kinds(found) == ["quick"]
    assert found.sentence == "Nothing held it up: it took 2.3 s, generating at 40 tokens/s, its usual speed."
    listed = {"operation": "list", "outcome": "completed", "request_time": 0.003, "response_bytes": 9}
    assert explain(listed, UNKNOWN).sentence == "Nothing held it up: it took 3 ms."


def test_a_long_call_that_nobody_measured_is_not_called_quick() -> None:
    found = explain(unmeasured(request_time=62.0, time_to_first_byte=61.9), QUIET)
    assert kinds(found) == []
    assert found.sentence == "It took 62 s and wrote 80 tokens. This answer does not tell how much of that was waiting."


def test_an_exchange_of_which_nothing_is_known_has_no_explanation() -> None:
    assert explain({}, UNKNOWN) == Explanation((), (), "")


@pytest.mark.parametrize("name", NAMES)
def test_every_recording_is_explained(name: str) -> None:
    found = explain(line_of(recorded(name), context_length=2048), UNKNOWN)
    assert found.sentence.endswith((".", "?", "…"))
    assert found.phases


def test_surroundings_that_are_nonsense_count_as_unknown() -> None:
    odd = Surroundings(math.nan, -3, math.inf, 50)
    assert explain(line(**LOADED), odd) == explain(line(**LOADED), UNKNOWN)
    # Of two exchanges that overlap by a hair, the one did use the model just before the other.
    assert "less than 1 ms before" in explain(line(**LOADED), Surroundings(-0.001, 0, None, 0)).sentence


def test_no_line_however_odd_raises_or_gives_negative_times() -> None:
    chance = random.Random(5)
    junk: list[Any] = [
        None,
        True,
        0,
        -1,
        2**70,
        -5.5,
        1e308,
        math.nan,
        math.inf,
        "",
        "x",
        [],
        {},
        "client_left",
        "length",
        300.0,
    ]
    lines = [line_of(recorded(name), context_length=256) for name in NAMES] + [line(), unmeasured(), line(**LOADED)]
    for _ in range(2000):
        said: dict[str, Any] = dict(chance.choice(lines))
        for key in said:
            if chance.random() < 0.2:
                said[key] = chance.choice(junk)
        said["request_body"] = json.dumps({"options": chance.choice(junk), "prompt": chance.choice(junk)})
        around = Surroundings(
            chance.choice([None, -3.0, 400.0]), chance.choice([0, 3]), chance.choice([None, 40.0]), 50
        )
        found = explain(said, around)
        orjson.dumps(found)
        assert all(phase.seconds > 0 and phase.begins >= 0 for phase in found.phases)


def test_whether_all_was_read_is_another_question_than_time_and_comes_last() -> None:
    asked = '{"messages":[{"content":"a"},{"content":"b"}]}'
    found = explain(line(context_length=1300, request_body=asked), QUIET)
    assert kinds(found) == ["quick", "maybe_cut_prompt"]
    assert found.sentence == found.findings[0].text


def test_an_advice_is_given_once() -> None:
    asked = {"messages": [{"role": "user", "content": "Go on"}], "options": {"num_ctx": 64}}
    facts = {"request_body": json.dumps(asked), "prompt_truncated": True, "prompt_truncated_by": "shift"}
    facts |= {"context_length": 64, "prompt_tokens": 45, "completion_tokens": 40, "done_reason": "length"}
    found = explain(line(**facts), QUIET)
    assert kinds(found)[:2] == ["cut_prompt", "cut_answer"]
    advices = [finding.advice for finding in found.findings if finding.advice]
    assert advices
    assert len(advices) == len(set(advices))
