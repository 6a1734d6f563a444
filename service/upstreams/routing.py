"""The turn of a call where there are several Ollamas: it is told where to go, and waits for a place there."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from service.gateway.error_responses import Refusal
from service.gateway.upstream import Failure, RequestBody, Send, UpstreamResponse
from service.record.exchange import OpenExchange, Outcome
from service.record.operations import CHANGE_MODELS, MODEL_CALLS, OF_ONE_OLLAMA, UNLOAD
from service.record.request_facts import Asked
from service.sharing.flows import Ticket, Where
from service.sharing.request_rules import read_content
from service.sharing.sharing import SharedCall, Sharing
from service.upstreams.conversations import conversation_of
from service.upstreams.model_lists import LISTS
from service.upstreams.named_upstream import NamedUpstream
from service.upstreams.upstreams import Upstreams, model_of_path
from service.upstreams.watching import Watch

_SETTING: Final = "OLLAMA_URL"
_HOW: Final = (
    "Name it in the path, /api/ollama/~upstream=NAME/…, or in the header X-Recorder-Upstream. Here are: {names}."
)
_NAME_A_MODEL: Final = MODEL_CALLS | {"show"}


class Routing:
    """Gives each call its turn, and keeps those that have one, so that who waits hears of what changes."""

    def __init__(self, upstreams: Upstreams, sharing: Sharing) -> None:
        self.upstreams = upstreams
        self.sharing = sharing
        self.watches = {name: Watch(one, self._changed) for name, one in upstreams.all.items()}
        self.calls: dict[str, RoutedCall] = {}

    def enter(self, opened: OpenExchange, upstream: str | None) -> "RoutedCall":
        """The turn of a call that has begun and asks for ``upstream``. Fits ``Share``."""
        return RoutedCall(self, opened, upstream)

    async def look_at_all(self) -> None:
        """See how all are and what they have."""
        await asyncio.gather(*(watch.look() for watch in self.watches.values()))

    async def look_for(self, model: str) -> None:
        """Look once more what all have that are well, where nobody is known to have this model."""
        if not self.upstreams.is_known(model):
            well = [watch for watch in self.watches.values() if watch.upstream.trouble is None]
            await asyncio.gather(*(watch.look_again() for watch in well))

    async def are_away(self, names: Where) -> bool:
        """Whether none of these is well, and a look of just now says so too."""
        if any(self.watches[name].upstream.trouble is None for name in names):
            return False
        watches = [self.watches[name] for name in names]
        await asyncio.gather(*(watch.look_again() for watch in watches))
        return all(watch.upstream.trouble is not None for watch in watches)

    def _changed(self) -> None:
        for call in list(self.calls.values()):
            call.leave_those_gone()

        def where_of(ticket: Ticket) -> Where:
            call = self.calls.get(ticket.exchange)
            return ticket.where if call is None else call.where() or ticket.where

        self.sharing.places.move(where_of)


class RoutedCall:
    """One call on its way to one of several Ollamas. Fits ``Turn``."""

    has_facts = True

    def __init__(self, routing: Routing, opened: OpenExchange, asked_for: str | None) -> None:
        self.send: Send | None = None
        self._opened = opened
        self._routing = routing
        self._shared = SharedCall(routing.sharing, opened)
        self._asked_for = asked_for
        self._pinned = routing.upstreams.find(asked_for) if asked_for else None
        self._chosen: NamedUpstream | None = None
        self._model: str | None = None
        self._unloads = False
        self._conversation: bytes | None = None
        self._tried: set[str] = set()
        self._away: list[NamedUpstream] = []
        self._request: RequestBody | None = None

    def take_at_once(self, body: RequestBody | None) -> bool:
        """Where it goes has to be found out."""
        return False

    async def read(self, body: RequestBody | None) -> RequestBody | None:
        """Take the request in where it names a model."""
        return await self._shared.read(body) if self._opened.operation in _NAME_A_MODEL else body

    async def take(self, opened: OpenExchange, body: RequestBody | None) -> RequestBody | Refusal | None:
        """Choose an Ollama and wait for a place there; then the request as it goes there, or why it does not."""
        if self._tried:
            return await self._take_another()
        self._opened = opened
        upstreams, operation = self._routing.upstreams, opened.operation
        names = ", ".join(upstreams.all)
        if self._asked_for and self._pinned is None:
            return Refusal(400, f"There is no Ollama {self._asked_for[:200]!r}. " + _HOW.format(names=names), _SETTING)
        if self._pinned is None and opened.path in LISTS:
            self.send = upstreams.list_models
            return body
        if self._pinned is None and operation in OF_ONE_OLLAMA:
            message = f"There are several Ollamas, and {opened.path[:200]} is for one of them. "
            return Refusal(409, message + _HOW.format(names=names), _SETTING)
        await self._see_what_it_asks(opened, body)
        is_away = await self._see_whether_away()
        if operation in MODEL_CALLS:
            return await self._wait(opened, body)
        if not is_away:
            self._choose(self.where())
        return body

    async def _see_what_it_asks(self, opened: OpenExchange, body: RequestBody | None) -> None:
        asked = Asked()
        if opened.operation in _NAME_A_MODEL and body is not None:
            content = body.content if isinstance(body.content, bytes) else self._shared.beginning
            asked = read_content(opened, content)
        self._unloads = asked.lifecycle == UNLOAD
        self._model = asked.model or model_of_path(opened.path)
        self._conversation = conversation_of(asked)
        if self._pinned is None and self._model is not None:
            await self._routing.look_for(self._model)

    async def _wait(self, opened: OpenExchange, body: RequestBody | None) -> RequestBody | Refusal | None:
        shared = self._shared
        shared.where, shared.choose = () if self._away else self.where(), self._choose
        self._routing.calls[opened.id] = self
        found = await shared.take(opened, body)
        if self._away and shared.place is not None:
            return body
        if not isinstance(found, Refusal):
            self._request = found
        return found

    async def _take_another(self) -> RequestBody | Refusal | None:
        refusal = self._chosen = None
        if not self.where():
            # The only one that has the model was tried already, as was just seen.
            self._fail_for(tuple(self._tried))
        if self._away or await self._see_whether_away():
            return self._request
        if self._shared.place is None:
            self._choose(self.where())
        else:
            refusal = await self._shared.wait_again(self.where())
        return self._request if self._away else refusal or self._request

    async def _see_whether_away(self) -> bool:
        """Whether all that it may go to are away: then its answer is a failure, which says so at once."""
        if await self._routing.are_away(self.where()):
            self._fail_for(self.where())
        return bool(self._away)

    def leave_those_gone(self) -> None:
        """It waits no longer where all are gone that it may go to."""
        place, names = self._shared.place, self.where()
        if place is None or place.is_ready or place.ticket.has_ended or not names:
            return
        if all(self._routing.upstreams.all[name].is_gone for name in names):
            self._fail_for(names)
            place.give_up()

    def _fail_for(self, names: Where) -> None:
        self._away = [self._routing.upstreams.all[name] for name in names]
        self._chosen = self._away[0] if len(names) == 1 else None
        self.send = self._tell_away

    async def _tell_away(
        self, method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
    ) -> UpstreamResponse | Failure:
        del method, target, lines, body
        one, *others = self._away
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in self._away) if others else one.reason
        return Failure(Outcome.UPSTREAM_UNREACHABLE, reasons)

    def where(self) -> Where:
        """Where it may go; nowhere if it has tried all."""
        if self._pinned is None:
            upstreams = self._routing.upstreams
            names = upstreams.where(self._model, self._tried)
            # It is to leave memory where it is in memory.
            return (self._unloads and upstreams.loaded(self._model, names)) or names
        return () if self._pinned.name in self._tried else (self._pinned.name,)

    def _choose(self, names: Where) -> str:
        self._chosen = chosen = self._routing.upstreams.pick(names, self._model, self._conversation)
        self.send = partial(self._ask, chosen)
        return chosen.name

    async def _ask(
        self, chosen: NamedUpstream, method: str, target: str, lines: Sequence[bytes], body: RequestBody | None
    ) -> UpstreamResponse | Failure:
        routing = self._routing
        answer = await chosen.client.send(method, target, lines, body)
        if isinstance(answer, Failure):
            routing.watches[chosen.name].note(answer)
        elif self._opened.operation in MODEL_CALLS and answer.status == 200:
            routing.upstreams.served(chosen, self._model, self._conversation)
        elif answer.status == 404:
            routing.watches[chosen.name].look_soon()
        return answer

    def goes_on(self, failure: Failure) -> bool:
        """Whether there is another Ollama to go on to: only where nothing of it went out."""
        if self._away or self._chosen is None or failure.outcome is not Outcome.UPSTREAM_UNREACHABLE:
            return False
        self._tried.add(self._chosen.name)
        return bool(self.where())

    def end(self) -> None:
        """The call is over, however it ended."""
        self._shared.end()
        self._routing.calls.pop(self._opened.id, None)
        if self._chosen is not None and self._opened.operation in CHANGE_MODELS:
            self._routing.watches[self._chosen.name].look_soon()

    @property
    def waited(self) -> float | None:
        """Seconds in the queue; None where there was no wait."""
        return self._shared.waited

    @property
    def behind(self) -> str | None:
        """Who was served meanwhile, in words."""
        return self._shared.behind

    @property
    def changed(self) -> tuple[str, ...]:
        """The fields that were put into the request."""
        return self._shared.changed

    @property
    def upstream(self) -> str | None:
        """The name of the Ollama that was chosen."""
        return self._chosen.name if self._chosen else None

    @property
    def url(self) -> str:
        """Its address; those of all where none was chosen."""
        if self._chosen:
            return self._chosen.url
        return ", ".join(one.url for one in self._away or self._routing.upstreams.all.values())
