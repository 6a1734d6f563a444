"""Asks Ollama what a model got of a recorded chat, where that changes nothing for anybody.

Ollama loads a model for such a question, anew where it is loaded with another context, and sets for how long it stays.
So it is asked only while the model is loaded with the call's own context and nothing runs, and with the time that is
left until Ollama would unload it.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from service.record.rendered_prompt import (
    NOT_LOADED,
    RenderedPrompt,
    left_out_of,
    model_of,
    read_loaded_now,
    read_rendered,
    rendering,
    trouble_of,
    why_not_rendered,
)

Fetch = Callable[[str, str, bytes | None], Awaitable[tuple[int, bytes, str] | str]]
"""Asks Ollama: method, path and JSON; status, body and ``Date`` of the whole answer, or a sentence."""


async def render_prompt(
    fetch: Fetch, in_flight: Callable[[], int], asked: dict[str, Any], context_length: int | None
) -> RenderedPrompt | str:
    """What the model gets of the chat ``asked``, or in a sentence why that cannot be looked at.

    ``in_flight`` counts the exchanges that are going on; ``context_length`` is what the recorded call had room for.
    """
    model, messages = model_of(asked), asked.get("messages")
    if model is None or not isinstance(messages, list) or not messages:
        return "The request names no model, or has no messages."
    if in_flight():
        return "Exchanges are going on: looking would change for how long their model stays loaded. Ask when none is."
    listed = await fetch("GET", "/api/ps", None)
    if isinstance(listed, str):
        return listed
    loaded = read_loaded_now(listed[1], model, listed[2])
    if loaded is None:
        return NOT_LOADED
    if (reason := why_not_rendered(asked, context_length, loaded)) is not None:
        return reason
    asking = _Asking(fetch, asked, loaded.keep_alive)
    prompt, whole = await asking.render(None), await asking.render(0)
    if not prompt or not whole:
        return asking.trouble
    left_out = await asking.find_left_out(prompt, whole)
    if asking.trouble:
        return asking.trouble
    places = None if left_out is None else left_out_of(asked, left_out)
    return RenderedPrompt(prompt, len(whole), len(messages), places, loaded.context_length)


class _Asking:
    """Renders one chat several times. ``trouble`` says, in a sentence, why Ollama did not; empty while it did."""

    def __init__(self, fetch: Fetch, asked: dict[str, Any], keep_alive: str | int) -> None:
        self._fetch = fetch
        self._asked = asked
        self._keep_alive = keep_alive
        self.trouble = ""

    async def render(self, leave_out: int | None) -> str:
        """The text; empty with ``trouble``."""
        content = rendering(self._asked, self._keep_alive, leave_out=leave_out)
        answer = await self._fetch("POST", "/api/chat", content)
        if isinstance(answer, str):
            self.trouble = answer
            return ""
        status, body, _ = answer
        text = read_rendered(body) if status == 200 else None
        if text is None:
            self.trouble = trouble_of(status, body)
        return text or ""

    async def find_left_out(self, prompt: str, whole: str) -> int | None:
        """So many of the first messages are not in ``prompt`` (those of the system are). None: no number fits.

        The fewer messages, the shorter the text: halving finds the number in a few questions.
        """
        low, high = 0, len(self._asked["messages"]) - 1
        text = whole
        while low < high:
            middle = (low + high) // 2
            text = whole if middle == 0 else await self.render(middle)
            if self.trouble:
                return None
            low, high = (middle + 1, high) if len(text) > len(prompt) else (low, middle)
        text = whole if low == 0 else await self.render(low)
        return low if text == prompt else None
