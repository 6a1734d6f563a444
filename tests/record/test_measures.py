import gzip
import json

import pytest

from service.record.line import make_record
from service.record.prompt_memory import PromptMemory
from tests.record.wire import always, body, exchange, line_of


def _chat(prompt: str, count: int, num_ctx: int) -> dict[str, object]:
    asked = {"model": "tiny", "prompt": prompt, "options": {"num_ctx": num_ctx}, "stream": False}
    answer = {"response": "x", "done": True, "prompt_eval_count": count}
    return line_of(exchange(json.dumps(asked).encode(), json.dumps(answer).encode(), "/api/generate"))


@pytest.mark.parametrize(
    ("words", "count", "expected"),
    [
        (3000, 4096, True),
        (3000, 5000, None),
        (3000, 4095, False),
        (9000, 2050, True),
        (9000, 2051, True),
        (1000, 2050, None),
        (9000, 2100, False),
        (9000, 1900, False),
    ],
)
def test_a_cut_prompt_shows_in_its_count(words: int, count: int, expected: bool | None) -> None:
    assert _chat("world " * words, count, 4096).get("prompt_truncated") is expected


def test_white_space_is_no_sign_of_a_cut_prompt() -> None:
    assert "prompt_truncated" not in _chat("world " * 1000 + " " * 100_000, 2050, 4096)


def test_how_a_prompt_was_cut_and_what_was_lost_is_told() -> None:
    messages = [{"role": "user", "content": f"{number} " + "word " * 99} for number in range(9)]
    memory = PromptMemory(counter_of=lambda model: lambda text, until: len(text.split()))
    asked = {"model": "tiny", "messages": messages, "options": {"num_ctx": 256}, "stream": False}
    answer = {"message": {"content": "x"}, "done": True, "prompt_eval_count": 210}
    found = exchange(json.dumps(asked).encode(), json.dumps(answer).encode())
    said = json.loads(make_record(found, context_length_of=always(None), mask=True, memory=memory).line)
    assert said["prompt_truncated"] is True
    assert said["prompt_truncated_by"] == "messages"
    assert said["prompt_lost_messages"] == 7
    assert said["prompt_lost_tokens"] == 900 - 210
    assert said["context_length"] == 256
    assert not {key for key in _chat("world " * 3, 3, 4096) if key.startswith(("prompt_truncated_", "prompt_lost"))}


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
    one_token = {"eval_count": 1, "eval_duration": 5_000_000_000}
    for measured in (
        *({"eval_count": 5}, {"eval_duration": 5}, {"eval_count": 0, "eval_duration": 5}, one_token),
        *({"eval_count": 1, "eval_duration": 1000}, {"eval_count": 5, "eval_duration": 999_999}),
    ):
        answer = json.dumps({"response": "x", "done": True, **measured}).encode()
        assert "tokens_per_second" not in line_of(exchange(b"{}", answer, "/api/generate"))


def _timed(stream: bool, first: float, **measured: float) -> dict[str, object]:
    """A chat of which Ollama measured these nanoseconds and whose answer began after ``first`` seconds."""
    answer = {"message": {"content": "x"}, "done": True, **{key: int(value * 1e9) for key, value in measured.items()}}
    asked = json.dumps({"model": "tiny", "messages": [{}], "stream": stream}).encode()
    data = json.dumps(answer).encode() + b"\n"
    kind = "application/x-ndjson" if stream else "application/json"
    return line_of(exchange(asked, body(data, kind), arrivals=((0, first),), first_byte=first, duration=first + 3.0))


@pytest.mark.parametrize("stream", [True, False])
def test_the_wait_for_a_busy_model_is_in_none_of_ollamas_durations_and_counts_as_waiting(stream: bool) -> None:
    measured = {"load_duration": 0.5, "prompt_eval_duration": 0.25, "eval_duration": 2.0}
    before = 0.75 if stream else 2.75
    said = _timed(stream, before + 3.0, **measured)
    assert (said["wait_time"], said["load_time"]) == (3.5, 0.5)
    # What the way there and back takes is no queue, and nothing is invented where clocks disagree.
    for first in (before + 0.05, before - 1.0):
        assert _timed(stream, max(0.0, first), **measured)["wait_time"] == 0.5


def test_the_computing_of_an_embedding_is_no_wait() -> None:
    # Ollama times nothing of it but the load.
    measured = {"embeddings": [[0.1]], "total_duration": 222_800_000_000, "load_duration": 12_000_000}
    found = exchange(b'{"model":"nomic","input":["x"]}', json.dumps(measured).encode(), "/api/embed")
    said = line_of(found._replace(duration=222.9, first_byte=222.9, arrivals=((0, 222.9),)))
    assert (said["wait_time"], said["load_time"]) == (0.012, 0.012)


