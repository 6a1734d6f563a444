import logging
import time

import pytest
from prometheus_client import REGISTRY

from service.shipping.delivery import DeliveryState
from tests.fakes.loki import FakeLoki, Limits
from tests.shipping.rows import MemoryJournal, holds, loki_at, make_row, shipping


async def test_a_receiver_is_asked_whether_it_is_there_before_the_first_record() -> None:
    async with FakeLoki() as fake, shipping(MemoryJournal(), loki_at(fake)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.WELL)
        assert len(fake.requests) == 1
        assert fake.entries == {}


async def test_wrong_credentials_keep_everything_and_say_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    journal = MemoryJournal([make_row(1), make_row(2)])
    limits = Limits(token="right")
    async with FakeLoki(limits=limits) as fake, shipping(journal, loki_at(fake)) as shipper:
        with caplog.at_level(logging.INFO, "ollama_recorder"):
            await fake.wait_until(lambda: len(fake.requests) >= 3)
        delivery = shipper.delivery()
        assert delivery.state is DeliveryState.REFUSING
        assert "LOKI_TOKEN" in delivery.what_to_do
        assert (journal.cursor, journal.parked) == (0, {})
        limits.token = None
        await journal.wait_for_cursor(2)
        await holds(lambda: shipper.delivery().state is DeliveryState.WELL)
        assert shipper.delivery().what_to_do == ""


async def test_metadata_that_loki_disallows_is_a_matter_of_its_settings_and_parks_nothing() -> None:
    journal = MemoryJournal([make_row(1), make_row(2)])
    limits = Limits(allow_structured_metadata=False)
    async with FakeLoki(limits=limits) as fake, shipping(journal, loki_at(fake)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.REFUSING)
        assert "allow_structured_metadata" in shipper.delivery().what_to_do
        limits.allow_structured_metadata = True
        await journal.wait_for_cursor(2)
    assert journal.parked == {}


async def test_what_is_shipped_and_parked_is_counted() -> None:
    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"ollama_recorder_{name}_total", {"receiver": "loki", **labels}) or 0.0

    shipped, parked = counted("records_shipped"), counted("record_parked", reason="line_too_long")
    journal = MemoryJournal([make_row(1), make_row(2, response_text="x" * 300_000)])
    async with FakeLoki() as fake, shipping(journal, loki_at(fake)):
        await journal.wait_for_cursor(2)
    assert counted("records_shipped") == shipped + 1
    assert counted("record_parked", reason="line_too_long") == parked + 1


async def test_the_age_of_what_waits_is_seen_also_when_the_receiver_was_never_there() -> None:
    journal = MemoryJournal()
    fake = FakeLoki()
    await fake.start()
    await fake.stop()
    async with shipping(journal, loki_at(fake)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.FAILING)
        journal.rows.append(make_row(1, ended_ns=time.time_ns() - 60_000_000_000))
        shipper.wake()
        await holds(lambda: shipper.delivery().oldest_unshipped_seconds > 59)


async def test_a_receiver_is_well_again_after_trouble_with_the_journal_although_no_record_comes() -> None:
    journal = MemoryJournal(read_error=OSError("disk I/O error"))
    async with FakeLoki() as fake, shipping(journal, loki_at(fake)) as shipper:
        await holds(lambda: shipper.delivery().state is DeliveryState.FAILING)
        journal.read_error = None
        await holds(lambda: shipper.delivery().state is DeliveryState.WELL)
        assert shipper.delivery().last_error == ""
