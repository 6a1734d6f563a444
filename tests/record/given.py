"""Lines of exchanges that took long or went wrong, and what went on around them."""

from typing import Any

from service.record.findings import Case, Surroundings
from service.record.phases import durations_of
from service.record.record import record_of

QUIET = Surroundings(model_last_used=20.0, in_flight=0, median_rate=40.0, median_count=30)
"""The model was used a moment ago, nothing else went on, and its usual speed is known."""


def line(**facts: Any) -> dict[str, Any]:
    """The line of a chat of 2.3 s in which nothing took long, with other ``facts`` (None: without that)."""
    said: dict[str, Any] = {
        "status": 200,
        "request_time": 2.3,
        "outcome": "completed",
        "failed": False,
        "operation": "chat",
        "api": "ollama",
        "model": "llama3.1:8b",
        "stream": False,
        "prompt_tokens": 1204,
        "completion_tokens": 80,
        "tokens_per_second": 40.0,
        "wait_time": 0.05,
        "prompt_time": 0.2,
        "generation_time": 2.0,
        "time_to_first_byte": 2.29,
        "response_bytes": 900,
    }
    return {key: value for key, value in (said | facts).items() if value is not None}


def unmeasured(**facts: Any) -> dict[str, Any]:
    """The same through an API that tells no durations."""
    absent = {"tokens_per_second": None, "wait_time": None, "prompt_time": None, "generation_time": None}
    return line(**({"api": "openai"} | absent | facts))


def case(said: dict[str, Any], around: Surroundings = QUIET, asked: dict[str, Any] | None = None) -> Case:
    record = record_of(said)
    return Case(record, asked or {}, durations_of(record), around)