def test_the_generation_of_a_streamed_call_of_a_tool_is_no_wait() -> None:
    # Ollama sends nothing while it collects the call.
    call = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}
    measured = {"load_duration": 50_000_000, "prompt_eval_duration": 400_000_000, "eval_duration": 5_500_000_000}
    first = json.dumps({"model": "q", "message": call, "done": False}).encode() + b"\n"
    last = json.dumps({"model": "q", "message": {"content": ""}, "done": True, **measured}).encode() + b"\n"
    asked = b'{"model":"q","messages":[{"role":"user","content":"x"}],"tools":[{}]}'
    found = exchange(asked, body(first + last, "application/x-ndjson"))
    for queued, expected in ((0.0, 0.05), (3.0, 3.12)):
        arrivals = ((0, 6.0 + queued), (len(first), 6.01 + queued))
        timed = found._replace(arrivals=arrivals, first_byte=6.0 + queued, duration=6.02 + queued)
        assert line_of(timed)["wait_time"] == expected


@pytest.mark.parametrize("stream", [True, False])
def test_the_time_in_which_the_client_was_still_sending_is_no_wait(stream: bool) -> None:
    answer = {"response": "x", "done": True, "load_duration": 250_000_000, "eval_duration": 500_000_000}
    found = exchange(
        json.dumps({"prompt": "x", "stream": stream}).encode(), json.dumps(answer).encode(), "/api/generate"
    )
    for queued, expected in ((0.0, 0.25), (2.0, 2.25)):
        whole = 3.75 + queued
        began = 3.25 + queued if stream else whole
        said = line_of(found._replace(upload=3.0, duration=whole, first_byte=began, arrivals=((0, began),)))
        assert (said["upload_time"], said["wait_time"], said["load_time"]) == (3.0, expected, 0.25)
    assert "upload_time" not in line_of(found._replace(upload=0.099))
    assert "upload_time" not in line_of(found)


def test_what_ollama_does_beside_a_long_generation_is_no_wait() -> None:
    measured = {"load_duration": 0.002, "prompt_eval_duration": 0.01, "eval_duration": 4.0}
    for beside, waited in ((0.05, 0.002), (0.25, 0.002), (0.55, 0.002), (0.7, 0.702), (2.0, 2.002)):
        whole = 4.012 + beside
        said = _timed(False, whole, **measured)
        assert said["wait_time"] == pytest.approx(waited), beside


def test_the_wait_in_the_recorder_is_none_of_ollamas() -> None:
    asked = json.dumps({"model": "tiny", "prompt": "x", "stream": False}).encode()
    nanoseconds = {"load_duration": 10**9, "prompt_eval_duration": 10**9, "eval_duration": 2 * 10**9}
    answer = {"response": "x", "done": True, "prompt_eval_count": 5, "eval_count": 9} | nanoseconds
    found = exchange(asked, json.dumps(answer).encode(), "/api/generate")
    found = found._replace(duration=14.0, first_byte=14.0, queued=10.0, queued_behind="user Ann: 1 call, 9.8 s")
    said = line_of(found)
    assert said["queue_time"] == 10.0
    assert said["queue_behind"] == "user Ann: 1 call, 9.8 s"
    assert said["wait_time"] == said["load_time"] == 1.0
    at_once = line_of(found._replace(queued=None, queued_behind=None))
    assert at_once["wait_time"] == 11.0
    assert not {"queue_time", "queue_behind", "changed"} & at_once.keys()


def test_which_of_several_ollamas_was_asked() -> None:
    found = exchange(b'{"model":"tiny","prompt":"x"}', b'{"response":"x","done":true}', "/api/generate")
    assert line_of(found._replace(upstream="gpu1"))["upstream"] == "gpu1"
    assert "upstream" not in line_of(found)


def test_what_ollama_passed_on_to_another_machine_has_no_energy() -> None:
    asked = b'{"model":"big-cloud","messages":[{"role":"user","content":"Hi"}],"stream":false}'
    answer = {"message": {"content": "x"}, "done": True, "remote_host": "https://ollama.com", "remote_model": "big"}
    assert "energy" not in line_of(exchange(asked, json.dumps(answer).encode())._replace(energy=3.0))
    here = {"message": {"content": "x"}, "done": True}
    assert line_of(exchange(asked, json.dumps(here).encode())._replace(energy=3.0))["energy"] == 3.0
