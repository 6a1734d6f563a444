"""What made an exchange slow."""

from dataclasses import replace
from typing import Any

import pytest

from service.record.findings import Finding, Surroundings, at_its_speed, slowness
from service.record.phases import durations_of, phases_of
from service.record.record import record_of
from tests.record.given import QUIET, case, line, unmeasured

LOADED = {"request_time": 45.0, "wait_time": 41.0, "time_to_first_byte": 44.9}
QUEUED = {"request_time": 45.0, "time_to_first_byte": 44.9}
BUSY = replace(QUIET, in_flight=3)


def only(said: dict[str, Any], around: Surroundings = QUIET, asked: dict[str, Any] | None = None) -> Finding:
    (found,) = slowness(case(said, around, asked))
    return found


def test_nothing_is_found_where_nothing_took_long() -> None:
    assert slowness(case(line())) == []
    assert slowness(case(line(request_time=0.9, wait_time=0.85, generation_time=0.03, prompt_time=0.0))) == []


def test_a_wait_for_a_model_that_nobody_had_used_is_most_likely_its_load() -> None:
    found = only(line(**LOADED), replace(QUIET, model_last_used=430.0))
    assert found.kind == "load"
    assert found.text.startswith("It waited 41 s, most likely for llama3.1:8b to load: no call had used it for 7 min,")
    assert '"keep_alive": "1h"' in found.advice


def test_a_wait_for_a_model_of_which_no_call_is_known_is_most_likely_its_load() -> None:
    found = only(line(**LOADED, api="openai"), replace(QUIET, model_last_used=None))
    assert found.text == "It waited 41 s, most likely for llama3.1:8b to load: no earlier call of it is on record."
    assert "OLLAMA_KEEP_ALIVE" in found.advice
    assert '"keep_alive"' not in found.advice


def test_a_load_beside_another_call_of_the_model_does_not_say_that_there_was_none() -> None:
    beside = replace(QUIET, model_last_used=None, model_in_use=True, in_flight=1)
    reason = "another call of it had begun before and was still going on."
    assert only(line(**LOADED), beside).text == f"It waited 41 s, most likely for llama3.1:8b to load: {reason}"
    assert "2 other exchanges" in only(line(**LOADED), replace(beside, in_flight=2)).text


def test_a_load_beside_others_says_so() -> None:
    found = only(line(**LOADED), replace(BUSY, model_last_used=None))
    assert found.kind == "load"
    assert found.text.endswith(" 3 other exchanges were going on, which may have held it up as well.")


def test_a_wait_for_a_model_in_use_is_most_likely_the_queue() -> None:
    found = only(line(**LOADED), BUSY)
    assert found.kind == "queue"
    assert found.text == (
        "It waited 41 s, most likely behind 3 other exchanges: a call had used llama3.1:8b only 20 s before."
    )


def test_a_wait_alone_for_a_model_just_used_is_most_likely_another_load() -> None:
    found = only(line(**LOADED))
    assert found.kind == "load"
    assert "to load once more, though a call had used it only 20 s before" in found.text


def test_a_load_names_its_cause_and_whose_call_it_was() -> None:
    before = record_of(line(context_length=8953, workflow="Invoices"))
    for around in (QUIET, BUSY):
        found = only(line(**LOADED, context_length=8933), replace(around, earlier=(before,)))
        assert found.kind == "load"
        assert "to load: the call of Invoices 20 s before had num_ctx 8,953, and this one has 8,933." in found.text
        assert found.advice == "Use the same num_ctx in all calls of a model."


def test_a_load_names_its_cause_where_nothing_is_measured() -> None:
    late = unmeasured(stream=True, request_time=45.0, time_to_first_token=41.0)
    other = record_of(line(model="qwen3:4b", caller="batch.py"))
    found = only(late, replace(QUIET, earlier=(other, record_of(line()))))
    assert "to load: a call of qwen3:4b by batch.py came in between" in found.text


def test_a_model_that_a_call_keeps_loaded_for_long_is_not_told_to_have_been_unloaded() -> None:
    before = record_of(line(request_body='{"keep_alive": "1h"}'))
    found = only(line(**LOADED), replace(QUIET, model_last_used=430.0, earlier=(before,)))
    assert "no call had used it" not in found.text


