"""Looks after each of several Ollamas: whether it answers, which models it has, which are loaded.

A bad one leaves at once, by what a call or a look meets, and comes back by itself with the first look that is well.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from service.events import emit
from service.gateway.upstream import Failure
from service.gateway.whole_answer import fetch_answer, fetch_whole
from service.record.exchange import Outcome
from service.record.model_facts import canonical_name, read_models
from service.upstream_events import UpstreamLeft, UpstreamReturned
from service.upstreams.named_upstream import NamedUpstream

LOOK_SECONDS: Final = 2.0
EVERY_SECONDS: Final = 5.0
_FIRST_PAUSE: Final = 0.5
_LEAST_PAUSE: Final = 0.5
# So often at most is looked again for a model that nobody is known to have.
_AGAIN_SECONDS: Final = 1.0


class Watch:
    """Looks after one Ollama. ``changed`` is called when it left, is gone, came back, or has other models."""

    def __init__(self, upstream: NamedUpstream, changed: Callable[[], None]) -> None:
        self.upstream = upstream
        self._changed = changed
        self._wanted = asyncio.Event()
        self._looked_at = float("-inf")
        self._look: asyncio.Task[None] | None = None

    def note(self, failure: Failure) -> None:
        """A call met this there."""
        if failure.outcome is Outcome.UPSTREAM_UNREACHABLE:
            self._tell(f"{self.upstream.url} cannot be reached: {failure.reason}", failure.reason)
        self.look_soon()

    def look_soon(self) -> None:
        """Something may have changed there."""
        self._wanted.set()

    async def look_again(self) -> None:
        """Look now, unless that was just done: somebody asks for what is not known to be there.

        What was seen to be ill only once is looked at in any case.
        """
        is_sure = self.upstream.trouble is None or self.upstream.is_gone
        if is_sure and time.monotonic() - self._looked_at < _AGAIN_SECONDS:
            return
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self.look())
        # Whoever leaves takes the look from nobody else.
        await asyncio.shield(self._look)

    async def run(self) -> None:
        """Runs until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            self._wanted.clear()
            await self.look()
            # Many calls that meet trouble are no reason to look more often.
            await asyncio.sleep(_LEAST_PAUSE)
            is_well = self.upstream.trouble is None
            pause = EVERY_SECONDS if is_well else min(2 * pause, EVERY_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause - _LEAST_PAUSE):
                    await self._wanted.wait()
            if is_well:
                pause = _FIRST_PAUSE

    async def look(self) -> None:
        """Ask how it is and what it has, within twice ``LOOK_SECONDS``."""
        send, url = self.upstream.client.send, self.upstream.url
        was_ill = self.upstream.trouble is not None
        answer = await fetch_answer(send, "GET", "/api/version", None, seconds=LOOK_SECONDS)
        if isinstance(answer, str):
            reason = answer.removeprefix("Ollama cannot be asked: ").removeprefix("Ollama ").removesuffix(".")
            self._tell(f"{url}: {answer}", reason, is_again=was_ill)
        elif answer[0] >= 500:
            self._tell(f"{url} answers {answer[0]}", f"it answers {answer[0]}", is_again=was_ill)
        else:
            await self._look_for_models()
            self._tell(None)
        self._looked_at = time.monotonic()

    async def _look_for_models(self) -> None:
        upstream, send = self.upstream, self.upstream.client.send
        before, upstream.is_slow_to_list = upstream.models, True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                tags, ps = await asyncio.gather(*(fetch_whole(send, "GET", path) for path in ("/api/tags", "/api/ps")))
                upstream.is_slow_to_list = False
                upstream.models = _names_in(tags, upstream.models)
                upstream.loaded = _names_in(ps, upstream.loaded)
        if upstream.models != before and upstream.trouble is None:
            self._changed()

    def _tell(self, trouble: str | None, reason: str = "", is_again: bool = False) -> None:
        upstream = self.upstream
        was_well, was_gone = upstream.trouble is None, upstream.is_gone
        # It becomes part of a longer sentence on the page, in alerts and in /readyz.
        upstream.trouble, upstream.reason = trouble and trouble.removesuffix("."), reason
        # One silence may be a moment in which the machine is busy. Who waits for it is told after the second.
        upstream.is_gone = trouble is not None and (was_gone or (is_again and not was_well))
        if was_well is not (trouble is None) or upstream.since_ns is None:
            upstream.since_ns = time.time_ns()
        if was_well is not (trouble is None):
            if trouble is None:
                emit(UpstreamReturned(upstream.name))
            else:
                # What it had in memory is gone with it.
                upstream.loaded = frozenset()
                emit(UpstreamLeft(upstream.name, upstream.trouble or ""))
            self._changed()
        elif upstream.is_gone is not was_gone:
            self._changed()


def _names_in(body: bytes | None, before: frozenset[str]) -> frozenset[str]:
    """The models of a list; what was known ``before`` where there is none."""
    models = read_models(body or b"")
    return before if models is None else frozenset(canonical_name(name) for name in models)
