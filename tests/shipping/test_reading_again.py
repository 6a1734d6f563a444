"""What was erased while it waited to be sent is not sent."""

from collections.abc import Mapping

from service.shipping.delivery import DeliveryState
from service.shipping.loki.judge import judge
from service.shipping.pace import Pace
from service.shipping.receiver import Verdict
from tests.fakes.loki import Answer, FakeLoki
from tests.journal.given import identifier
from tests.shipping.rows import MemoryJournal, holds, loki_at, make_row, shipping

SHORT_PAUSES = Pace(linger=0.0, idle=3600.0, first_delay=0.05, longest_delay=0.05, refused_delay=0.05)


def erase(journal: MemoryJournal, number: int) -> None:
    """MemoryJournal finds rows by their places, so the next row takes this one's place too."""
    journal.rows[number - 1] = journal.rows[number]


async def test_what_was_read_before_an_outage_is_read_again_and_not_sent() -> None:
    journal = MemoryJournal([make_row(number) for number in range(1, 4)])
    async with FakeLoki() as fake:
        fake.script.extend([Answer(503)] * 1000)
        async with shipping(journal, loki_at(fake), SHORT_PAUSES) as shipper:
            await holds(lambda: shipper.delivery().state is DeliveryState.FAILING)
            erase(journal, 2)
            shipper.read_again()
            fake.script.clear()
            await journal.wait_for_cursor(3)
        assert not [line for line in fake.lines() if identifier(2) in line]
        assert len([line for line in fake.lines() if identifier(3) in line]) == 1


async def test_a_refusal_of_what_was_erased_meanwhile_is_not_kept_as_it_may_quote_it() -> None:
    journal = MemoryJournal([make_row(1, response_text="x" * 300_000), make_row(2)])
    async with FakeLoki() as fake:
        answers = 0

        def judge_what_is_erased_by_then(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
            nonlocal answers
            answers += 1
            if answers == 1:
                erase(journal, 1)
                shipper.read_again()
            return judge(status, headers, body)

        receiver = loki_at(fake, judge=judge_what_is_erased_by_then)
        async with shipping(journal, receiver, SHORT_PAUSES) as shipper:
            await journal.wait_for_cursor(2)
        assert answers > 1
        assert journal.parked == {}
