"""What is read from the bytes of a real Ollama."""

import json
from typing import Any

import pytest

from service.record.bodies import readable
from service.record.generation import Generation
from service.record.line import make_record
from tests.record.wire import NAMES, always, checked, line_of, recorded, understand

_COUNTS = ("prompt_tokens", "completion_tokens")

# What each recording's line says, beside what all of them say. Absent keys must be absent.
EXPECTED: dict[str, dict[str, Any]] = {
    "blob_absent": {"operation": "blob"},
    "chat_once": {"operation": "chat", "done_reason": "length", "prompt_tokens": 27, "completion_tokens": 40},
    "chat_stream": {"operation": "chat", "done_reason": "length", "prompt_tokens": 27, "completion_tokens": 40},
    "chat_truncated": {"done_reason": "length", "prompt_tokens": 256, "completion_tokens": 8, "prompt_truncated": True},
    "embed": {"operation": "embed", "model": "tiny", "prompt_tokens": 5, "wait_time": 0.278162},
    "embeddings": {"operation": "embed", "model": "tiny"},
    "generate_json_format": {"response_text": "{}", "done_reason": "stop", "prompt_tokens": 22, "completion_tokens": 3},
    "generate_load": {"operation": "load", "done_reason": "load", "model": "tiny"},
    "generate_once": {"operation": "generate", "prompt_tokens": 28, "completion_tokens": 40, "stream": False},
    "generate_stream": {"operation": "generate", "prompt_tokens": 28, "completion_tokens": 40, "stream": True},
    "generate_truncated": {
        "prompt_truncated": True,
        "context_length": 256,
        "prompt_tokens": 256,
        "completion_tokens": 8,
    },
    "generate_unload": {"operation": "unload", "done_reason": "unload", "model": "tiny"},
    "malformed_json": {"error": "unexpected EOF", "request_body": '{"model":'},
    "method_not_allowed": {"response_body": "405 method not allowed"},
    "model_not_found": {"error": "model 'nope' not found", "model": "nope"},
    "path_not_found": {"response_body": "404 page not found"},
    "ps": {"operation": "ps"},
    "pull_error": {"operation": "pull", "model": "127.0.0.1:9/none/none", "response_text": "pulling manifest"},
    "root_head": {"operation": "root"},
    "show": {"operation": "show", "model": "tiny"},
    "tags": {"operation": "list"},
    "v1_chat_once": {"api": "openai", "prompt_tokens": 27, "completion_tokens": 12, "stream": False},
    "v1_chat_stream": {"api": "openai", "operation": "chat", "stream": True, "done_reason": "length"},
    "v1_chat_stream_usage": {"api": "openai", "prompt_tokens": 27, "completion_tokens": 12, "done_reason": "length"},
    "v1_completions_stream": {"api": "openai", "operation": "generate", "done_reason": "length"},
    "v1_embeddings": {"api": "openai", "operation": "embed", "prompt_tokens": 4},
    "v1_messages_once": {"api": "anthropic", "prompt_tokens": 27, "completion_tokens": 12, "done_reason": "max_tokens"},
    "v1_messages_stream": {
        "api": "anthropic",
        "prompt_tokens": 27,
        "completion_tokens": 12,
        "done_reason": "max_tokens",
    },
    "v1_model_not_found": {"api": "openai", "error": "model 'nope' not found", "model": "nope"},
    "v1_models": {"api": "openai", "operation": "list"},
    "v1_responses_once": {"api": "openai", "operation": "chat", "prompt_tokens": 21, "completion_tokens": 12},
    "v1_responses_stream": {"api": "openai", "stream": True, "prompt_tokens": 21, "completion_tokens": 12},
    "version": {"operation": "version", "response_body": '{"version":"0.0.0"}'},
}
GENERATED = {
    "chat_once": " what] can areb are my\x0f from\x7f[ could afterh\n\x03IANZ+w beu and7",
    "chat_stream": " theB\x0f areb are\x18\x077pk we\x7f beh;\x0b these these anw, by some timet my couldP\x1aKR",
    "chat_truncated": "\x0f backs",
    "generate_once": " much on>\\ where. byA\x1e other\x7fw were from be\x12Ncu; couldE",
    "generate_stream": ", who\x12w\x08'fO.\x7f[\n\\ are\x0f from(g couldP( such+} on",
    "generate_truncated": "wT from been# areb",
    "v1_chat_once": " what\x7f,\x0f first its",
    "v1_chat_stream": "D\x17x\n",
    "v1_chat_stream_usage": " these these up myN some time",
    "v1_completions_stream": " the<unk> andw+x\x7f\x15. by",
    "v1_messages_once": " what\x1aK any anyx been there+",
    "v1_messages_stream": " couldx fromt whatl on",
    "v1_responses_once": " these what can these( on",
    "v1_responses_stream": "\x0f who these beg",
}
GENERATED = {**GENERATED, "generate_json_format": "{}"}


