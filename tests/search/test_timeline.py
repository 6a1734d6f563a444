import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.search.filters import Filter
from service.search.search import Search
from tests.search.indexed import BEGUN_NS, SECOND, index, said, write


@pytest.fixture
def searching(tmp_path: Path) -> Iterator[Search]:
    with contextlib.closing(Search(tmp_path)) as searching:
        yield searching


def test_only_dots_that_would_hide_each_other_are_one(tmp_path: Path, searching: Search) -> None:
    records = [
        said(1, seconds=0.100),
        said(2, seconds=0.101),
        said(3, seconds=0.200),
        said(4, seconds=0.100, outcome="client_left"),
        said(5, seconds=0.100, outcome="refused"),
        said(1000, seconds=0.100),
    ]
    write(tmp_path, records)
    index(tmp_path)

    begun = BEGUN_NS // 1_000_000
    assert searching.timeline(Filter(), columns=10).dots == [
        (begun + 2_101, 101, 0, 2, 2),
        (begun + 3_200, 200, 0, 1, 3),
        (begun + 4_100, 100, 2, 1, 4),
        (begun + 5_100, 100, 1, 1, 5),
        (begun + 1_000_100, 100, 0, 1, 6),
    ]
    assert len(searching.timeline(Filter(), columns=10_000).dots) == 6


def test_a_timeline_goes_from_the_first_to_the_last_or_as_far_as_is_asked(tmp_path: Path, searching: Search) -> None:
    write(tmp_path, [said(10), said(20)])
    index(tmp_path)

    whole = searching.timeline(Filter())
    assert (whole.since_ns, whole.until_ns) == (BEGUN_NS + 11 * SECOND, BEGUN_NS + 21 * SECOND + 1_000_000)
    asked = searching.timeline(Filter(since_ns=BEGUN_NS, until_ns=BEGUN_NS + 100 * SECOND))
    assert (asked.since_ns, asked.until_ns, asked.count) == (BEGUN_NS, BEGUN_NS + 100 * SECOND, 2)
    empty = searching.timeline(Filter(since_ns=BEGUN_NS + 50 * SECOND))
    assert (empty.count, empty.dots, empty.mean, empty.p50) == (0, [], None, None)
    assert empty.since_ns <= empty.until_ns
    # Nothing at all, at no time that was asked for: it is drawn around now, not in 1970.
    nothing = searching.timeline(Filter(model=("nobody",)))
    assert nothing.count == 0
    assert abs(nothing.until_ns - time.time_ns()) < 60 * SECOND
    assert nothing.since_ns <= nothing.until_ns


def test_what_lasted_nobody_knows_how_long_is_counted_and_drawn_but_not_averaged(
    tmp_path: Path, searching: Search
) -> None:
    write(tmp_path, [said(1, seconds=None, outcome="gateway_died"), said(2, seconds=0.0), said(3, seconds=4.0)])
    index(tmp_path)

    timeline = searching.timeline(Filter(), columns=1)

    assert (timeline.count, timeline.failed, timeline.mean, timeline.p50, timeline.p95) == (3, 1, 2.0, 0.0, 4.0)
    assert sorted(dot[1:4] for dot in timeline.dots) == [(0, 0, 1), (0, 1, 1), (4000, 0, 1)]


def test_one_that_a_wrong_clock_let_end_in_the_future_squeezes_nobody(tmp_path: Path, searching: Search) -> None:
    now_ns = time.time_ns()
    times = (-3 * SECOND, -2 * SECOND, -SECOND, 400 * 86_400 * SECOND)
    write(tmp_path, [said(number)._replace(ended_ns=now_ns + ago) for number, ago in enumerate(times, 1)])
    index(tmp_path)
    drawn = searching.timeline(Filter(since_ns=now_ns - 60 * SECOND))
    assert now_ns < drawn.until_ns < now_ns + 60 * SECOND
    assert drawn.count == len(drawn.dots) == 4
    assert drawn.dots[-1][0] < drawn.until_ns // 1_000_000
