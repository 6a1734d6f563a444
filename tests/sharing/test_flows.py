"""What a caller used of the model's time, and how that fades."""

import pytest

from service.sharing.fair_queue import FairQueue
from service.sharing.flows import HALF_LIFE, Flow


def test_what_was_used_fades() -> None:
    flow = Flow("heavy")
    assert flow.use(0.0) == 0.0
    flow.charge(100.0, 50.0)
    assert flow.use(50.0) == pytest.approx(100.0)
    assert flow.use(50.0 + HALF_LIFE) == pytest.approx(50.0)
    flow.charge(50.0, 50.0 + HALF_LIFE)
    assert flow.use(50.0 + HALF_LIFE) == pytest.approx(100.0)
    # For years on end: no number grows out of bounds, and what faded away can be added to.
    assert flow.use(1e9) == 0.0
    flow.charge(3.0, 1e9)
    assert flow.use(1e9) == pytest.approx(3.0)


def test_what_was_charged_too_much_is_given_back_and_nothing_falls_below_none() -> None:
    flow = Flow("light")
    flow.charge(1.0, 0.0)
    flow.charge(-5.0, 1.0)
    assert flow.use(1.0) == 0.0


def test_flows_compare_alike_at_every_moment() -> None:
    one, other = Flow("one"), Flow("other")
    one.charge(100.0, 0.0)
    other.charge(60.0, 400.0)
    assert (one.log_use < other.log_use) is (one.use(500.0) < other.use(500.0)) is (one.use(5000.0) < other.use(5000.0))


def test_a_call_is_charged_what_it_cost() -> None:
    queue = FairQueue(1)
    heavy = queue.arrive(queue.flow("heavy"), "", 0.0)
    queue.grant(0.0)
    queue.end(heavy, 100.0)
    assert heavy.flow.use(100.0) == pytest.approx(100.0)
    later = queue.arrive(queue.flow("heavy"), "", 1e9)
    assert queue.grant(1e9) is later
