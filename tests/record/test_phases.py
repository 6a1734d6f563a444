"""Where the time went."""

import math
from typing import Any

import pytest

from service.record import phases as record_phases
from service.record.phases import Durations, Phase
from service.record.record import record_of
from tests.record.given import line, unmeasured
from tests.record.wire import line_of, recorded


def durations_of(values: dict[str, Any]) -> Durations:
    return record_phases.durations_of(record_of(values))


def phases_of(values: dict[str, Any], spent: Durations) -> tuple[Phase, ...]:
    return record_phases.phases_of(record_of(values), spent)


def phases(said: dict[str, Any]) -> list[tuple[str, float, float, str]]:
    return [(found.name, found.begins, found.seconds, found.text) for found in phases_of(said, durations_of(said))]


def test_the_phases_stand_one_after_the_other_and_make_the_whole() -> None:
    said = line(request_time=52.4, wait_time=41.0, prompt_time=6.9, generation_time=4.4, time_to_first_byte=52.3)
    assert phases(said) == [
        ("wait", 0.0, 41.0, "waiting until the model was ready"),
        ("prompt", 41.0, 6.9, "reading the prompt, 1,204 tokens"),
        ("generation", 47.9, 4.4, "generating 80 tokens"),
        ("sending", 52.3, 0.1, "sending"),
    ]


def test_the_queue_of_a_loaded_model_is_what_ollama_does_not_measure() -> None:
    # As Ollama 0.17.4 with OLLAMA_NUM_PARALLEL=1 told it of the second and third of four calls at once.
    measured = {"wait_time": 0.001, "prompt_time": 0.001, "generation_time": 0.725}
    streamed = durations_of(line(stream=True, request_time=2.115, time_to_first_token=1.367, **measured))
    assert (streamed.turn, streamed.sending) == pytest.approx((1.365, 0.023))
    measured = {"wait_time": 0.001, "prompt_time": 0.001, "generation_time": 1.315}
    at_once = durations_of(line(request_time=3.759, time_to_first_byte=3.759, **measured))
    assert (at_once.turn, at_once.sending) == pytest.approx((2.442, 0.0))


def test_what_was_waited_for_is_told_apart() -> None:
    found = phases(line(request_time=45.0, wait_time=5.0, prompt_time=0.0, generation_time=4.0, time_to_first_byte=45))
    assert found[0] == ("wait", 0.0, 41.0, "waiting: 5 s until the model was ready, 36 s for its turn")
    assert phases(line())[0][3] == "waiting"


def test_an_embedding_is_computed_when_the_model_is_ready() -> None:
    said = unmeasured(
        operation="embed", wait_time=1.0, request_time=5.0, time_to_first_byte=4.9, completion_tokens=None
    )
    assert [(name, seconds) for name, _, seconds, _ in phases(said)] == [
        ("wait", 1.0),
        ("prompt", 3.9),
        ("sending", 0.1),
    ]


def test_a_stream_without_durations_is_the_time_to_its_first_words_and_the_rest() -> None:
    found = phases(unmeasured(stream=True, request_time=50.0, time_to_first_token=41.0, time_to_first_byte=40.0))
    assert found == [
        ("wait", 0.0, 41.0, "until the first words came: waiting and reading the prompt"),
        ("generation", 41.0, 9.0, "generating 80 tokens"),
    ]


def test_an_answer_without_durations_is_one_wait() -> None:
    assert phases(unmeasured(request_time=5.0, time_to_first_byte=4.5)) == [
        ("wait", 0.0, 4.5, "until the answer came"),
        ("sending", 4.5, 0.5, "sending"),
    ]
    left = unmeasured(request_time=300.0, time_to_first_byte=None, response_bytes=None, outcome="client_left")
    assert phases(left) == [("wait", 0.0, 300.0, "waiting for an answer that did not come")]
    assert phases(unmeasured(operation="load", time_to_first_byte=None))[0][3] == "loading the model"


def test_an_upload_is_nobodys_turn() -> None:
    measured = {"wait_time": 0.25, "load_time": 0.25, "prompt_time": 0.25, "generation_time": 1.0, "upload_time": 3.0}
    for facts in ({"stream": True, "time_to_first_token": 3.5}, {"stream": False}):
        assert phases(line(request_time=4.5, time_to_first_byte=4.5, **measured, **facts)) == [
            ("sending", 0.0, 3.0, "sending the request"),
            ("wait", 3.0, 0.25, "waiting"),
            ("prompt", 3.25, 0.25, "reading the prompt, 1,204 tokens"),
            ("generation", 3.5, 1.0, "generating 80 tokens"),
        ]
    embedding = line(**measured | {"prompt_time": None, "generation_time": None}, operation="embed", request_time=4.5)
    found = phases(embedding | {"time_to_first_byte": 4.5})
    assert [one[:3] for one in found] == [("sending", 0.0, 3.0), ("wait", 3.0, 0.25), ("prompt", 3.25, 1.25)]


