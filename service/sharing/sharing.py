"""One Ollama for many: what each call has to pass before a byte of it goes there, put together from the parts.

``Sharing.enter`` is what the gateway is given. A call meets the limits of its caller, then the queue, then the guard
against silent cuts. With no setting there is no ``Sharing``, and the gateway asks nothing.
"""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from math import ceil
from typing import Final

from service.gateway.error_responses import Refusal
from service.gateway.upstream import Failure, RequestBody, Send
from service.record.exchange import OpenExchange
from service.record.operations import MODEL_CALLS
from service.record.request_facts import Asked
from service.record.wording import counted, duration
from service.sharing.fair_queue import FairQueue
from service.sharing.flows import ONE, Flow, Service, Ticket, Where
from service.sharing.limits import NO_LIMITS, Identity, Limits, Rules, identity_of
from service.sharing.places import Place, Places
from service.sharing.request_rules import READ_BYTES, SETTING, judge, without_cuts
from service.sharing.use_counts import RequestRates, TokensToday

# All requests that wait together may hold so much; then further ones wait at their clients.
_HELD_BYTES: Final = 256 << 20
_MOST_NAMED: Final = 3
# So much of a longer request may name its model.
_BEGINNING: Final = 65536
# Callers come again and again: their rule is looked for once.
_MOST_KNOWN: Final = 4096
_LONGEST_RETRY: Final = 3600


@dataclass(slots=True, eq=False)
class KnownCaller:
    """What is looked for once of a caller: the name under which its use is counted, and what it may have.

    ``flow`` is that of its calls where no rule has to be looked at; None before the first one, and with limits.
    """

    name: str
    limits: Limits
    flow: Flow | None = None


