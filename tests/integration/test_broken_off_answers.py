"""What is recorded where a real Ollama breaks an answer off and tells its client nothing, status 200."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.record.answer_errors import NO_END, NOTHING_CAME
from service.record.generation import UNFINISHED
from tests.integration.asked_ollama import ask
from tests.integration.test_vocabularies import write_model
from tests.servers.ollama import Ollama
from tests.servers.process import RunningServer
from tests.simulation.vocabularies import llama3

pytestmark = pytest.mark.long

MODEL = "speaks-in-halves"
MESSAGES = {"messages": [{"role": "user", "content": "Bonjour"}], "max_tokens": 3}
REST_OF_A_CHARACTER = "¬"
"""How this vocabulary writes the byte AC, with which no character of UTF-8 begins."""


@pytest.fixture(scope="module")
def model(ollama: Ollama, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A model that says nothing but the rest of a character."""
    weights = tmp_path_factory.mktemp("weights") / "model.gguf"
    write_model(weights, llama3(), says=REST_OF_A_CHARACTER.__eq__)
    ollama.create(MODEL, weights, template="{{ range .Messages }}{{ .Content }}{{ end }}{{ .Prompt }}")
    weights.unlink()
    yield MODEL
    ollama.remove(MODEL)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/generate", {"prompt": "Bonjour", "options": {"num_predict": 3}}),
        ("/api/chat", {"messages": MESSAGES["messages"], "options": {"num_predict": 3}}),
        ("/v1/chat/completions", MESSAGES),
        ("/v1/completions", {"prompt": "Bonjour", "max_tokens": 3}),
        ("/v1/messages", MESSAGES),
        ("/v1/responses", {"input": "Bonjour", "max_output_tokens": 3}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_that_is_lost_for_the_rest_of_a_character_counts_as_failed(
    path: str, body: dict[str, Any], model: str, ollama: Ollama, recorder: RunningServer
) -> None:
    for stream in (False, True):
        record = ask(recorder, path, {"model": model, "stream": stream, **body})
        assert (record["status"], record["model"], record["failed"]) == (200, model, ollama.halves)
        if ollama.halves:
            assert record["error"] == (NOTHING_CAME if stream else NO_END)
            assert record.get("done_reason") == (None if stream else UNFINISHED)
            assert not {"response_model", "prompt_tokens", "completion_tokens", "prompt_truncated"} & record.keys()
        else:
            assert record["done_reason"] in ("length", "max_tokens", "max_output_tokens")