def test_an_upload_is_told_apart_where_nothing_else_was_measured() -> None:
    facts = {"request_time": 6.0, "time_to_first_byte": 5.0, "upload_time": 3.0}
    for stream in (True, False):
        found = phases(unmeasured(stream=stream, **facts))
        assert [one[:3] for one in found][:2] == [("sending", 0.0, 3.0), ("wait", 3.0, 2.0)]
    # More than there was is not believed.
    assert durations_of(unmeasured(**facts | {"upload_time": 9.0})).upload == 5.0
    assert durations_of(line(upload_time=9.0)).upload == pytest.approx(0.05)


def test_durations_that_contradict_the_whole_are_not_believed() -> None:
    said = line(request_time=2.0, generation_time=60.0, time_to_first_byte=1.9)
    assert durations_of(said) == Durations(2.0, 1.9, sending=2.0 - 1.9)


def test_durations_that_only_round_differently_are_believed() -> None:
    said = line(request_time=2.25, wait_time=0.0504, prompt_time=0.2, generation_time=2.0, time_to_first_byte=2.25)
    spent = durations_of(said)
    assert spent.is_measured
    assert spent.total == pytest.approx(2.2504)


def test_without_the_whole_the_measured_parts_are_shown() -> None:
    assert [found[0] for found in phases(line(request_time=None))] == ["wait", "prompt", "generation"]
    assert phases(unmeasured(request_time=None)) == []


@pytest.mark.parametrize("nonsense", [-1.0, math.nan, math.inf, True, "3", [], 1e300, pytest.param(10**400, id="huge")])
def test_nonsense_counts_as_unknown(nonsense: Any) -> None:
    for key in ("request_time", "wait_time", "prompt_time", "generation_time", "time_to_first_byte"):
        for found in phases(line(**{key: nonsense}, stream=True)):
            assert found[1] >= 0
            assert found[2] > 0


def test_the_phases_of_a_recording_are_ollamas_own() -> None:
    said = line_of(recorded("chat_stream"))
    wait, prompt, generation = phases_of(said, durations_of(said))[:3]
    assert prompt == Phase("prompt", 0.001507, wait.seconds, "reading the prompt, 27 tokens")
    assert (wait.begins, wait.seconds, generation.seconds) == (0.0, 0.282687, 0.202965)


def test_what_ollama_measured_comes_in_the_order_and_from_the_fields_of_the_table() -> None:
    values = {"wait_time": 0.5, "prompt_time": 0.25, "generation_time": 2.0}
    expected = [(phase.name, values[phase.field]) for phase in record_phases.MEASURED_PHASES]
    assert list(record_phases.measured_phases(record_of(values))) == expected
    assert [seconds for _, seconds in record_phases.measured_phases(record_of({}))] == [0.0, 0.0, 0.0]


def test_the_wait_in_the_recorder_is_a_phase_of_its_own_before_ollamas() -> None:
    said = line(
        request_time=52.4,
        queue_time=30.0,
        wait_time=11.0,
        prompt_time=6.9,
        generation_time=4.4,
        time_to_first_byte=52.3,
    )
    assert phases(said)[:2] == [
        ("queue", 0.0, 30.0, "waiting in the recorder for a place at Ollama"),
        ("wait", 30.0, 11.0, "waiting until the model was ready"),
    ]
    streamed = durations_of(unmeasured(stream=True, request_time=10.0, queue_time=6.0, time_to_first_token=7.0))
    assert (streamed.queue, streamed.ready, streamed.generation) == (6.0, 1.0, 3.0)
    left = durations_of(unmeasured(request_time=8.0, queue_time=8.0, time_to_first_byte=None, response_bytes=None))
    assert (left.queue, left.ready, left.sending) == (8.0, 0.0, 0.0)
    embedded = durations_of(
        unmeasured(operation="embed", wait_time=1.0, request_time=9.0, queue_time=4.0, time_to_first_byte=9.0)
    )
    assert (embedded.queue, embedded.ready, embedded.prompt) == (4.0, 1.0, 4.0)


def test_a_wait_in_the_recorder_longer_than_the_whole_counts_no_further() -> None:
    spent = durations_of(line(request_time=10.0, queue_time=500.0, wait_time=1.0, generation_time=4.0))
    assert spent.queue + spent.ready + spent.prompt + spent.generation + spent.turn + spent.sending <= 10.0 + 1e-9
