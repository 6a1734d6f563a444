import orjson
import pytest
from prometheus_client import REGISTRY

from service.journal.shedding import Losses, exchange_without_bodies, lighter, lightest
from service.record.exchange import Body
from tests.journal.given import ended, make_record, record


def lost(what: str, reason: str) -> float:
    return REGISTRY.get_sample_value(f"ollama_recorder_{what}_lost_total", {"reason": reason}) or 0.0


def test_every_loss_reaches_the_counters_though_events_are_grouped() -> None:
    before = lost("records", "disk"), lost("bodies", "pressure")
    losses = Losses()

    for _ in range(100):
        losses.add_records(1, "disk")
    losses.add_bodies(3, "pressure")
    losses.add_bodies(0, "pressure")
    losses.say()

    assert (lost("records", "disk") - before[0], lost("bodies", "pressure") - before[1]) == (100, 3)
    assert (losses.total("records"), losses.total("bodies")) == (100, 3)


def test_a_record_first_loses_its_kept_bytes_and_then_the_bodies_in_its_line() -> None:
    given = record(1, b"question" * 20, b"answer" * 20)

    first = lighter(given)
    assert first is not None
    assert (first.line, first.request, first.response) == (given.line, b"", b"")

    second = lighter(first)
    assert second is not None
    line = orjson.loads(second.line)
    assert "request_body" not in line
    assert line["request_truncated"] is line["response_truncated"] is True
    assert list(line)[-3:] == ["request_truncated", "response_truncated", "exchange"], "the contract's order"
    assert lighter(second) is None
    assert lightest(given) == second


@pytest.mark.parametrize("summary", [b"", b"{", b"[]", b"\xff"])
def test_a_summary_that_is_no_object_is_taken_as_it_is(summary: bytes) -> None:
    given = record(1)
    odd = type(given)(
        *(given.id, given.started_ns, given.ended_ns, given.method, given.operation, given.outcome, None),
        *(given.line, summary, b"", b""),
    )

    found = lighter(odd)

    assert found is not None
    assert found.line == summary


def test_an_exchange_without_its_copies_still_says_how_much_passed() -> None:
    given = ended(1, response=b"x" * 50)

    bare = exchange_without_bodies(given)

    assert bare.response == Body(length=50)
    assert bare.response.is_shortened
    assert bare.opened.request.length == given.opened.request.length
    assert make_record(bare).request == b""
