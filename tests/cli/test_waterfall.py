"""Phases as bars, each where it was."""

import pytest

from service.cli.waterfall import bars
from service.record.explanation import Phase

PHASES = [
    Phase("wait", 5.0, 0.0, "loading"),
    Phase("prompt", 2.5, 5.0, "reading"),
    Phase("generation", 2.5, 7.5, "writing"),
]


def test_a_bar_is_as_long_as_its_phase_and_begins_where_the_one_before_ended() -> None:
    drawn = [line.plain[11:51] for line in bars(PHASES, 10.0)]
    assert drawn == ["█" * 20 + " " * 20, " " * 20 + "█" * 10 + " " * 10, " " * 30 + "█" * 10]
    assert next(line.plain[51:].split(maxsplit=1) for line in bars(PHASES, 10.0)) == ["5.0s", "loading"]


@pytest.mark.parametrize("total", [None, float("nan"), 0.0, -1.0])
def test_without_a_total_the_last_phase_ends_the_scale(total: float | None) -> None:
    assert [line.plain for line in bars(PHASES, total)] == [line.plain for line in bars(PHASES, 10.0)]


def test_the_shortest_phase_is_seen_and_no_bar_is_too_long() -> None:
    lines = bars([Phase("wait", 1e-9, 0.0, ""), Phase("sending", 1e9, 1e9, "")], 1.0)
    assert [len(line.plain[11:51]) for line in lines] == [40, 40]
    assert "▏" in lines[0].plain
    assert bars([], 5.0) == []
    assert bars([Phase("wait", 0.0, 0.0, "")], 0.0) == []


def test_in_a_narrow_terminal_bars_give_way_to_words() -> None:
    phases = [Phase("wait", 1.0, 0.0, "w" * 33), Phase("generation", 1.0, 1.0, "g")]
    first, second = (line.plain for line in bars(phases, 2.0, 80))
    assert len(first) == 80
    assert first.endswith("w" * 33)
    assert second.index("█") - first.index("█") == 13
    assert len(bars(phases, 2.0, 30)[0].plain) == 20 + 12 + 33
    assert [line.plain for line in bars(phases, 2.0, 200)] == [line.plain for line in bars(phases, 2.0)]
