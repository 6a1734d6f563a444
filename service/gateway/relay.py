"""Carries each call from its client to Ollama and back, and sees to it that each ends, however it ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from service.events import DefectFound, emit
from service.gateway.call import AlreadySent, Call, Hooks
from service.gateway.error_responses import Refusal
from service.gateway.held_replies import HeldReplies
from service.gateway.request import Request
from service.gateway.round_trip import RoundTrip
from service.record.exchange import Exchange
from service.record.operations import USE_MODELS


class Relay:
    """Carries calls. ``hooks`` reach Ollama and whoever keeps the exchanges."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = hooks
        self._held = HeldReplies(hooks.released)
        self._round_trips: set[RoundTrip] = set()
        self._is_idle = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """How many exchanges have not ended."""
        return len(self._round_trips)

    @property
    def at_models(self) -> int:
        """How many of them, with their request read, use a model. Any thread may ask."""
        opened = [round_trip.opened for round_trip in tuple(self._round_trips)]
        return sum(one is not None and one.operation in USE_MODELS for one in opened)

    def so_far(self, most_bytes: int) -> list[Exchange]:
        """Every exchange in flight whose request has been read, as if it ended now; answers up to ``most_bytes``."""
        return [exchange for round_trip in self._round_trips if (exchange := round_trip.so_far(most_bytes)) is not None]

    async def wait_until_idle(self) -> None:
        """Wait until no exchange is in flight."""
        while self._round_trips:
            self._is_idle.clear()
            await self._is_idle.wait()

    def stop(self) -> None:
        """From now on a cancelled exchange is one that we stopped, and no connection is kept."""
        self._hooks.is_stopping = True

    def relay(self, request: Request, call: Call) -> Coroutine[Any, Any, AlreadySent]:
        """Carry one call to Ollama and its answer back."""
        return self._carry(RoundTrip(self._hooks, self._held, request, call), None)

    def refuse(
        self, request: Request, call: Call, refusal: Refusal, body: bytes = b""
    ) -> Coroutine[Any, Any, AlreadySent]:
        """Answer a call that does not go to Ollama, and record that, with as much of its body as was read."""
        round_trip = RoundTrip(self._hooks, self._held, request, call)
        round_trip.body_reader.copy.add(body)
        return self._carry(round_trip, refusal)

    async def _carry(self, round_trip: RoundTrip, refusal: Refusal | None) -> AlreadySent:
        self._round_trips.add(round_trip)
        try:
            if refusal is not None:
                return await round_trip.refuse(refusal)
            if round_trip.body_reader.fault is not None:
                return await round_trip.refuse_body(round_trip.body_reader.fault)
            return await round_trip.run()
        except asyncio.CancelledError:
            # An idle timeout, the client's leaving and our own stopping all arrive here.
            if not round_trip.idle_timeout.was_the_reason():
                round_trip.was_cancelled()
                raise
            return await round_trip.gave_up()
        except OSError as error:
            if round_trip.body_reader.fault is not None and not round_trip.has_ended:
                return await round_trip.refuse_body(round_trip.body_reader.fault)
            round_trip.client_left(str(error) if isinstance(error, TimeoutError) else None)
            return round_trip.hang_up()
        except Exception as error:  # noqa: BLE001 - our own fault must not cost the exchange its record
            emit(DefectFound("relay", repr(error)))
            return await round_trip.fail(error)
        finally:
            self._round_trips.discard(round_trip)
            round_trip.end()
            if not self._round_trips:
                self._is_idle.set()