def test_a_prompt_that_is_read_again_tells_what_changed_first() -> None:
    long = line(prompt_tokens=9000, cached_tokens=12, prompt_time=20.0, request_time=23.0, time_to_first_byte=22.9)
    text = only(long, replace(QUIET, changed_first="the system prompt")).text
    assert text.endswith(
        " Only 12 tokens came from the cache, though most of it was in the call before: the system prompt changed"
        " first, and all from there on was read again."
    )
    assert "another call took its place" in only(long, replace(QUIET, changed_first="")).text
    assert "Only" not in only(long).text
    assert "Only" not in only(long | {"cached_tokens": 8000}, replace(QUIET, changed_first="the tools")).text
    loaded = long | {"wait_time": 10.0, "request_time": 33.0, "time_to_first_byte": 32.9}
    texts = [finding.text for finding in slowness(case(loaded, replace(QUIET, changed_first="")))]
    assert "loaded anew, which empties the cache" in "".join(texts)


def test_time_that_ollama_does_not_measure_is_most_likely_the_queue() -> None:
    found = only(line(**QUEUED), replace(QUIET, in_flight=1))
    assert found.kind == "queue"
    assert found.text == ("It waited 43 s for its turn, most likely behind 1 other exchange that had begun before.")


def test_time_that_nothing_on_record_explains_is_most_likely_other_programs() -> None:
    found = only(line(**QUEUED))
    assert found.text.endswith(" Most likely Ollama was busy with calls that do not come through the recorder.")
    found = only(line(**QUEUED), asked={"format": "json"})
    assert "the format that was asked for" in found.text


def test_a_load_that_was_asked_for_is_no_surprise() -> None:
    found = only(unmeasured(api="ollama", operation="load", request_time=12.0, time_to_first_byte=12.0))
    assert found == Finding("load", "It was asked to load llama3.1:8b, which took 12 s.", "")


def test_an_api_without_durations_still_tells_a_load_from_a_queue() -> None:
    late = unmeasured(stream=True, request_time=45.0, time_to_first_token=41.0)
    found = only(late, replace(QUIET, model_last_used=720.0))
    assert (
        found.text
        == "The first words came after 41 s. Most likely for llama3.1:8b to load: no call had used it for 12 min."
    )
    assert only(late, BUSY).kind == "queue"
    assert only(late, replace(BUSY, model_last_used=None, model_in_use=True)).kind == "queue"
    assert slowness(case(late)) == []
    found = only(unmeasured(request_time=45.0, time_to_first_byte=45.0), BUSY)
    assert found.text == "It took 45 s. Most likely in part behind 3 other exchanges that had begun before."


def test_a_long_prompt_has_its_tokens_and_its_speed() -> None:
    found = only(line(request_time=12.0, prompt_time=9.0, time_to_first_byte=11.9, prompt_tokens=18_000))
    assert found.kind == "long_prompt"
    assert found.text == "Reading the prompt took 9 s: 18,000 tokens at 2,000 tokens/s."


def test_a_generation_far_below_the_models_median_is_slow() -> None:
    slow = line(request_time=15.5, generation_time=15.0, tokens_per_second=12.0, completion_tokens=180)
    alone, beside = only(slow), only(slow, BUSY)
    assert alone.kind == beside.kind == "slow_generation"
    assert alone.text == (
        "It generated 12 tokens/s, while llama3.1:8b usually does 40 tokens/s (the median of 30 other exchanges)."
    )
    assert beside.text.endswith(" 3 other exchanges were going on when it began.")
    assert alone.advice != beside.advice


def test_a_median_of_few_is_no_median() -> None:
    slow = line(request_time=3.5, generation_time=3.0, tokens_per_second=12.0)
    assert slowness(case(slow, replace(QUIET, median_count=4))) == []


def test_a_generation_slower_than_people_read_is_slow_without_a_median() -> None:
    slow = line(request_time=40.0, generation_time=39.0, tokens_per_second=2.1, time_to_first_byte=39.9)
    found = only(slow, replace(QUIET, median_rate=None, median_count=0))
    assert found.kind == "slow_generation"
    assert "ollama ps" in found.advice


