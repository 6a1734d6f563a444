"""``queue`` and ``limits``: who waits and why, and what each caller may have, told by the running recorder."""

import json
from collections.abc import Callable
from typing import Any

from tests.cli.answering import Answering
from tests.cli.conftest import Run

WAITING: dict[str, Any] = {
    "exchange": "b" * 32,
    "place": 1,
    "caller": "workflow Nightly",
    "priority": "batch",
    "seconds": 12.3,
    "used": 80.0,
    "reason": "the one place at Ollama is taken; next",
    "call": {"model": "tiny", "prompt": "Summarise \x1b[31mthis"},
}
QUEUE = {
    "max_active": 1,
    "queue_length": 100,
    "queue_timeout": 300.0,
    "active": [{"exchange": "a" * 32, "caller": "user Ann", "seconds": 4.25, "upstream": "gpu1"}],
    "waiting": [WAITING],
    "waiting_count": 3,
}
LIMITS = {
    "callers": [
        {
            "caller": "workflow Nightly",
            "has_own_table": True,
            "limits": {
                "max_active": 1,
                "tokens_per_day": 100_000,
                "models": ["tiny", "qwen*"],
                "keep_alive_at_most": 600.0,
                "priority": "batch",
                "context": "refuse",
            },
            "active": 1,
            "waiting": 2,
            "requests_of_last_minute": 7,
            "tokens_of_today": 4200,
            "used": 12.0,
        },
        {
            "caller": "user Ann",
            "has_own_table": False,
            "limits": {"priority": "interactive", "context": "observe"},
            "active": 0,
            "waiting": 0,
            "requests_of_last_minute": 0,
            "tokens_of_today": 0,
            "used": 0.0,
        },
    ]
}


def flat(text: str) -> str:
    """The text without how it was laid out."""
    return " ".join(text.split())


def test_the_queue_tells_who_is_there_at_which_place_and_why(run: Run, answers: Callable[..., Answering]) -> None:
    server = answers({"/queue.json": QUEUE})
    told = run("queue", "--url", server.url)
    assert told.exit_code == 0
    shown = flat(told.stdout)
    assert "at Ollama user Ann, for 4.2 s at gpu1" in shown
    assert "waiting 1. workflow Nightly (batch), for 12 s · tiny · Summarise ␛[31mthis" in shown
    assert shown.endswith("the one place at Ollama is taken; next")
    assert "2 more calls wait behind these." in told.stderr
    assert json.loads(run("queue", "--url", server.url, "--json").stdout) == QUEUE


def test_an_empty_queue_and_none_at_all_are_told_apart(run: Run, answers: Callable[..., Answering]) -> None:
    none = {"max_active": 0, "active": [], "waiting": [], "waiting_count": 0}
    server = answers({"/queue.json": none, "/limits.json": {"callers": []}})
    assert "neither MAX_ACTIVE nor LIMITS_FILE is set" in run("queue", "--url", server.url).stderr
    assert "Nobody has called yet" in run("limits", "--url", server.url).stderr
    server = answers({"/queue.json": none | {"queue_length": 100}})
    assert "Nobody is there." in run("queue", "--url", server.url).stderr
    assert run("queue", "--url", "http://127.0.0.1:1").exit_code == 1


def test_limits_tell_what_applies_and_what_is_used(run: Run, answers: Callable[..., Answering]) -> None:
    server = answers({"/limits.json": LIMITS})
    shown = flat(run("limits", "--url", server.url).stdout)
    assert (
        "workflow Nightly calls at Ollama 1 of 1 · waiting 2 · requests of the last minute 7 · tokens of today 4,200 of"
        " 100,000 · models tiny, qwen* · keep_alive at most 10 min · batch · long prompts are refused, not cut"
    ) in shown
    assert "user Ann nothing used, no limit" in shown
    assert json.loads(run("limits", "--url", server.url, "--json").stdout) == LIMITS
