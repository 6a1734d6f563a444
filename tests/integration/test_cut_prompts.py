"""Each way in which a real Ollama cuts prompts, as its version does it, is told; no other prompt is called cut."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.asked_ollama import Record, ask, ask_for_both, until
from tests.servers.ollama import EMBEDDING_MODEL, MODEL, Ollama
from tests.servers.process import RunningServer

ROOM = 256
LONG = "which one would be made over time " * 100


@pytest.fixture
def small(ollama: Ollama) -> Iterator[str]:
    """A model that has room for few tokens, as it is the only way in which ``/v1`` knows one."""
    name = "small"
    ollama.ask("/api/create", {"model": name, "from": MODEL, "parameters": {"num_ctx": ROOM}, "stream": False})
    yield name
    ollama.remove(name)


def chat(count: int) -> list[dict[str, str]]:
    return [
        {"role": "assistant" if number % 2 else "user", "content": f"{number} which one over time"}
        for number in range(count)
    ]


def left_of(ollama: Ollama, keep: int) -> int:
    """The tokens that are left of a text that is too long."""
    if not ollama.halves:
        return ROOM
    # One more is kept by models that say that a token stands before each text; this one says nothing of it.
    kept = ROOM - 1 if keep < 0 else keep
    return ROOM - max((ROOM - kept) // 2, 1)


@pytest.mark.parametrize("keep", [4, pytest.param(64, marks=pytest.mark.long), -1])
@pytest.mark.parametrize(
    ("path", "prompt"),
    [("/api/generate", {"prompt": LONG}), ("/api/chat", {"messages": [{"role": "user", "content": LONG}]})],
    ids=["generate", "chat"],
)
def test_a_text_that_is_too_long_is_cut_to_its_size(
    path: str, prompt: dict[str, Any], keep: int, ollama: Ollama, recorder: RunningServer
) -> None:
    asked = prompt | {"options": {"num_ctx": ROOM, "num_predict": 2, "num_keep": keep}}
    record = until(lambda: ask(recorder, path, asked), "prompt_truncated")
    assert record["prompt_tokens"] == left_of(ollama, keep)
    assert (record["prompt_truncated"], record["prompt_truncated_by"]) == (True, "length")
    assert record["context_length"] == ROOM


def test_a_context_that_ran_full_in_mid_answer_is_told(recorder: RunningServer) -> None:
    asked = {"prompt": "which one would be made over time " * 4, "options": {"num_ctx": ROOM, "num_predict": 200}}
    record = until(lambda: ask(recorder, "/api/generate", asked), "prompt_truncated")
    assert record["prompt_tokens"] + record["completion_tokens"] > ROOM
    assert (record["prompt_truncated"], record["prompt_truncated_by"]) == (True, "shift")
    fixed = until(lambda: ask(recorder, "/api/generate", asked | {"shift": False}), "prompt_truncated")
    assert fixed["prompt_truncated"] is False
    assert (fixed["done_reason"], fixed["failed"]) == ("length", False)


@pytest.mark.parametrize(
    ("path", "asked", "is_refused_by_new_ones_only"),
    [
        ("/api/generate", {"prompt": LONG, "truncate": False}, False),
        ("/api/chat", {"messages": chat(60), "truncate": False}, False),
        ("/api/embed", {"model": EMBEDDING_MODEL, "input": LONG, "truncate": False}, False),
        ("/api/generate", {"prompt": LONG, "shift": False}, True),
    ],
    ids=["generate", "chat", "embed", "shift"],
)
def test_what_ollama_refuses_was_not_cut(
    path: str, asked: dict[str, Any], is_refused_by_new_ones_only: bool, ollama: Ollama, recorder: RunningServer
) -> None:
    answer, record = ask_for_both(recorder, path, asked | {"options": {"num_ctx": ROOM, "num_predict": 2}})
    if is_refused_by_new_ones_only and not ollama.halves:
        assert (answer.status, record["prompt_tokens"]) == (200, ROOM)
        return
    assert (answer.status, record["failed"]) == (400, True)
    assert "context" in record["error"]
    assert not record["error"].startswith("{"), "the words of an error, not JSON in a text"
    assert not {"prompt_truncated", "prompt_truncated_by", "context_length"} & record.keys()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/chat/completions", lambda messages: {"messages": messages, "max_tokens": 2}),
        ("/v1/messages", lambda messages: {"messages": messages, "max_tokens": 2}),
        ("/v1/responses", lambda messages: {"input": messages, "max_output_tokens": 2}),
    ],
    ids=["chat", "messages", "responses"],
)
def test_a_chat_of_another_api_that_outgrew_the_models_own_context_is_told(
    path: str, asked: Callable[[Any], Record], small: str, recorder: RunningServer
) -> None:
    few, many = asked(chat(3)) | {"model": small}, asked(chat(59)) | {"model": small}
    whole = until(lambda: ask(recorder, path, few), "prompt_truncated")
    assert (whole["prompt_truncated"], whole["context_length"]) == (False, ROOM)
    cut = until(lambda: ask(recorder, path, many), "prompt_truncated")
    assert (cut["prompt_truncated"], cut["prompt_truncated_by"]) == (True, "messages")
    assert cut["prompt_lost_messages"] >= 20
    # Ollama ignores such options there.
    ignored = ask(recorder, path, few | {"options": {"num_ctx": 32}})
    assert ignored.get("prompt_truncated") in (False, None)
    assert ignored.get("context_length") in (ROOM, None)


def test_a_part_of_a_message_that_was_left_out_is_never_told_as_read(small: str, recorder: RunningServer) -> None:
    asked = {"model": small, "max_tokens": 2}
    few = asked | {"messages": [{"role": "user", "content": [{"type": "text", "text": "one"}] * 2}]}
    whole = until(lambda: ask(recorder, "/v1/chat/completions", few), "prompt_truncated")
    assert (whole["prompt_truncated"], whole["context_length"]) == (False, ROOM)
    content = [{"type": "text", "text": LONG}, {"type": "text", "text": "and?"}]
    cut = ask(recorder, "/v1/chat/completions", asked | {"messages": [{"role": "user", "content": content}]})
    assert cut["prompt_tokens"] < 30, "Ollama makes a message of each part, and leaves out the first"
    assert cut.get("prompt_truncated") in (True, None)
    # Its other forms make one message of all parts.
    joined = ask(recorder, "/v1/messages", asked | {"messages": [{"role": "user", "content": content}]})
    assert (joined["prompt_truncated"], joined["prompt_truncated_by"]) == (True, "length")


@pytest.mark.parametrize(
    ("num_ctx", "room"),
    [
        (128.9, 128),
        (-1, 4),
        (None, ROOM),
        *(pytest.param(*each, marks=pytest.mark.long) for each in ((128.0, 128), (0, 4), (2, 4), (1e12, 2048))),
    ],
)
def test_a_context_that_is_asked_for_in_an_odd_way_is_what_ollama_makes_of_it(
    num_ctx: float | None, room: int, small: str, recorder: RunningServer
) -> None:
    asked = {"model": small, "messages": [{"role": "user", "content": "which one " * 30}]}
    options = {"options": {"num_ctx": num_ctx, "num_predict": 2}}
    record = until(lambda: ask(recorder, "/api/chat", asked | options), "prompt_truncated")
    assert record["context_length"] == room
    assert record["prompt_truncated"] is (room <= ROOM)


@pytest.mark.parametrize(
    ("options", "left", "left_by_new_ones"),
    [({"num_ctx": 128}, 128, 128), ({"num_ctx": 4096}, 512, 512), ({"num_batch": 64}, 512, 64)],
    ids=["asked", "own", "batch"],
)
def test_an_embedding_that_was_cut_is_told(
    options: dict[str, int], left: int, left_by_new_ones: int, ollama: Ollama, recorder: RunningServer
) -> None:
    asked = {"model": EMBEDDING_MODEL, "input": LONG, "options": options}
    record = until(lambda: ask(recorder, "/api/embed", asked), "prompt_truncated")
    assert record["prompt_tokens"] == (left_by_new_ones if ollama.halves else left)
    assert (record["prompt_truncated"], record["prompt_truncated_by"]) == (True, "length")
    short = until(lambda: ask(recorder, "/api/embed", asked | {"input": "one time"}), "prompt_truncated")
    assert short["prompt_truncated"] is False


def test_a_vector_of_openais_api_that_was_cut_is_told(recorder: RunningServer) -> None:
    asked = {"model": EMBEDDING_MODEL, "input": LONG}
    record = until(lambda: ask(recorder, "/v1/embeddings", asked), "prompt_truncated")
    assert (record["prompt_tokens"], record["context_length"]) == (512, 512)
    assert (record["prompt_truncated"], record["prompt_truncated_by"]) == (True, "length")


def test_tokens_that_came_from_the_cache_are_told_by_every_api(ollama: Ollama, recorder: RunningServer) -> None:
    messages = chat(9)
    for path, asked in (
        ("/api/chat", {"messages": messages, "options": {"num_predict": 2}}),
        ("/api/generate", {"prompt": json.dumps(messages), "options": {"num_predict": 2}}),
        ("/v1/chat/completions", {"messages": messages, "max_tokens": 2}),
        ("/v1/messages", {"messages": messages, "max_tokens": 2}),
        ("/v1/responses", {"input": messages, "max_output_tokens": 2}),
    ):
        first, second = (ask(recorder, path, asked) for _ in range(2))
        assert first["prompt_tokens"] == second["prompt_tokens"] > 50
        if ollama.halves:
            assert second["prompt_tokens"] > second["cached_tokens"] >= second["prompt_tokens"] - 2, path
        else:
            assert "cached_tokens" not in second
