"""Addresses that not every version of Ollama has: they pass, and so does what Ollama says where it has none."""

import json
from typing import Any

import pytest

from tests.integration.asked_ollama import ask_for_both
from tests.integration.watching import call
from tests.servers.ollama import MODEL, Ollama
from tests.servers.process import RunningServer

TURNS = [
    {"role": "user", "content": "which one"},
    {"role": "assistant", "content": "the other"},
    {"role": "user", "content": "what time"},
]


def shape(value: Any) -> Any:
    """The names and kinds of a JSON value, without what is made anew each time."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


@pytest.mark.parametrize(
    ("path", "operation", "asked"),
    [
        ("/v1/responses/compact", "compact", {"model": MODEL, "input": TURNS}),
        ("/v1/images/generations", "image", {"model": MODEL, "prompt": "a cat", "size": "64x64"}),
        ("/v1/images/edits", "image", {"model": MODEL, "prompt": "a cat", "image": "iVBORw0KGgo="}),
        ("/v1/audio/transcriptions", "transcribe", {"model": MODEL}),
    ],
)
def test_what_ollama_answers_there_passes(
    path: str, operation: str, asked: dict[str, Any], ollama: Ollama, recorder: RunningServer
) -> None:
    straight = call(ollama.server, path, asked)
    answer, record = ask_for_both(recorder, path, asked)
    assert (answer.status, answer.headers["Content-Type"]) == (straight.status, straight.headers["Content-Type"])
    if straight.status == 200 and straight.body:
        assert shape(answer.json()) == shape(straight.json())
    else:
        # 0.17 answers 200 and nothing to who wants a picture of a model that makes none.
        assert answer.body == straight.body
        assert record["failed"], record
    assert (record["operation"], record["status"]) == (operation, straight.status)
    assert record["request_bytes"] == len(json.dumps({"stream": False} | asked))


def test_a_conversation_is_made_shorter_where_ollama_can(ollama: Ollama, recorder: RunningServer) -> None:
    """The tiny model's words are no summary, so that Ollama may refuse them, in words of its own."""
    answer, record = ask_for_both(recorder, "/v1/responses/compact", {"model": MODEL, "input": TURNS})
    if not ollama.halves:
        assert (answer.status, record["outcome"], record["operation"]) == (404, "completed", "compact")
        return
    assert answer.status in (200, 400, 500, 502)
    assert record["operation"] == "compact"
    if answer.status == 200:
        assert record["response_text"]
    else:
        assert record["error"] == answer.json()["error"]["message"]
