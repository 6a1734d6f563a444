"""The two orders of those who wait for the same Ollamas; what changed since is out of date there."""

from service.sharing.flows import Flow, Priority
from service.sharing.ranking import Ranking


def test_what_changed_since_it_was_offered_is_out_of_date() -> None:
    ranking, flow, other = Ranking(("gpu1",)), Flow("a"), Flow("b", priority=Priority.BATCH)
    ranking.offer(flow, 1)
    ranking.offer(other, 2)
    assert ranking.oldest() == (1, 0, flow)
    flow.version += 1
    assert ranking.oldest() == (2, 0, other)
    assert ranking.least_served(Priority.INTERACTIVE) is None
    ranking.offer(flow, 3)
    found = ranking.least_served(Priority.INTERACTIVE)
    assert found is not None
    assert found[1:] == (3, 1, flow)
    ranking.drop_outdated()
    assert len(ranking) == 2
