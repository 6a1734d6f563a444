"""What the model got: how Ollama is asked, and what its answers mean."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from service.record.rendered_prompt import (
    LoadedNow,
    kept_messages,
    left_out_of,
    read_loaded_now,
    read_rendered,
    rendering,
    why_not_rendered,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DATE = format_datetime(NOW, usegmt=True)
MESSAGES = [{"role": role, "content": role} for role in ("system", "user", "assistant", "system", "user")]
ASKED = {"model": "tiny", "messages": MESSAGES, "keep_alive": "1h", "options": {"num_ctx": 128, "num_predict": 900}}


def ps(**facts: Any) -> bytes:
    usual = {"name": "tiny:latest", "model": "tiny:latest", "context_length": 128, "expires_at": "2026-11-29T12:01:30Z"}
    return json.dumps({"models": [{"name": "other:latest", "context_length": 9}, usual | facts]}).encode()


@pytest.mark.parametrize(
    ("expires", "keep_alive"),
    [
        ("2026-11-29T12:01:30Z", "90.000s"),
        ("2026-11-29T13:01:30.123456789+01:00", "90.123s"),
        ("2318-03-11T12:46:02.123456789Z", -1),
    ],
)
def test_a_model_is_asked_to_stay_for_as_long_as_it_would(expires: str, keep_alive: str | int) -> None:
    for name in ("tiny", "Tiny:latest", "library/tiny"):
        assert read_loaded_now(ps(expires_at=expires), name, DATE) == LoadedNow(128, keep_alive)


@pytest.mark.parametrize(
    "body",
    [
        ps(expires_at="2026-11-29T11:59:59Z"),
        ps(expires_at="soon"),
        ps(expires_at=None),
        ps(name="tiny:v2", model="tiny:v2"),
        ps(context_length=0),
        b'{"models":[]}',
        b'{"models":7}',
        b"<html>",
        b"",
    ],
)
def test_what_is_not_loaded_or_not_told_is_left_alone(body: bytes) -> None:
    assert read_loaded_now(body, "tiny", DATE) is None


def test_without_ollamas_clock_our_own_is_taken() -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    found = read_loaded_now(ps(expires_at=soon), "tiny", "")
    assert found is not None
    assert 3590 < float(str(found.keep_alive).removesuffix("s")) <= 3600
    assert read_loaded_now(ps(), "tiny", "yesterday") is None


@pytest.mark.parametrize(
    ("options", "context_length", "words"),
    [
        ({"num_ctx": 128}, 128, None),
        ({}, 128, None),
        (None, 128, None),
        ({"num_ctx": 128}, None, None),
        ({"num_ctx": 256}, 256, "asked for 256"),
        # Ollama gives a model no more than it was made for, and loads it anew for each other number all the same.
        ({"num_ctx": 9300}, 128, "asked for 9300"),
        ({}, 256, "asked for 256"),
        ({}, None, "not known"),
        ({"num_ctx": 128, "num_gpu": 0}, 128, "num_gpu"),
        ({"num_ctx": "128"}, 128, "asked for 128"),
    ],
)
def test_a_model_is_never_loaded_anew(options: Any, context_length: int | None, words: str | None) -> None:
    reason = why_not_rendered(ASKED | {"options": options}, context_length, LoadedNow(128, "9s"))
    assert reason is None if words is None else reason is not None and words in reason


def test_ollama_is_asked_for_the_same_and_to_run_nothing() -> None:
    sent = json.loads(rendering(ASKED, "9s"))
    assert sent["messages"] == MESSAGES
    assert (sent["_debug_render_only"], sent["stream"], sent["keep_alive"]) == (True, False, "9s")
    assert sent["options"] == {"num_ctx": 128, "num_predict": 1}
    assert "truncate" not in sent
    assert ASKED["keep_alive"] == "1h"
    fewer = json.loads(rendering(ASKED, -1, leave_out=2))
    assert (fewer["truncate"], fewer["keep_alive"]) == (False, -1)
    assert fewer["messages"] == [MESSAGES[0], *MESSAGES[2:]]
    assert json.loads(rendering({"messages": [{"content": "\ud83e"}]}, -1))["options"] == {"num_predict": 1}


def test_messages_of_the_system_stay() -> None:
    assert kept_messages(ASKED, 0) == MESSAGES
    assert kept_messages(ASKED, 4) == [MESSAGES[0], MESSAGES[3], MESSAGES[4]]
    assert left_out_of(ASKED, 4) == (1, 2)
    assert left_out_of(ASKED, 0) == ()


def test_only_an_answer_that_shows_the_text_is_one() -> None:
    assert read_rendered(b'{"_debug_info":{"rendered_template":"user: a"}}') == "user: a"
    for other in (
        b'{"message":{"content":"a"}}',
        b'{"_debug_info":[]}',
        b'{"_debug_info":{"rendered_template":3}}',
        b"",
    ):
        assert read_rendered(other) is None
