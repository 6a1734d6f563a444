"""The joules that this machine uses, shared out over the calls that were in flight: an estimate for each call.

A thread reads the meters four times a second. Nothing of it is on the event loop.
"""

import asyncio
import ipaddress
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from service.energy.energy_meters import Meter
from service.record.exchange import Exchange, Outcome
from service.record.operations import USE_MODELS

_EVERY_SECONDS: Final = 0.25
# More than any machine takes from its socket: such a step is a meter's fault, or its beginning anew.
_MOST_WATTS: Final = 50_000.0
# A sample that comes later than that says nothing of the time between.
_LONGEST_GAP: Final = 5.0
_END_SECONDS: Final = 2.0
_AFTER_TROUBLE: Final = 10.0
# So often all that were there are looked for, and then one is enough.
_TRIES_FOR_ALL: Final = 6
# Two hours of them: 460 kB.
_MOST_SAMPLES: Final = 28_800
# The queue and the exchange are timed by two looks at the clock.
_ENDS_WITHIN: Final = 0.1
_MAY_END_WAITING: Final = frozenset({Outcome.CLIENT_LEFT, Outcome.GATEWAY_STOPPED})
_NEVER_SENT: Final = frozenset({Outcome.REFUSED, Outcome.UPSTREAM_UNREACHABLE})


class EnergyCurve:
    """How many joules one call, in flight from the beginning on, would have had as its share.

    One thread adds samples, another asks. Times are Unix seconds.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times = array("d")
        self._shares = array("d")
        self._joules = 0.0
        self._in_flight = 0

    @property
    def is_blank(self) -> bool:
        """Whether nothing is known of any moment, as without a meter."""
        return len(self._times) < 2

    def add(self, moment: float, joules: float, in_flight: int) -> None:
        """The meters say ``joules`` by now, and so many calls are in flight."""
        with self._lock:
            seconds = moment - self._times[-1] if self._times else 0.0
            if not (0 < seconds <= _LONGEST_GAP and 0 <= joules - self._joules <= _MOST_WATTS * seconds):
                self._times, self._shares = array("d", [moment]), array("d", [0.0])
            else:
                # What happened between two looks is not known: their mean, and one that asks was there.
                calls = max(1.0, (self._in_flight + in_flight) / 2)
                self._times.append(moment)
                self._shares.append(self._shares[-1] + (joules - self._joules) / calls)
                if len(self._times) > _MOST_SAMPLES:
                    del self._times[: _MOST_SAMPLES // 2], self._shares[: _MOST_SAMPLES // 2]
            self._joules, self._in_flight = joules, in_flight

    def break_off(self) -> None:
        """The meters cannot be read: nothing is known from here on, until they can."""
        with self._lock:
            self._times, self._shares = array("d"), array("d")

    def share(self, began: float, ended: float) -> float | None:
        """The joules of a call that was in flight between these moments; None where the meters do not tell."""
        with self._lock:
            first, last = self._at(began), self._at(ended)
        return None if first is None or last is None or ended < began else last - first

    def _at(self, moment: float) -> float | None:
        times, shares = self._times, self._shares
        if len(times) < 2 or moment < times[0] or moment - times[-1] > _LONGEST_GAP:
            return None
        # After the last sample it goes on as it did.
        after = min(max(1, bisect_left(times, moment)), len(times) - 1)
        before = after - 1
        part = (moment - times[before]) / (times[after] - times[before])
        return shares[before] + part * (shares[after] - shares[before])


class EnergyMeter:
    """Reads meters on a thread of its own, and tells the share of each call. Without meters there is no thread."""

    def __init__(self, find_meters: Callable[[], Sequence[Meter]], in_flight: Callable[[], int]) -> None:
        """``find_meters`` is asked on the thread, at first and after trouble; what it gives counts from anywhere.

        ``in_flight`` counts the calls at Ollama, from any thread.
        """
        self._find_meters = find_meters
        self._in_flight = in_flight
        self._curve = EnergyCurve()
        self._is_over = threading.Event()

    async def run(self) -> None:
        """Look at the meters until this is cancelled."""
        thread = threading.Thread(target=self._look, name="meters", daemon=True)
        thread.start()
        try:
            await asyncio.Event().wait()
        finally:
            self._is_over.set()
            # A driver that hangs holds up nobody.
            await asyncio.to_thread(thread.join, _END_SECONDS)

    def told(self, exchange: Exchange) -> Exchange:
        """``exchange`` with its share, where one is known."""
        if self._curve.is_blank:
            return exchange
        opened = exchange.opened
        if exchange.duration is None or exchange.outcome in _NEVER_SENT or opened.operation not in USE_MODELS:
            return exchange
        before = (exchange.upload or 0.0) + (exchange.queued or 0.0)
        if _ended_before_ollama(exchange, exchange.duration - before):
            return exchange
        ended = exchange.ended_ns / 1e9
        share = self._curve.share(ended - exchange.duration + before, ended)
        return exchange if share is None else exchange._replace(energy=share)

    def _look(self) -> None:
        meters = self._find_meters()
        while meters and not self._is_over.wait(_EVERY_SECONDS):
            try:
                self._curve.add(time.time(), sum(meter() for meter in meters), self._in_flight())
            except OSError:
                self._curve.break_off()
                meters = self._found_again(len(meters))

    def _found_again(self, before: int) -> Sequence[Meter]:
        """The meters there are after trouble: all that were there ``before``, or later those that are left.

        A driver that was loaded anew has others than those that are gone. None: this is over.
        """
        tries = 0
        while not self._is_over.wait(_AFTER_TROUBLE):
            tries += 1
            meters = self._find_meters()
            if len(meters) >= (before if tries < _TRIES_FOR_ALL else 1):
                return meters
        return ()


def _ended_before_ollama(exchange: Exchange, left: float) -> bool:
    """Whether it ended while the client sent its request, or in the queue; ``left`` seconds were for Ollama."""
    if exchange.upstream_status is not None or exchange.outcome not in _MAY_END_WAITING:
        return False
    return exchange.opened.request.is_incomplete or (exchange.queued is not None and left < _ENDS_WITHIN)


def is_here(url: str) -> bool:
    """Whether an Ollama at ``url`` computes on this machine, so that its meters tell of it."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
