"""How much room a loaded model has, learnt from a real Ollama beside the calls."""

import json
import time
from typing import Any

from tests.integration.watching import call, records
from tests.servers.process import RunningServer

SECONDS = 20.0


def test_the_context_length_of_a_call_that_names_none_is_the_loaded_models(recorder: RunningServer) -> None:
    def ask(prompt: str) -> dict[str, Any]:
        answer = call(recorder, "/api/ollama/api/generate", {"model": "tiny", "prompt": prompt, "stream": False})
        kept = {record.row.id: record.row.line for record in records(recorder.log.parent, 1)}
        said: dict[str, Any] = json.loads(kept[answer.exchange])
        return said

    until = time.monotonic() + SECONDS
    # What is loaded is asked beside the calls, so the first ones may end before it is known.
    while "context_length" not in (record := ask("Bonjour")):
        assert time.monotonic() < until
    # Ollama loads a model with 4096 unless told otherwise; this one was made for 2048.
    assert record["context_length"] == 2048
    assert record["prompt_truncated"] is False
    assert ask("which one would be made over time " * 400)["prompt_truncated"] is True
