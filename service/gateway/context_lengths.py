"""Asks Ollama, off the hot path, which models are loaded with how much room (``/api/ps``) and what they are
(``/api/show``).

Ollama cuts a longer prompt without a word. A request that names no ``num_ctx`` runs with the length that is usual for
its model, and only ``/api/ps`` has that. Neither question loads a model or keeps one loaded for longer.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from service.gateway.upstream import Send
from service.gateway.whole_answer import fetch_whole
from service.record.json_text import compact
from service.record.model_facts import Look, ModelFacts, canonical_name, gives_up_half, read_loaded, read_model_facts
from service.record.operations import CHANGE_MODELS

# Often enough to see a model before its first answer ends, too seldom to be noticed.
ASK_EVERY_SECONDS: Final = 1.0
# Calls are often over within a second: the first look comes at once, the next ones after twice the pause of the last.
_FIRST_PAUSE: Final = 0.05
# After a pause of so long it begins anew.
_IDLE_SECONDS: Final = 5.0
_GIVE_UP_SECONDS: Final = 5.0
# Ollama answers such a question in a millisecond, also while it generates.
_MOMENT = 0.02
_LOOKS_KEPT: Final = 256
# A model may be made anew under its name by somebody whom the recorder does not see.
_FACTS_HOLD_SECONDS: Final = 60.0
_MOST_MODELS: Final = 200


class ContextLengths:
    """Asks while there are exchanges in flight, and once after them. What is known is answered at once.

    ``looks``, ``await_look``, ``facts_of``, ``halves`` and ``note_ended`` may be called from any thread; all else
    belongs to the event loop's.
    """

    def __init__(self, send: Send, in_flight: Callable[[], int]) -> None:
        """``in_flight`` counts the exchanges that are going on."""
        self._send = send
        self._in_flight = in_flight
        self._asked_at = 0.0
        self._answered = threading.Event()
        self._answered.set()
        self._looks: tuple[Look, ...] = ()
        self._facts: dict[str, tuple[float, str, ModelFacts | None]] = {}
        self._asked_for: dict[str, None] = {}
        self._halves: bool | None = None
        self._asked_version_at = -_FACTS_HOLD_SECONDS
        self._wanted = asyncio.Event()
        self._is_wanted = False
        self._calls = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def looks(self) -> tuple[Look, ...]:
        """The latest answers to ``/api/ps``, oldest first."""
        return self._looks

    def await_look(self) -> None:
        """Wait, outside of the event loop, until a look that was asked for a moment ago is answered."""
        moment = _MOMENT - (time.monotonic() - self._asked_at)
        if moment > 0:
            self._answered.wait(moment)

    def facts_of(self, model: str) -> ModelFacts | None:
        """What is known of a model. What is not known yet is asked for soon."""
        name = canonical_name(model)
        known = self._facts.get(name)
        is_old = known is None or time.monotonic() - known[0] > _FACTS_HOLD_SECONDS
        if is_old and self._loop is not None and name not in self._asked_for:
            # A loop that is closed asks nobody any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ask_for, name)
        return known[2] if known else None

    def halves(self) -> bool | None:
        """Whether this Ollama cuts a text that is too long to half of the context; None: not known."""
        return self._halves

    def want(self) -> None:
        """A model was called: look soon."""
        self._calls += 1
        if not self._is_wanted:
            self._want_look()

    def _want_look(self) -> None:
        self._is_wanted = True
        self._wanted.set()

    def note_ended(self, operations: Iterable[str]) -> None:
        """These ended. Where models were made or removed, what is known of them may be wrong by now."""
        if not CHANGE_MODELS.isdisjoint(operations):
            self._facts.clear()

    async def run(self) -> None:
        """Runs until cancelled."""
        self._loop = asyncio.get_running_loop()
        pause, rested_at = _FIRST_PAUSE, time.monotonic()
        while True:
            await self._wanted.wait()
            if time.monotonic() - rested_at > _IDLE_SECONDS:
                pause = _FIRST_PAUSE
            if not self._in_flight():
                # This look shows what the last call has left loaded.
                self._wanted.clear()
                self._is_wanted = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GIVE_UP_SECONDS):
                    await self._look()
                    await self._ask_what_they_are()
                    await self._ask_version()
            rested_at = time.monotonic()
            await asyncio.sleep(pause)
            pause = min(2 * pause, ASK_EVERY_SECONDS)

    def _ask_for(self, name: str) -> None:
        if len(self._asked_for) < _MOST_MODELS:
            self._asked_for[name] = None
            self._want_look()

    async def _look(self) -> None:
        calls, before, asked_ns = self._calls, self._in_flight(), time.time_ns()
        self._asked_at = time.monotonic()
        self._answered.clear()
        try:
            body = await fetch_whole(self._send, "GET", "/api/ps")
            models = None if body is None else read_loaded(body)
            if models is not None:
                in_flight = max(before, self._in_flight()) + self._calls - calls
                number = self._looks[-1].number + 1 if self._looks else 1
                look = Look(number, asked_ns, time.time_ns(), in_flight, models)
                self._looks = (*self._looks[1 - _LOOKS_KEPT :], look)
        finally:
            self._answered.set()

    async def _ask_what_they_are(self) -> None:
        loaded = self._looks[-1].models if self._looks else ()
        digests = {model.name: model.digest for model in reversed(loaded)}
        for name in dict.fromkeys((*digests, *self._asked_for)):
            known = self._facts.get(name)
            digest = digests.get(name) or (known[1] if known else "")
            if known is None or known[1] != digest or time.monotonic() - known[0] > _FACTS_HOLD_SECONDS:
                await self._ask_what_it_is(name, digest)
            self._asked_for.pop(name, None)

    async def _ask_version(self) -> None:
        if time.monotonic() - self._asked_version_at > _FACTS_HOLD_SECONDS:
            body = await fetch_whole(self._send, "GET", "/api/version")
            self._halves = None if body is None else gives_up_half(body)
            self._asked_version_at = time.monotonic()

    async def _ask_what_it_is(self, name: str, digest: str) -> None:
        body = await fetch_whole(self._send, "POST", "/api/show", compact({"model": name}).encode())
        if len(self._facts) >= _MOST_MODELS:
            self._facts.clear()
        self._facts[name] = time.monotonic(), digest, None if body is None else read_model_facts(body)