def _understood(name: str) -> Generation:
    found = recorded(name)
    return understand(found, readable(found.opened.request), readable(found.response))


def test_every_recording_is_looked_at() -> None:
    assert set(NAMES) == set(EXPECTED)


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_is_told_in_its_line(name: str) -> None:
    found = recorded(name)
    said = line_of(found)
    expected = EXPECTED[name]
    assert {key: said.get(key) for key in expected} == expected
    assert said.get("request_body", "") == found.opened.request.head.decode()
    assert said.get("response_text") == (GENERATED.get(name) or expected.get("response_text"))
    assert said["failed"] == (found.status != 200 or name == "pull_error")
    for key in _COUNTS:
        assert (key in said) == (key in expected)
    assert ("response_body" in said) == (name in {*_NOT_GENERATED, "method_not_allowed", "path_not_found"})
    assert _understood(name).problem is None or "response_body" in said


_NOT_GENERATED = ("ps", "show", "tags", "v1_models", "version")


@pytest.mark.parametrize("name", _NOT_GENERATED)
def test_a_list_or_description_is_in_the_line_as_it_came(name: str) -> None:
    assert line_of(recorded(name))["response_body"] == recorded(name).response.head.decode()


@pytest.mark.parametrize("name", GENERATED)
def test_a_finished_answer_is_known_to_be_finished(name: str) -> None:
    assert _understood(name).is_finished is True


def test_the_phases_of_a_native_answer_are_seconds() -> None:
    found = _understood("chat_stream")
    phases = (found.total_time, found.wait_time, found.prompt_time, found.generation_time)
    assert phases == (0.489786385, 0.282686935, 0.001506817, 0.202964701)
    said = line_of(recorded("chat_stream"))
    assert (said["wait_time"], said["prompt_time"], said["generation_time"]) == (0.282687, 0.001507, 0.202965)
    assert said["tokens_per_second"] == 197.079


def test_the_first_token_is_timed_by_the_piece_that_carried_it() -> None:
    times = {name: line_of(recorded(name)).get("time_to_first_token") for name in GENERATED}
    assert {name for name, seconds in times.items() if seconds is None} == {
        name for name in GENERATED if "stream" not in name
    }
    # Anthropic's third event and OpenAI's fifth are the first with text.
    assert (times["chat_stream"], times["v1_messages_stream"], times["v1_responses_stream"]) == (0.25, 0.27, 0.29)


def test_an_embedding_is_neither_text_nor_kept_in_the_line() -> None:
    for name in ("embed", "embeddings", "v1_embeddings"):
        record = make_record(recorded(name), context_length_of=always(2048), mask=True)
        said = checked(record.line)
        assert not {"response_text", "response_body"} & set(said)
        assert said.get("context_length") == 2048
        assert record.response == recorded(name).response.head


def test_a_prompt_is_truncated_when_its_count_reaches_the_context() -> None:
    assert line_of(recorded("chat_once"), context_length=2048)["prompt_truncated"] is False
    assert line_of(recorded("chat_once"), context_length=27)["prompt_truncated"] is True
    assert "prompt_truncated" not in line_of(recorded("chat_once"))
    assert "prompt_truncated" not in line_of(recorded("v1_chat_stream"), context_length=2048)


def test_the_request_says_the_context_better_than_anybody_else() -> None:
    assert line_of(recorded("chat_truncated"), context_length=131072)["context_length"] == 256


def test_a_record_of_a_recording_holds_its_bytes() -> None:
    for name in NAMES:
        record = make_record(recorded(name), context_length_of=always(None), mask=True)
        assert record.request == recorded(name).opened.request.head
        assert record.response == recorded(name).response.head
        json.loads(record.summary)