class Sharing:
    """``most_active`` 0: no queue, but for what rules say. ``queue_seconds`` 0: whoever waits, waits for any time."""

    def __init__(
        self,
        most_active: int,
        queue_length: int,
        queue_seconds: float,
        rules: Rules | None = None,
        now: Callable[[], float] = time.monotonic,
        ollamas: int = 1,
    ) -> None:
        """``ollamas``: how many there are, each with so many places."""
        self._ollamas = ollamas
        self.most_active = most_active
        self.queue_length = queue_length
        self.queue_seconds = queue_seconds
        self.places = Places(FairQueue(most_active or None), now)
        self.rates = RequestRates()
        self.tokens = TokensToday()
        self.rules = Rules()
        self._known: dict[Identity, KnownCaller] = {}
        self.calls: dict[str, SharedCall] = {}
        self.held_bytes = 0
        self.use(rules or Rules())

    def use(self, rules: Rules) -> None:
        """From now on these rules count, also for those who wait already."""
        self.rules = rules
        self._known.clear()
        self.tokens.call_them(lambda who: rules.of(who)[0])
        for call in self.calls.values():
            call.limits = rules.of(identity_of(call.opened))[1]
            self.places.queue.flow(call.name, call.limits.max_active, call.limits.priority)
        self.places.refresh()

    def known_caller(self, opened: OpenExchange) -> KnownCaller:
        """Who asks in an exchange that has begun."""
        caller = opened.caller
        # Equal to its Identity, and needs no call of a function.
        who = (opened.key_name, caller.workflow, caller.workflow_id, caller.caller, caller.user, opened.remote_addr)
        known = self._known.get(who)  # type: ignore[call-overload]  # a tuple of the same
        return known or self._look_for(identity_of(opened))

    def _look_for(self, who: Identity) -> KnownCaller:
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        known = self._known[who] = KnownCaller(*self.rules.of(who))
        return known

    def enter(self, opened: OpenExchange, upstream: str | None = None) -> "SharedCall | None":
        """The turn of a call that has begun; None for what is no call of a model, and passes by. Fits ``Share``."""
        del upstream  # There is but one.
        return SharedCall(self, opened) if opened.operation in MODEL_CALLS else None

    def limit_reached(self, name: str, limits: Limits) -> Refusal | None:
        """Why a caller may not call now, by what it has used."""
        now = self.places.now()
        most = limits.requests_per_minute
        if most is not None and (wait := self.rates.seconds_to_wait(name, most, now)):
            message = f"{name} may make {counted(most, 'request')} a minute, and has made them: try again in"
            return too_many(f"{message} {duration(ceil(wait))}.", wait, SETTING)
        tokens = limits.tokens_per_day
        if tokens is not None and (used := self.tokens.used(name)) >= tokens:
            left = self.tokens.seconds_left()
            message = f"{name} may use {counted(tokens, 'token')} a day, and has used {used:,}: the next day begins in"
            return too_many(f"{message} {duration(left)}.", left, SETTING)
        return None

    def queue_full(self, flow: Flow, limits: Limits, where: Where = ONE) -> Refusal | None:
        """Why a call that would have to wait may not, if so."""
        queue, name = self.places.queue, flow.name
        if not queue.would_wait(flow, where):
            return None
        if limits.max_waiting == 0:
            message = f"No place is free for {name}, which may have no calls waiting (max_waiting): try again later."
            return too_many(message, self._retry_after(0), SETTING)
        if limits.max_waiting is not None and flow.waiting >= limits.max_waiting:
            waiting = f"{flow.waiting:,} of {limits.max_waiting:,}"
            message = f"{name} has as many calls waiting as it may ({waiting}): try again later."
            return too_many(message, self._retry_after(flow.waiting), SETTING)
        if self.queue_length == 0:
            message = "No place at Ollama is free, and no call may wait (QUEUE_LENGTH=0): try again later."
            return too_many(message, self._retry_after(0), "QUEUE_LENGTH")
        if queue.waiting >= self.queue_length:
            message = f"The queue for Ollama is full, with {counted(queue.waiting, 'call')} waiting: try again later."
            return too_many(message, self._retry_after(queue.waiting), "QUEUE_LENGTH")
        return None

    def waited_too_long(self, place: Place) -> Refusal:
        """The refusal of a call whose turn did not come."""
        queue = self.places.queue
        message = (
            f"No place at Ollama became free within {self.queue_seconds:g} s: {counted(queue.active, 'call')} had one,"
            f" {counted(queue.waiting, 'other')} waited. Try again later, or raise QUEUE_TIMEOUT (seconds)."
        )
        retry = (("Retry-After", str(self._retry_after(queue.waiting))),)
        return Refusal(503, message, "QUEUE_TIMEOUT", retry)

    def _retry_after(self, waiting: int) -> int:
        """In how many seconds about half of those who wait will have been served."""
        queue = self.places.queue
        seconds = queue.cost * max(1, waiting) / max(1, self.most_active * self._ollamas or queue.active) / 2
        return max(1, min(_LONGEST_RETRY, ceil(seconds)))


def too_many(message: str, seconds: float, setting: str) -> Refusal:
    """A refusal that is over after so many ``seconds``."""
    return Refusal(429, message[0].upper() + message[1:], setting, (("Retry-After", str(ceil(seconds))),))


