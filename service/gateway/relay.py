"""Carries each call from its client to Ollama and back, and tells one from another how it ended."""

import asyncio

from aiohttp import web

from service.events import DefectFound, emit
from service.gateway.call import AlreadySent, Call, Hooks
from service.gateway.error_responses import Refusal
from service.gateway.round_trip import RoundTrip
from service.record.exchange import Exchange


class Relay:
    """Carries calls through ``seams``."""

    def __init__(self, seams: Hooks) -> None:
        self._seams = seams
        self._passages: set[RoundTrip] = set()
        self._is_idle = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """How many exchanges have not ended."""
        return len(self._passages)

    def so_far(self, most_bytes: int) -> list[Exchange]:
        """Every exchange in flight whose request has been read, as if it ended now; answers up to ``most_bytes``."""
        return [exchange for passage in self._passages if (exchange := passage.so_far(most_bytes)) is not None]

    async def wait_until_idle(self) -> None:
        """Wait until no exchange is in flight."""
        while self._passages:
            self._is_idle.clear()
            await self._is_idle.wait()

    def stop(self) -> None:
        """From now on a cancelled exchange is one that we stopped, and no connection is kept."""
        self._seams.is_stopping = True

    async def relay(self, request: web.BaseRequest, call: Call) -> AlreadySent:
        """Carry one call to Ollama and its answer back."""
        return await self._carry(RoundTrip(self._seams, request, call), None)

    async def refuse(self, request: web.BaseRequest, call: Call, refusal: Refusal, body: bytes = b"") -> AlreadySent:
        """Answer a call that does not go to Ollama, and record that, with as much of its body as was read."""
        passage = RoundTrip(self._seams, request, call)
        passage.intake.copy.add(body)
        return await self._carry(passage, refusal)

    async def _carry(self, passage: RoundTrip, refusal: Refusal | None) -> AlreadySent:
        self._passages.add(passage)
        try:
            if refusal is not None:
                return await passage.refuse(refusal)
            return await passage.run()
        except asyncio.CancelledError:
            # Silence, the client's leaving and our own stopping all arrive here.
            if not passage.silence.was_the_reason():
                passage.was_cancelled()
                raise
            return await passage.gave_up()
        except (OSError, web.RequestPayloadError):
            passage.client_left()
            return passage.hang_up()
        except Exception as error:  # noqa: BLE001 - our own fault must not cost the exchange its record
            emit(DefectFound("relay", repr(error)))
            return await passage.fail(error)
        finally:
            self._passages.discard(passage)
            passage.end()
            if not self._passages:
                self._is_idle.set()
