"""Joules, shared out over the calls that were in flight."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from service.energy.energy_shares import EnergyCurve, EnergyMeter, is_here
from service.record.exchange import Exchange, Outcome
from tests.journal.given import ended


def curve(*samples: tuple[float, float, int]) -> EnergyCurve:
    made = EnergyCurve()
    for sample in samples:
        made.add(*sample)
    return made


def test_one_call_alone_has_all_of_it() -> None:
    made = curve((10.0, 500.0, 1), (11.0, 600.0, 1), (12.0, 800.0, 1))
    assert made.share(10.0, 12.0) == 300.0
    assert made.share(10.5, 11.5) == 150.0


def test_those_that_are_there_together_share_it() -> None:
    made = curve((10.0, 0.0, 2), (11.0, 100.0, 2), (12.0, 200.0, 4), (13.0, 300.0, 4))
    assert made.share(10.0, 11.0) == 50.0
    # Between two and four there were three, as far as anybody knows.
    assert made.share(11.0, 12.0) == pytest.approx(100 / 3)
    assert made.share(12.0, 13.0) == 25.0


def test_a_call_between_two_looks_is_one() -> None:
    assert curve((10.0, 0.0, 0), (11.0, 100.0, 0)).share(10.2, 10.4) == pytest.approx(20)


def test_after_the_last_look_it_goes_on_as_before() -> None:
    assert curve((10.0, 0.0, 1), (10.25, 25.0, 1)).share(10.0, 10.35) == pytest.approx(35)


@pytest.mark.parametrize(
    ("began", "over"),
    [(9.0, 11.0), (10.0, 17.0), (11.0, 10.5)],
    ids=["before the first look", "long after the last", "backwards"],
)
def test_what_no_meter_tells_is_not_known(began: float, over: float) -> None:
    assert curve((10.0, 0.0, 1), (11.0, 100.0, 1)).share(began, over) is None
    assert curve().share(began, over) is None


def test_a_gap_a_clock_that_was_set_back_and_a_meter_that_began_anew_end_what_is_known() -> None:
    for moment, joules in ((99.0, 300.0), (10.5, 300.0), (12.0, 5.0)):
        made = curve((10.0, 0.0, 1), (11.0, 100.0, 1), (moment, joules, 1))
        assert made.share(10.0, 11.0) is None
        made.add(moment + 1, joules + 10, 1)
        assert made.share(moment, moment + 1) == pytest.approx(10)


@pytest.mark.parametrize("nonsense", [1e12, float("inf"), float("nan"), -1e12, float("-inf")])
def test_a_step_that_no_machine_takes_is_told_to_nobody(nonsense: float) -> None:
    made = curve((10.0, 0.0, 1), (11.0, 100.0, 1), (12.0, nonsense, 1))
    for began, over in ((10.0, 12.0), (11.0, 12.0), (11.5, 12.5)):
        assert made.share(began, over) is None
    made.add(13.0, 300.0, 1)
    assert made.share(12.0, 13.0) is None
    made.add(14.0, 400.0, 1)
    assert made.share(13.0, 14.0) == pytest.approx(100)
    assert made.share(11.0, 14.0) is None


def test_hours_of_looks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.energy.energy_shares._MOST_SAMPLES", 10)
    made = curve(*((float(second), float(second), 1) for second in range(100)))
    assert made.share(98.0, 99.0) == pytest.approx(1)
    assert made.share(5.0, 99.0) is None


async def looked_at(meter: EnergyMeter, exchange: Exchange) -> Exchange:
    looking = asyncio.create_task(meter.run())
    try:
        async with asyncio.timeout(20):
            while (told := meter.told(exchange._replace(ended_ns=time.time_ns()))).energy is None:
                await asyncio.sleep(0.05)
        return told
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def test_a_call_is_told_its_share_and_what_never_went_to_ollama_none() -> None:
    began = time.monotonic()
    meter = EnergyMeter(lambda: [lambda: 40 * (time.monotonic() - began)], lambda: 1)
    told = await looked_at(meter, ended(1, duration=0.2))
    assert told.energy == pytest.approx(8, rel=0.4)
    for without in (
        {"duration": None},
        {"outcome": Outcome.REFUSED},
        {"outcome": Outcome.UPSTREAM_UNREACHABLE},
        {"opened": told.opened._replace(operation="list")},
        # They left while they waited, or before their request was here.
        {"outcome": Outcome.CLIENT_LEFT, "queued": 0.2, "status": None, "upstream_status": None},
        {"outcome": Outcome.GATEWAY_STOPPED, "queued": 0.15, "status": None, "upstream_status": None},
        {
            "outcome": Outcome.CLIENT_LEFT,
            "upstream_status": None,
            "opened": told.opened._replace(request=told.opened.request._replace(is_incomplete=True)),
        },
    ):
        assert meter.told(told._replace(energy=None, **without)).energy is None


async def test_who_leaves_after_a_wait_has_what_was_used_at_ollama() -> None:
    began = time.monotonic()
    meter = EnergyMeter(lambda: [lambda: 40 * (time.monotonic() - began)], lambda: 1)
    left = ended(1, duration=1.0, queued=0.5, outcome=Outcome.CLIENT_LEFT, upstream_status=None)
    assert (await looked_at(meter, left)).energy == pytest.approx(20, rel=0.5)


async def test_while_a_meter_cannot_be_read_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.energy.energy_shares._AFTER_TROUBLE", 0.1)
    began, is_gone = time.monotonic(), False

    def joules() -> float:
        if is_gone:
            raise OSError("gone")
        return 40 * (time.monotonic() - began)

    meter = EnergyMeter(lambda: [joules, lambda: 5.0], lambda: 1)
    looking = asyncio.create_task(meter.run())

    def told() -> Exchange:
        return meter.told(ended(1, duration=0.05)._replace(ended_ns=time.time_ns()))

    async with asyncio.timeout(20):
        while told().energy is None:
            await asyncio.sleep(0.05)
        is_gone = True
        while told().energy is not None:
            await asyncio.sleep(0.05)
        is_gone = False
        while told().energy is None:
            await asyncio.sleep(0.05)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_meters_that_vanish_are_found_again_as_others_or_those_that_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.energy.energy_shares._AFTER_TROUBLE", 0.05)
    began, times_found = time.monotonic(), 0
    is_gone = set[int]()

    def card(generation: int) -> float:
        if generation in is_gone:
            raise OSError("the driver is another one now")
        return 40 * (time.monotonic() - began)

    def find() -> list[Callable[[], float]]:
        nonlocal times_found
        times_found += 1
        found = times_found
        # At first two; for a while none; then two others; in the end one.
        count = 2 if found == 1 else 0 if found < 4 else 2 if found == 4 else 1
        return [lambda: card(found)] * count

    meter = EnergyMeter(find, lambda: 1)
    looking = asyncio.create_task(meter.run())

    def told() -> Exchange:
        return meter.told(ended(1, duration=0.05)._replace(ended_ns=time.time_ns()))

    async with asyncio.timeout(20):
        for generation in (1, 4):
            while told().energy is None:
                await asyncio.sleep(0.05)
            assert times_found == generation
            is_gone.add(generation)
            while told().energy is not None:
                await asyncio.sleep(0.05)
        while told().energy is None:
            await asyncio.sleep(0.05)
    # All were looked for first.
    assert times_found == 4 + 6
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_what_waited_in_the_queue_used_nothing_meanwhile() -> None:
    began = time.monotonic()
    meter = EnergyMeter(lambda: [lambda: 40 * (time.monotonic() - began)], lambda: 1)
    told = await looked_at(meter, ended(1, duration=1.0, queued=0.9))
    assert told.energy == pytest.approx(4, rel=0.6)


async def test_without_a_meter_there_is_no_thread_and_a_meter_that_fails_ends_nothing() -> None:
    def broken() -> float:
        raise OSError("gone")

    for meters in ([], [broken]):
        meter = EnergyMeter(lambda meters=meters: meters, lambda: 1)  # type: ignore[misc] # bound at once
        looking = asyncio.create_task(meter.run())
        await asyncio.sleep(0.6)
        assert any(thread.name == "meters" for thread in threading.enumerate()) == bool(meters)
        assert not looking.done()
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        assert not any(thread.name == "meters" for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:11434", True),
        ("http://[::1]:11434", True),
        ("http://localhost:11434/x", True),
        ("http://gpu.example:11434", False),
        ("http://192.0.2.7:11434", False),
        ("http://ollama:11434", False),
    ],
)
def test_only_an_ollama_on_this_machine_is_metered(url: str, here: bool) -> None:
    assert is_here(url) is here
