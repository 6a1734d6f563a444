"""Where a call may go and where it goes, by the plain words of the promise, whatever is known."""

from hypothesis import given
from hypothesis import strategies as st

from service.upstreams.choice import Standing, choose, possible

STANDINGS = st.lists(
    st.builds(
        Standing,
        name=st.sampled_from(["gpu1", "gpu2", "gpu3", "gpu4"]),
        is_up=st.booleans(),
        has_model=st.booleans(),
        has_loaded=st.booleans(),
        is_free=st.booleans(),
        active=st.integers(0, 3),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one.name,
)
SOME = st.sets(st.sampled_from(["gpu1", "gpu2", "gpu3", "gpu4"]))


@given(STANDINGS, SOME)
def test_a_call_goes_only_where_it_may(standings: list[Standing], tried: set[str]) -> None:
    names = possible(standings, tried)
    known = {one.name: one for one in standings}
    assert not set(names) & tried
    assert list(names) == [one.name for one in standings if one.name in names]
    left = [one for one in standings if one.name not in tried]
    well = [one for one in left if one.is_up and one.has_model]
    if well:
        assert names == tuple(one.name for one in well)
    elif any(one.has_model for one in standings):
        # Never where Ollama would say that there is no such model, while somebody has it.
        assert all(known[name].has_model for name in names)
    else:
        assert bool(names) == bool(left)
        assert all(known[name].is_up for name in names) or not any(one.is_up for one in left)


@given(STANDINGS)
def test_a_first_try_always_has_somewhere_to_go(standings: list[Standing]) -> None:
    assert possible(standings)


@given(STANDINGS, st.sampled_from([None, "gpu1", "gpu2"]))
def test_the_first_that_tells_two_apart_decides(standings: list[Standing], last: str | None) -> None:
    chosen = next(one for one in standings if one.name == choose(standings, last))
    ready = [one for one in standings if one.has_loaded and one.is_free]
    if ready:
        assert chosen in ready
    alike = ready or standings
    if any(one.name == last for one in alike):
        assert chosen.name == last
    else:
        assert chosen.active == min(one.active for one in alike)


def test_the_order_of_the_setting_decides_where_nothing_else_does() -> None:
    assert choose([Standing("gpu2"), Standing("gpu1")]) == "gpu2"
    assert choose([Standing("a", is_free=False), Standing("b", is_free=False, has_loaded=True)]) == "b"
