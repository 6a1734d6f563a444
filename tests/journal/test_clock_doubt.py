import time
from pathlib import Path

import pytest

from service.journal import clock_doubt
from service.journal.clock_doubt import trust_clock
from service.journal.space import Retention
from tests.journal.given import kept_ids, open_journal, record

DAY_NS = 86_400 * 10**9
MONTH = Retention(days=30)


class Clock:
    """Moves the time that the recorder sees; ``is_set`` leaves alone the clock that nobody sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0
        self.slept = 0
        now, steady = time.time_ns, clock_doubt._steady_ns
        monkeypatch.setattr(time, "time_ns", lambda: now() + self.ahead)
        monkeypatch.setattr(clock_doubt, "_steady_ns", lambda: steady() + self.slept)

    def pass_days(self, days: float) -> None:
        self.ahead += int(days * DAY_NS)
        self.slept += int(days * DAY_NS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def fill(folder: Path) -> None:
    with open_journal(folder, retention=MONTH) as journal:
        journal.write([record(number, ended_ns=time.time_ns()) for number in range(1, 21)])


def tidied(folder: Path) -> str | None:
    """Start, remove all that may go; what a person is told."""
    with open_journal(folder, retention=MONTH) as journal:
        while journal.tidy():
            pass
        return journal.notice


def test_a_clock_that_is_a_month_ahead_at_the_start_costs_nothing_and_is_told(tmp_path: Path, clock: Clock) -> None:
    fill(tmp_path)
    clock.ahead = 31 * DAY_NS

    assert "trust-clock" in (tidied(tmp_path) or "")
    assert len(kept_ids(tmp_path)) == 20

    clock.ahead = 0
    assert tidied(tmp_path) is None, "the clock was set right"
    clock.pass_days(29)
    with open_journal(tmp_path, retention=MONTH) as journal:
        journal.write([record(21, ended_ns=time.time_ns())])
    clock.pass_days(2)
    tidied(tmp_path)
    clock.pass_days(1.1)
    tidied(tmp_path)
    assert kept_ids(tmp_path) == [21]


def test_after_a_day_or_a_persons_word_age_counts_again(tmp_path: Path, clock: Clock) -> None:
    for name in ("a day", "a word"):
        fill(tmp_path / name)
    clock.pass_days(31)
    for name in ("a day", "a word"):
        assert tidied(tmp_path / name) is not None

    trust_clock(tmp_path / "a word")
    assert tidied(tmp_path / "a word") is None
    assert kept_ids(tmp_path / "a word") == []
    clock.pass_days(1.1)
    assert tidied(tmp_path / "a day") is None
    assert kept_ids(tmp_path / "a day") == []


def test_a_jump_while_it_runs_costs_nothing_but_sleep_and_time_do_count(tmp_path: Path, clock: Clock) -> None:
    fill(tmp_path)
    with open_journal(tmp_path, retention=MONTH) as journal:
        assert not journal.tidy()
        clock.ahead += 31 * DAY_NS
        assert not journal.tidy()
        assert "trust-clock" in str(journal.notice)
        clock.ahead -= 31 * DAY_NS
        journal.tidy()
        assert journal.notice is None
        assert len(kept_ids(tmp_path)) == 20
        clock.pass_days(31)
        while journal.tidy():
            pass
    assert kept_ids(tmp_path) == []


def test_a_recorder_that_runs_an_hour_a_week_expires_all_the_same(tmp_path: Path, clock: Clock) -> None:
    fill(tmp_path)
    for week in range(8):
        clock.pass_days(7)
        with open_journal(tmp_path, retention=MONTH) as journal:
            journal.write([record(100 + week, ended_ns=time.time_ns())])
            while journal.tidy():
                pass

    assert not set(range(1, 21)) & set(kept_ids(tmp_path))


def test_size_is_no_matter_of_the_clock(tmp_path: Path, clock: Clock) -> None:
    fill(tmp_path)
    clock.ahead = 31 * DAY_NS
    with open_journal(tmp_path, retention=Retention(days=30, bytes=1)) as journal:
        while journal.tidy():
            pass
        assert kept_ids(tmp_path) == []
