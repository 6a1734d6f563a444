import gzip
import json

import pytest

from tests.record.wire import body, exchange, line_of


def _chat(prompt: str, count: int, num_ctx: int) -> dict[str, object]:
    asked = {"model": "tiny", "prompt": prompt, "options": {"num_ctx": num_ctx}, "stream": False}
    answer = {"response": "x", "done": True, "prompt_eval_count": count}
    return line_of(exchange(json.dumps(asked).encode(), json.dumps(answer).encode(), "/api/generate"))


@pytest.mark.parametrize(
    ("words", "count", "expected"),
    [
        (3000, 4096, True),
        (3000, 5000, True),
        (3000, 4095, False),
        (9000, 2050, True),
        (1000, 2050, False),
        (9000, 2100, False),
        (9000, 1900, False),
    ],
)
def test_a_cut_prompt_shows_in_its_count(words: int, count: int, expected: bool) -> None:
    assert _chat("world " * words, count, 4096)["prompt_truncated"] is expected


def test_white_space_is_no_sign_of_a_cut_prompt() -> None:
    assert _chat("world " * 1000 + " " * 100_000, 2050, 4096)["prompt_truncated"] is False


def test_the_first_token_is_not_timed_where_its_arrival_was_not_noted() -> None:
    empty, full = b'{"message":{"content":""},"done":false}\n', b'{"message":{"content":"x"},"done":false}\n'
    data = empty * 30 + full
    found = exchange(b'{"model":"tiny","messages":[{}]}', body(data, "application/x-ndjson"))
    noted = tuple((number * len(empty), float(number)) for number in range(24))
    assert "time_to_first_token" not in line_of(found._replace(arrivals=noted))
    assert "time_to_first_token" not in line_of(found)
    assert line_of(found._replace(arrivals=((0, 0.5),)))["time_to_first_token"] == 0.5
    assert line_of(found._replace(arrivals=((0, 0.5), (1200, 0.75))))["time_to_first_token"] == 0.75
    assert line_of(found._replace(arrivals=((0, 0.5), (1201, 0.75))))["time_to_first_token"] == 0.5


def test_the_first_token_of_a_compressed_answer_is_not_timed() -> None:
    data = gzip.compress(b'{"message":{"content":"x"},"done":true}\n')
    found = exchange(b"{}", body(data, "application/x-ndjson", "gzip"), arrivals=((0, 0.5),))
    said = line_of(found)
    assert said["response_text"] == "x"
    assert "time_to_first_token" not in said


def test_no_speed_is_told_without_a_count_or_a_duration() -> None:
    for measured in ({"eval_count": 5}, {"eval_duration": 5}, {"eval_count": 0, "eval_duration": 5}):
        answer = json.dumps({"response": "x", "done": True, **measured}).encode()
        assert "tokens_per_second" not in line_of(exchange(b"{}", answer, "/api/generate"))


def _timed(stream: bool, first: float, **measured: float) -> dict[str, object]:
    """A chat of which Ollama measured these nanoseconds and whose answer began after ``first`` seconds."""
    answer = {"message": {"content": "x"}, "done": True, **{key: int(value * 1e9) for key, value in measured.items()}}
    asked = json.dumps({"model": "tiny", "messages": [{}], "stream": stream}).encode()
    data = json.dumps(answer).encode() + b"\n"
    kind = "application/x-ndjson" if stream else "application/json"
    return line_of(exchange(asked, body(data, kind), arrivals=((0, first),), first_byte=first))


@pytest.mark.parametrize("stream", [True, False])
def test_the_wait_for_a_busy_model_is_in_none_of_ollamas_durations_and_counts_as_waiting(stream: bool) -> None:
    measured = {"load_duration": 0.5, "prompt_eval_duration": 0.25, "eval_duration": 2.0}
    before = 0.75 if stream else 2.75
    said = _timed(stream, before + 3.0, **measured)
    assert (said["wait_time"], said["load_time"]) == (3.5, 0.5)
    # What the way there and back takes is no queue, and nothing is invented where clocks disagree.
    for first in (before + 0.05, before - 1.0):
        assert _timed(stream, max(0.0, first), **measured)["wait_time"] == 0.5
