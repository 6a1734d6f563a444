"""How many tokens each loaded model has room for. Ollama's ``/api/ps`` is asked off the hot path.

Ollama cuts a longer prompt without a word. A request that names no ``num_ctx`` runs with the length that the model was
loaded with, and only ``/api/ps`` has that.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import orjson

from service.gateway.upstream import Failure, Send

# Often enough to see a model before its first answer ends, too seldom to be noticed.
ASK_EVERY_SECONDS: Final = 1.0
_GIVE_UP_SECONDS: Final = 5.0
_LONGEST_ANSWER: Final = 1_000_000


class ContextLengths:
    """Asks while exchanges are in flight; ``of`` answers at once from the last answer."""

    def __init__(self, send: Send, is_busy: Callable[[], bool]) -> None:
        self._send = send
        self._is_busy = is_busy
        self._lengths: dict[str, int] = {}
        self._wanted = asyncio.Event()

    def of(self, model: str) -> int | None:
        """The context length of a loaded model in tokens; a name without a tag means ``:latest``."""
        return self._lengths.get(model) or self._lengths.get(f"{model}:latest")

    def want(self) -> None:
        """A model was called: ask soon."""
        self._wanted.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await self._wanted.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_UP_SECONDS):
                    await self._ask()
            await asyncio.sleep(ASK_EVERY_SECONDS)
            if not self._is_busy():
                self._wanted.clear()

    async def _ask(self) -> None:
        answer = await self._send("GET", "/api/ps", (), None)
        if isinstance(answer, Failure):
            return
        body = bytearray()

        def take(piece: bytes) -> bool:
            body.extend(piece)
            return len(body) > _LONGEST_ANSWER

        is_whole = False
        try:
            is_whole = not await answer.forward(take) and answer.failure is None
            if answer.status == 200 and is_whole:
                self._lengths.update(read_context_lengths(bytes(body)))
        finally:
            answer.finish() if is_whole else answer.abort()


def read_context_lengths(body: bytes) -> dict[str, int]:
    """Context lengths by model name out of an answer to ``/api/ps``; empty if it is no such answer."""
    try:
        models = orjson.loads(body)["models"]
        return {
            name: model["context_length"]
            for model in models
            if isinstance(model.get("context_length"), int)
            for name in (model.get("name"), model.get("model"))
            if isinstance(name, str)
        }
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return {}
