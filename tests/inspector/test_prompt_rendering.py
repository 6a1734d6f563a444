"""The questions that Ollama is asked for a prompt as its model gets it, against an Ollama of a few lines."""

import json
from typing import Any

import pytest

from service.inspector.prompt_rendering import render_prompt
from service.record.rendered_prompt import RenderedPrompt

MESSAGES = [{"role": "user", "content": f"{number:02d}"} for number in range(40)]
ASKED = {"model": "tiny", "messages": MESSAGES, "options": {"num_ctx": 128}}


def answer(body: Any, status: int = 200) -> tuple[int, bytes, str]:
    return status, json.dumps(body).encode(), "Sun, 29 Nov 2026 12:00:00 GMT"


class TinyOllama:
    """Keeps the newest messages that have ``room``; ``asked`` are the bodies of its chats."""

    def __init__(self, room: int, expires_at: str = "2026-11-29T12:05:00Z") -> None:
        self.asked: list[dict[str, Any]] = []
        self._room = room
        self._expires_at = expires_at

    async def fetch(self, method: str, path: str, content: bytes | None) -> tuple[int, bytes, str] | str:
        if path == "/api/ps":
            loaded = {"name": "tiny:latest", "context_length": 128, "expires_at": self._expires_at}
            return answer({"models": [loaded]})
        assert content is not None
        sent = json.loads(content)
        self.asked.append(sent)
        return self.chat(sent)

    def chat(self, sent: dict[str, Any]) -> tuple[int, bytes, str] | str:
        messages = sent["messages"] if sent.get("truncate") is False else sent["messages"][-self._room :]
        return answer({"_debug_info": {"rendered_template": "".join(one["content"] for one in messages)}})


@pytest.mark.parametrize("room", [1, 2, 17, 39, 40, 41])
async def test_it_is_told_exactly_which_messages_are_left_out(room: int) -> None:
    ollama = TinyOllama(room)
    found = await render_prompt(ollama.fetch, lambda: 0, ASKED, 128)
    left_out = tuple(range(max(0, 40 - room)))
    assert found == RenderedPrompt("".join(f"{number:02d}" for number in range(40))[-2 * room :], 80, 40, left_out, 128)
    # Two, and then by halves.
    assert len(ollama.asked) <= 9
    assert {(sent["keep_alive"], sent["_debug_render_only"]) for sent in ollama.asked} == {("300.000s", True)}


async def test_a_text_that_no_number_of_messages_explains_names_none() -> None:
    class Odd(TinyOllama):
        def chat(self, sent: dict[str, Any]) -> tuple[int, bytes, str] | str:
            found = super().chat(sent)
            return found if sent.get("truncate") is False else answer({"_debug_info": {"rendered_template": "odd"}})

    found = await render_prompt(Odd(3).fetch, lambda: 0, ASKED, 128)
    assert isinstance(found, RenderedPrompt)
    assert (found.prompt, found.left_out) == ("odd", None)


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (answer({"message": {"content": "a"}, "done": True}), "does not show"),
        (answer({"error": "model 'tiny' not found"}, 404), "Ollama answers 404: model 'tiny' not found"),
        (answer([], 502), "Ollama answers 502."),
        ("Ollama cannot be asked: connection refused.", "cannot be asked: connection refused."),
    ],
)
async def test_what_goes_wrong_is_told_in_a_sentence(got: tuple[int, bytes, str] | str, words: str) -> None:
    class Broken(TinyOllama):
        def chat(self, sent: dict[str, Any]) -> tuple[int, bytes, str] | str:
            return got

    found = await render_prompt(Broken(3).fetch, lambda: 0, ASKED, 128)
    assert isinstance(found, str)
    assert words in found


@pytest.mark.parametrize(
    ("asked", "in_flight", "expires_at", "words"),
    [
        (ASKED, 1, "2026-11-29T12:05:00Z", "Exchanges are going on"),
        (ASKED, 0, "2026-11-29T11:59:59Z", "not loaded"),
        (ASKED | {"model": "other"}, 0, "2026-11-29T12:05:00Z", "not loaded"),
        (ASKED | {"options": {"num_ctx": 256}}, 0, "2026-11-29T12:05:00Z", "anew"),
        (ASKED | {"model": None}, 0, "2026-11-29T12:05:00Z", "names no model"),
        (ASKED | {"messages": []}, 0, "2026-11-29T12:05:00Z", "no messages"),
    ],
)
async def test_nothing_is_asked_that_would_change_something(
    asked: dict[str, Any], in_flight: int, expires_at: str, words: str
) -> None:
    ollama = TinyOllama(3, expires_at)
    found = await render_prompt(ollama.fetch, lambda: in_flight, asked, 128)
    assert isinstance(found, str)
    assert words in found
    assert not ollama.asked