class SharedCall:
    """One call of a model on its way to Ollama. Fits ``Turn``: its ``end`` gives back whatever it has.

    ``where`` and ``choose``: see ``Ticket``; with nowhere to go it has limits, and waits for no place.
    ``beginning`` is that of a request that is too long to be held.
    """

    send: Send | None = None
    upstream: str | None = None
    url: str | None = None
    # What most calls never have.
    changed: tuple[str, ...] = ()
    beginning = b""
    place: Place | None = None
    where = ONE
    choose: Callable[[Where], str] | None = None
    has_facts = False
    _ticket: Ticket | None = None
    _held = 0

    def __init__(self, sharing: Sharing, opened: OpenExchange) -> None:
        self.opened = opened
        self._sharing = sharing
        self._known = known = sharing.known_caller(opened)
        self.name, self.limits = known.name, known.limits

    def take_at_once(self, body: RequestBody | None) -> bool:
        """Take a place where one is free, nobody waits, and no rule has to be looked at."""
        flow = self._known.flow
        if flow is None or flow.is_forgotten or (body is not None and type(body.content) is not bytes):
            return False
        self._ticket = self._sharing.places.take_at_once(flow, self.opened.id)
        return self._ticket is not None

    async def read(self, body: RequestBody | None) -> RequestBody | None:
        """Take the request in as it comes, so that nobody has a place who still sends. A long one flows later."""
        if body is None or isinstance(body.content, bytes):
            return body
        sharing, pieces, size = self._sharing, [], 0
        rest = aiter(body.content)
        async for piece in rest:
            pieces.append(piece)
            size += len(piece)
            self._held += len(piece)
            sharing.held_bytes += len(piece)
            if size > READ_BYTES or sharing.held_bytes > _HELD_BYTES:
                self.beginning = b"".join(pieces)[:_BEGINNING]
                return RequestBody(_both(pieces, rest), body.length)
        return RequestBody(b"".join(pieces), size)

    async def take(self, opened: OpenExchange, body: RequestBody | None) -> RequestBody | Refusal | None:
        """Wait for a place; then the request as it goes to Ollama, or why it does not."""
        sharing, limits = self._sharing, self.limits
        self.opened, self.has_facts = opened, True
        if limits is not NO_LIMITS and (refusal := sharing.limit_reached(self.name, limits)) is not None:
            return refusal
        # Its bytes, where they are all here.
        content = body.content if body is not None and isinstance(body.content, bytes) else None
        asked = None
        if limits is not NO_LIMITS and limits.needs_body and body is not None:
            refusal, asked = judge(opened, content, self.name, limits)
            if refusal is not None:
                return refusal
        if not self.where:
            return body
        flow = sharing.places.queue.flow(self.name, limits.max_active, limits.priority)
        if limits is NO_LIMITS:
            self._known.flow = flow
        self.place = sharing.places.take_free(flow, opened.id, self.where, self.choose)
        if self.place is None:
            if (refusal := sharing.queue_full(flow, limits, self.where)) is not None:
                return refusal
            self.place = sharing.places.take(flow, opened.id, self.where, self.choose)
        if limits.requests_per_minute is not None:
            sharing.rates.add(self.name, sharing.places.now())
        sharing.calls[opened.id] = self
        if not self.place.is_ready and not await self.place.wait(sharing.queue_seconds):
            return sharing.waited_too_long(self.place)
        if limits.refuses_cuts and content is not None:
            content, self.changed = without_cuts(opened, content, asked or Asked())
            return RequestBody(content, len(content)) if self.changed else body
        return body

    async def wait_again(self, where: Where) -> Refusal | None:
        """Give the place back, with which nothing was reached, and wait for one of these; why it got none."""
        place, sharing = self.place, self._sharing
        if place is None:
            return None
        sharing.places.put_back(place, where)
        if place.is_ready or await place.wait(sharing.queue_seconds):
            return None
        return sharing.waited_too_long(place)

    def goes_on(self, failure: Failure) -> bool:
        """There is no other Ollama to go on to."""
        return False

    def end(self) -> None:
        """The call is over, however it ended."""
        if self._ticket is not None:
            self._sharing.places.end_ticket(self._ticket)
            return
        self._sharing.held_bytes -= self._held
        self._held = 0
        if self.place is not None:
            self.place.give_back()
            self._sharing.calls.pop(self.opened.id, None)

    @property
    def waited(self) -> float | None:
        """Seconds in the queue; None where there was no wait."""
        place = self.place
        if place is None:
            return None
        if place.ticket.began is not None:
            return place.waited
        return place.waited_until(self._sharing.places.now())

    @property
    def behind(self) -> str | None:
        """Who was served meanwhile, and what that cost; None where nobody was."""
        place = self.place
        if place is None or not place.behind:
            return None
        return in_words(place.behind, place.is_all_behind)


def in_words(behind: list[Service], is_all: bool = True) -> str:
    """``workflow Invoices: 3 calls, 12 s; 2 others: 5 calls, 1.4 s``."""
    named = [f"{one.name}: {counted(one.calls, 'call')}, {duration(one.seconds)}" for one in behind[:_MOST_NAMED]]
    rest = behind[_MOST_NAMED:]
    if rest:
        calls, seconds = sum(one.calls for one in rest), sum(one.seconds for one in rest)
        named.append(f"{counted(len(rest), 'other')}: {counted(calls, 'call')}, {duration(seconds)}")
    return ("" if is_all else "at least ") + "; ".join(named)


async def _both(pieces: list[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    pieces.clear()
    async for piece in rest:
        yield piece
