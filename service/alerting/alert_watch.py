"""Once a minute all rules are looked at, beside requests; what is worth telling goes to the webhook."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final

from service.alerting.alert_states import AlertStates
from service.alerting.looking import Looking, PartNumbers
from service.alerting.webhook import Webhook
from service.events import DefectFound, emit
from service.journal import JournalError
from service.search.recent_numbers import RecentNumbers

LOOKED_EVERY_SECONDS: Final = 60.0
# What was asked at the start is known by then.
FIRST_LOOK_SECONDS: Final = 15.0


class AlertWatch:
    """``parts`` tells how the recorder's parts are; ``recent`` asks the index, on a thread for readers."""

    def __init__(
        self,
        webhook: Webhook,
        parts: Callable[[], PartNumbers],
        recent: Callable[[int], Awaitable[RecentNumbers]],
        p95_seconds: float,
    ) -> None:
        self._webhook = webhook
        self._parts = parts
        self._recent = recent
        self._looking = Looking(p95_seconds)
        self._states = AlertStates()

    async def run(self) -> None:
        """Until cancelled. Nothing that goes wrong in it ends it, or touches an exchange."""
        await asyncio.sleep(FIRST_LOOK_SECONDS)
        while True:
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next minute is looked at too
                emit(DefectFound("alerts", repr(error)))
            await asyncio.sleep(LOOKED_EVERY_SECONDS)

    async def look(self) -> None:
        """Look once."""
        now_ns = time.time_ns()
        try:
            recent = await self._recent(now_ns)
        except JournalError:
            # What is wrong with the disk is found by its own rule.
            recent = None
        now = time.monotonic()
        self._webhook.tell(self._states.update(self._looking.look(now, self._parts(), recent), now, now_ns))


def alert_tasks(
    url: str | None,
    instance: str,
    parts: Callable[[], PartNumbers],
    recent: Callable[[int], Awaitable[RecentNumbers]],
    p95_seconds: float,
) -> Iterator[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]:
    """What goes on beside requests, by names: nothing without a ``url`` to post to."""
    if url:
        webhook = Webhook(url, instance)
        yield "post alerts", webhook.run
        yield "look for alerts", AlertWatch(webhook, parts, recent, p95_seconds).run