def test_a_long_answer_has_its_tokens_and_speed() -> None:
    long = line(request_time=84.5, generation_time=84.0, completion_tokens=3200, tokens_per_second=38.0)
    found = only(long)
    assert found.kind == "long_answer"
    assert found.text == "Writing the answer took 84 s: 3,200 tokens at 38 tokens/s, its usual speed."
    found = only(long | {"thinking": "x" * 900, "response_text": "y" * 100})
    assert found.text.endswith(" About 90 % of that was thinking.")
    assert '"think": false' in found.advice


def test_a_client_that_takes_the_answer_slowly_is_told() -> None:
    found = only(line(stream=True, request_time=30.0, time_to_first_token=0.25, response_bytes=65_536))
    assert found.kind == "slow_client"
    assert found.text.startswith("Ollama's own work was done in 2.2 s; 28 s more went into sending")


def test_a_request_that_came_slowly_is_told_and_nothing_is_called_a_queue() -> None:
    found = only(line(request_time=5.3, upload_time=3.0, time_to_first_byte=5.29))
    assert found.kind == "slow_client"
    assert found.text == "Sending the request took 3 s, before Ollama could begin."


def test_an_end_that_fits_into_buffers_is_held_back_by_ollama_and_not_by_the_client() -> None:
    said = line(stream=True, request_time=30.0, time_to_first_token=0.25, response_bytes=803)
    found = only(said)
    assert found.kind == "held_back"
    assert found.text.startswith("Ollama's own work was done in 2.2 s; 28 s more passed before the end of the answer")
    assert "client, or the network" not in found.text
    assert phases_of(record_of(said), durations_of(record_of(said)))[-1].text == "until Ollama sent the end"
    assert only(said | {"response_bytes": None}).kind == "slow_client"


def test_what_took_longest_comes_first() -> None:
    said = line(request_time=60.0, wait_time=10.0, prompt_time=16.0, generation_time=33.0, time_to_first_byte=59.9)
    assert [found.kind for found in slowness(case(said))] == ["long_answer", "long_prompt", "load"]


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (41.0, "41 tokens/s, its usual speed"),
        (30.0, "30 tokens/s, slower than its usual 40 tokens/s"),
        (60.0, "60 tokens/s, faster than its usual 40 tokens/s"),
        (None, ""),
    ],
)
def test_a_speed_is_compared_with_the_usual_one(rate: float | None, expected: str) -> None:
    assert at_its_speed(case(line(tokens_per_second=rate))) == expected


def test_a_model_without_a_name_or_with_a_huge_one_is_named_shortly() -> None:
    assert case(line(model=None)).model == "the model"
    assert len(case(line(model="x" * 300)).model) == 80


def test_a_wait_in_the_recorder_says_who_was_served_before_and_what_that_cost() -> None:
    said = line(request_time=45.0, queue_time=41.0, queue_behind="workflow Nightly: 2 calls, 39 s")
    found = only(said, BUSY)
    assert found.kind == "queue"
    assert found.text == (
        "It waited 41 s in the recorder for a place at Ollama. Served meanwhile: workflow Nightly: 2 calls, 39 s."
    )
    assert "MAX_ACTIVE" in found.advice
    assert "300 s" in found.advice


def test_what_waited_in_the_recorder_does_not_blame_those_who_waited_there_too() -> None:
    said = line(request_time=60.0, queue_time=20.0, wait_time=35.0, time_to_first_byte=59.9)
    kinds = [finding.kind for finding in slowness(case(said, replace(BUSY, model_last_used=2.0)))]
    assert kinds == ["load", "queue"]


@pytest.mark.parametrize("around", [QUIET, replace(QUIET, median_rate=None, median_count=0)])
def test_a_gpu_is_not_blamed_where_there_may_be_none(around: Surroundings) -> None:
    slow = line(tokens_per_second=2.0, generation_time=40.0, request_time=41.0)
    found = only(slow, around)
    assert "GPU" not in found.text
    assert "Where there is a GPU, " in found.advice
